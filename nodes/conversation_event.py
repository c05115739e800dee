"""Starts when something happens in a conversation beside a message: a handoff is settled, or somebody stays silent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from nodes.contract import Context, Occasion, Settings, Values, node

Event = Literal["handoff_opened", "handoff_resolved", "taken_over", "given_back", "customer_silent", "nobody_answered"]
NAMES: Mapping[str, str] = {
    "handoff_opened": "a person is asked for",
    "handoff_resolved": "a handoff is settled",
    "taken_over": "a colleague takes over",
    "given_back": "a colleague gives the conversation back",
    "customer_silent": "the customer does not reply for a while",
    "nobody_answered": "nobody answers the customer for a while",
}
# Judged by the clock, not told by an action.
SILENCES = ("customer_silent", "nobody_answered")


class Config(Settings):
    event: Event = Field(
        title="What happens",
        default="handoff_resolved",
        description="What has to happen.",
        json_schema_extra={"labels": {name: words[:1].upper() + words[1:] for name, words in NAMES.items()}},
    )
    minutes: int = Field(
        title="Minutes without a message",
        default=60,
        ge=1,
        le=30 * 24 * 60,
        description="How long nobody writes, in minutes.",
        json_schema_extra={"only_if": {"event": [*SILENCES]}},
    )
    channels: list[Literal["webchat", "sms", "whatsapp", "email"]] = Field(
        default_factory=list,
        description="Channels that this automation listens to; none chosen means all.",
        json_schema_extra={"widget": "channels"},
    )


class Input(Values):
    """A trigger takes nothing from earlier steps."""


class Output(Values):
    event: str = Field(description="What happened, for example handoff_resolved.")
    channel: str = Field(description="Channel of the conversation, for example sms.")
    contact_name: str = Field(description="Name of the contact, empty where it is not known.")
    note: str = Field(description="What the colleague wrote, for example how the handoff was settled.")


def refuses(config: Config, occasion: Occasion) -> str:
    """The first reason in words why this automation does not start; '' when it does."""
    if occasion.kind != "conversation":
        return f"It starts when {NAMES[config.event]}; this was a {occasion.kind} event."
    if occasion.event != config.event:
        return f"It starts when {NAMES[config.event]}; here {NAMES.get(occasion.event, occasion.event)}."
    if config.channels and occasion.channel not in config.channels:
        return "It listens to other channels only."
    return ""


@node(
    "conversation_event",
    title="In a conversation",
    group="trigger",
    icon="forum",
    sample=Input(),
    refuses=refuses,
)
def run(config: Config, input: Input, ctx: Context) -> Output:
    data: Any = ctx.trigger.get("data", {})
    return Output(
        event=str(ctx.trigger.get("event") or config.event),
        channel=ctx.conversation.channel if ctx.conversation else "",
        contact_name=ctx.contact.name if ctx.contact else "",
        note=str(data.get("note", "")),
    )
