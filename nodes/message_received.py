"""Starts when a customer writes, on the channels and with the words that you choose.

The texts of one turn (a few quick messages) are joined by line breaks.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nodes.contract import Context, Occasion, Settings, Values, node
from nodes.hours import HoursInvalid, hours_of
from nodes.language import guess
from nodes.words import found

Channel = Literal["webchat", "sms", "whatsapp", "email"]
CHANNEL_NAMES: dict[str, str] = {"webchat": "web chat", "sms": "SMS", "whatsapp": "WhatsApp", "email": "e-mail"}


class Config(Settings):
    channels: list[Channel] = Field(
        default_factory=list,
        description="Channels that this automation listens to; none chosen means all.",
        json_schema_extra={"widget": "channels"},
    )
    keywords: list[str] = Field(
        title="Words that start it",
        default_factory=list,
        description="Start only when the message holds one of these words or phrases; none means any message.",
    )
    only_first_message: bool = Field(
        title="Only the first message of a person",
        default=False,
        description="Start only when this person had never written in the conversation before.",
    )
    hours: Literal["any", "open", "closed"] = Field(
        title="When it starts",
        default="any",
        description="Start at any time, only during opening hours, or only outside them.",
        json_schema_extra={"widget": "hours"},
    )
    wait_for_more: float | None = Field(
        title="Wait for more messages (seconds)",
        default=None,
        ge=0,
        le=120,
        description="Seconds to wait for further messages before answering all at once; empty means the usual waiting time.",
    )


class Input(Values):
    """A trigger takes nothing from earlier steps."""


class Output(Values):
    text: str = Field(description="What the customer wrote.")
    channel: str = Field(description="Channel of the conversation, for example sms.")
    contact_name: str = Field(description="Name of the contact, empty where it is not known.")
    message_id: str = Field(description="Identifier of the newest message.")
    first_message: bool = Field(description="Whether nobody had written in this conversation before.")
    has_media: bool = Field(description="Whether a picture, voice note or file came along.")
    language: str = Field(description="Language of the message, for example de; empty where it cannot be told.")


def refuses(config: Config, occasion: Occasion) -> str:
    """The first reason in words why this automation does not start; '' when it does."""
    if occasion.kind != "message":
        return f"It starts with messages; this was a {occasion.kind} event."
    if config.channels and occasion.channel not in config.channels:
        listens = _listed([CHANNEL_NAMES[channel] for channel in config.channels])
        arrived = CHANNEL_NAMES.get(occasion.channel, occasion.channel)
        return f"It arrived by {arrived}; this automation listens to {listens} only."
    if config.only_first_message and not occasion.first_contact:
        return "It is not the first message of this conversation; this automation starts with the first only."
    if config.keywords and not found(occasion.text, config.keywords):
        return f"It holds none of the words that start this automation: {_listed(config.keywords)}."
    return _refused_by_hours(config, occasion)


def _refused_by_hours(config: Config, occasion: Occasion) -> str:
    if config.hours == "any":
        return ""
    if occasion.business is None or occasion.now is None:
        return "The opening hours are not known here, and this automation depends on them."
    try:
        is_open = hours_of(occasion.business).is_open(occasion.now)
    except HoursInvalid as error:
        return f"The opening hours cannot be read, and this automation depends on them. {error}"
    if config.hours == "open" and not is_open:
        return "It arrived outside opening hours; this automation works during opening hours only."
    if config.hours == "closed" and is_open:
        return "It arrived during opening hours; this automation works outside opening hours only."
    return ""


@node(
    "message_received",
    title="Message received",
    group="trigger",
    icon="chat",
    sample=Input(),
    refuses=refuses,
)
def run(config: Config, input: Input, ctx: Context) -> Output:
    messages = ctx.turn.messages
    contact = ctx.contact
    return Output(
        text=ctx.turn.text,
        channel=ctx.conversation.channel if ctx.conversation else "",
        contact_name=contact.name if contact else "",
        message_id=str(messages[-1].id) if messages else "",
        first_message=ctx.turn.first_contact,
        has_media=any(message.media for message in messages),
        language=guess(ctx.turn.text) or (contact.language if contact else ""),
    )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
