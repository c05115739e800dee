"""WhatsApp takes free text only within 24 hours of the customer's last message: which of a message's two forms leaves, if any."""

from __future__ import annotations

from datetime import datetime, timedelta

from nodes.effects import SendMessage

WINDOW = timedelta(hours=24)  # Meta's customer service window
# A message takes a while to arrive; where a template stands by, it is not risked that the window closes meanwhile.
MARGIN = timedelta(minutes=1)
CLOSED = "WhatsApp takes free text only within 24 hours of the customer's last message. Send an approved template, or wait for a message."


def is_taken(channel: str, last_inbound_at: datetime | None, now: datetime) -> bool:
    """Whether a text that nobody approved may leave on this channel now."""
    return channel != "whatsapp" or (last_inbound_at is not None and now - last_inbound_at < WINDOW)


def as_it_leaves(message: SendMessage, channel: str, last_inbound_at: datetime | None, now: datetime) -> SendMessage:
    """The message with the text that the customer gets, as far as is known now.

    A template that stands by, because free text is still taken, stays in it: the message may wait in line until it is not.
    """
    template = message.template
    if template is None:
        return message
    if channel != "whatsapp":
        return message.model_copy(update={"template": None})
    if message.text != template.text and is_taken(channel, last_inbound_at, now + MARGIN):
        return message
    told = {**message.explanation, "template": template.name}
    return message.model_copy(update={"text": template.text, "media": (), "explanation": told})


def leaves_as_template(message: SendMessage) -> bool:
    """Whether what `as_it_leaves` gave is the template and not a text of its own."""
    return message.template is not None and message.text == message.template.text
