"""Tells colleagues that something needs their attention: on the page, by e-mail, by SMS or in a team chat."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from nodes.contract import Context, Result, Settings, Values, node
from nodes.effects import NotifyPeople

Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
Phone = Annotated[str, Field(pattern=r"^\+[0-9][0-9 ()-]{5,22}$")]


class Config(Settings):
    via: Literal["page", "email", "sms", "webhook"] = Field(
        title="How they are told",
        default="page",
        description="Show the notice on the page, send it by e-mail or SMS, or post it to a team chat.",
        json_schema_extra={
            "labels": {"page": "On the page", "email": "E-mail", "sms": "SMS", "webhook": "Team chat (Slack, Teams)"}
        },
    )
    to: list[Address] = Field(
        title="E-mail addresses",
        default_factory=list,
        description="E-mail addresses; none means every agent and admin of the workspace.",
        json_schema_extra={"only_if": {"via": "email"}},
    )
    phones: list[Phone] = Field(
        title="Phone numbers",
        default_factory=list,
        max_length=10,
        description="Phone numbers with country code, for example +14155550123.",
        json_schema_extra={"only_if": {"via": "sms"}},
    )
    webhook: str = Field(
        title="Address of the team chat",
        default="",
        pattern=r"^(https?://\S+)?$",
        description="Address of an incoming webhook of the team chat, as the chat's own settings give it.",
        json_schema_extra={"only_if": {"via": "webhook"}},
    )
    subject: str = Field(default="", max_length=200, description="Subject line; empty names the contact.")
    text: str = Field(
        default="",
        description="Text of the notice; may hold {{step.output}}. Empty means what the customer wrote.",
        json_schema_extra={"widget": "textarea"},
    )

    @model_validator(mode="after")
    def _reaches_somebody(self) -> Self:
        if self.via == "sms" and not self.phones:
            raise ValueError("an SMS needs at least one phone number")
        if self.via == "webhook" and not self.webhook:
            raise ValueError("a notice to a team chat needs the address of its webhook")
        return self


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
    notice = NotifyPeople(via=config.via, to=_to(config), subject=config.subject or f"Message from {who}", text=text)
    return Result(Output(notified=True), (notice,))


def _to(config: Config) -> tuple[str, ...]:
    match config.via:
        case "page":
            return ()
        case "email":
            return tuple(config.to)
        case "sms":
            return tuple(config.phones)
        case "webhook":
            return (config.webhook,)
