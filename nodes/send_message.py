"""Sends a message to the customer, on the channel of the conversation."""

from __future__ import annotations

from pydantic import Field

from nodes.contract import Context, NodeFailed, Result, Settings, Values, node
from nodes.effects import SendMessage, Template
from nodes.material import Passage
from nodes.message_template import MessageTemplate, filled


class Config(Settings):
    text: str = Field(
        default="",
        description="The message; may hold {{step.output}}. Used when no text comes from an earlier step.",
        json_schema_extra={"widget": "textarea"},
    )
    template: MessageTemplate | None = Field(
        default=None,
        description="Sent on WhatsApp when the customer last wrote more than 24 hours ago: then WhatsApp takes approved templates only.",
        json_schema_extra={"widget": "whatsapp_template"},
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
    if not text and config.template is None:
        return Result(Output(sent=False, text="", reason="The text is empty, so nothing was sent."))
    template, missing = _template(config.template, has_text=bool(text))
    text = text or (template.text if template else "")
    message = SendMessage(text=text, template=template, explanation=_explanation(input, missing))
    return Result(Output(sent=True, text=text, reason=""), (message,))


def _template(chosen: MessageTemplate | None, *, has_text: bool) -> tuple[Template | None, str]:
    """The template filled in, and why there is none.

    One that only stands by for a text and cannot be filled does not keep the text from the customer.
    """
    if chosen is None:
        return None, ""
    try:
        return filled(chosen), ""
    except NodeFailed as empty:
        if not has_text:
            raise
        return None, str(empty)


def _explanation(input: Input, template_missing: str) -> dict[str, object]:
    """Why this answer, as far as the inputs tell."""
    passages = [{"id": passage.id, "source": passage.source, "score": passage.score} for passage in input.passages]
    return {
        name: value
        for name, value in (
            ("passages", passages),
            ("model", input.model),
            ("quoted", input.quoted),
            ("template_missing", template_missing),
        )
        if value
    }
