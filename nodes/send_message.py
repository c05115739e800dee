"""Sends a message to the customer, on the channel of the conversation."""

from __future__ import annotations

from pydantic import Field

from nodes.contract import Context, NodeFailed, Result, Settings, Values, node
from nodes.effects import SendMessage
from nodes.material import Passage


class Config(Settings):
    text: str = Field(
        default="",
        description="The message; may hold {{step.output}}. Used when no text comes from an earlier step.",
        json_schema_extra={"widget": "textarea"},
    )


class Input(Values):
    text: str = Field(default="", description="The message, when it comes from an earlier step.")
    passages: list[Passage] = Field(
        default_factory=list, description="Passages that the answer rests on; kept with the message, not sent."
    )
    model: str = Field(default="", description="Model that wrote the answer; kept with the message, not sent.")
    quoted: bool = Field(
        default=False, description="Whether the answer quotes the documents; kept with the message, not sent."
    )


class Output(Values):
    sent: bool = Field(description="Whether a message goes out.")
    text: str = Field(description="The message.")
    reason: str = Field(description="Why nothing goes out; empty when it does.")


@node(
    "send_message",
    title="Send message",
    group="out",
    icon="send",
    sample=Input(text="We are open until 18:00."),
    effects=("send_message",),
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    if ctx.conversation is None:
        raise NodeFailed("This run has no conversation to send to. Start it from a message.")
    text = (input.text or config.text).strip()
    if not text:
        return Result(Output(sent=False, text="", reason="The text is empty, so nothing was sent."))
    message = SendMessage(text=text, explanation=_explanation(input))
    return Result(Output(sent=True, text=text, reason=""), (message,))


def _explanation(input: Input) -> dict[str, object]:
    """Why this answer, as far as the inputs tell."""
    passages = [{"id": passage.id, "source": passage.source, "score": passage.score} for passage in input.passages]
    return {
        name: value
        for name, value in (("passages", passages), ("model", input.model), ("quoted", input.quoted))
        if value
    }
