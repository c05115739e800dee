"""Tells colleagues that something needs their attention, on the page or by e-mail."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nodes.contract import Context, Result, Settings, Values, node
from nodes.effects import NotifyPeople

Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]


class Config(Settings):
    via: Literal["page", "email"] = Field(
        default="page", description="Show the notice on the page, or send it by e-mail."
    )
    to: list[Address] = Field(
        default_factory=list, description="E-mail addresses; none means every agent and admin of the workspace."
    )
    subject: str = Field(default="", max_length=200, description="Subject line; empty names the contact.")
    text: str = Field(
        default="",
        description="Text of the notice; may hold {{step.output}}. Empty means what the customer wrote.",
        json_schema_extra={"widget": "textarea"},
    )


class Input(Values):
    text: str = Field(default="", description="Text of the notice, when it comes from an earlier step.")


class Output(Values):
    notified: bool = Field(description="Whether a notice goes out; an empty one does not.")


@node(
    "notify",
    title="Notify colleagues",
    group="out",
    icon="notifications",
    sample=Input(text="A customer asks for an offer."),
    effects=("notify_people",),
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    text = (input.text or config.text or ctx.turn.text).strip()
    if not text:
        return Result(Output(notified=False), detail={"reason": "The text of the notice is empty."})
    who = (ctx.contact.name if ctx.contact else "") or "a customer"
    notice = NotifyPeople(
        via=config.via, to=tuple(config.to), subject=config.subject or f"Message from {who}", text=text
    )
    return Result(Output(notified=True), (notice,))
