"""One conversation as the thread component shows it: bubbles, what became of them, and whether a person can answer now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from db.views import ConversationDetail, ThreadLine
from ui import words
from ui.whatsapp_templates import name_of

WINDOW = timedelta(hours=24)  # WhatsApp: free text only this long after the customer's last message
LONGEST = 20_000
CLOSED = (
    "WhatsApp takes free text only for 24 hours after the customer's last message. "
    "Send an approved template, or wait until the customer writes again."
)


def thread_data(
    conversation: ConversationDetail,
    messages: Sequence[ThreadLine],
    *,
    now: datetime,
    may_reply: bool,
    me: str,
    older: bool = False,
    settled: Collection[str] = (),
    refused: Mapping[str, str] | None = None,
    below: int = 0,
) -> dict[str, Any]:
    """The data of the thread component. `below` = pixels of the window that it leaves to what stands under it."""
    return {
        "conversation": str(conversation.id),
        "messages": [_bubble(message, messages, conversation) for message in messages],
        "older": older,
        "composer": composer(conversation, now=now, may_reply=may_reply, me=me),
        "settled": list(settled),
        "refused": refused,
        "below": below,
    }


def is_closed(conversation: ConversationDetail, now: datetime) -> bool:
    """Whether WhatsApp takes no free text in this conversation any more."""
    until = _window_end(conversation)
    return until is not None and until <= now


def composer(conversation: ConversationDetail, *, now: datetime, may_reply: bool, me: str) -> dict[str, Any]:
    """Whether a person can write, and the sentence that says why not or what a reply does."""
    open_until = _window_end(conversation)
    reason = ""
    if not may_reply:
        reason = "Your role may read but not reply."
    elif is_closed(conversation, now):
        reason = CLOSED
    return {
        "enabled": not reason,
        "hint": reason or _hint(conversation, me),
        "placeholder": _placeholder(conversation, reason),
        "open_until": open_until.isoformat() if open_until and not reason else "",
        "closed": CLOSED,
        "max_length": LONGEST,
    }


def _placeholder(conversation: ConversationDetail, reason: str) -> str:
    if reason == CLOSED:
        return "Only a template can be sent"
    return "Replying is not possible" if reason else f"Reply by {words.CHANNELS[conversation.channel]}"


def _window_end(conversation: ConversationDetail) -> datetime | None:
    if conversation.channel != "whatsapp":
        return None
    begin = conversation.last_inbound_at
    return (begin or conversation.created_at - WINDOW) + WINDOW


def _hint(conversation: ConversationDetail, me: str) -> str:
    if conversation.opted_out_at is not None:
        return "This customer asked for no more messages. Write only if you must."
    if conversation.owner == "ai":
        return "The AI answers here. Your reply takes the conversation over."
    if conversation.assignee_name and conversation.assignee_name != me:
        return f"{conversation.assignee_name} has this conversation. Your reply takes it over."
    return "Enter sends, Shift + Enter starts a new line."


def _bubble(message: ThreadLine, messages: Sequence[ThreadLine], conversation: ConversationDetail) -> dict[str, Any]:
    return {
        "id": str(message.id),
        "kind": message.direction,
        "author": message.author,
        "who": _who(message, conversation),
        "text": message.content,
        "at": message.created_at.isoformat(),
        "media": [
            {name: str(file.get(name) or "") for name in ("url", "name", "content_type")} for file in message.media
        ],
        "state": message.state,
        "error": message.error,
        "template": _template(message),
        "why": _question(message, messages),
    }


def _who(message: ThreadLine, conversation: ConversationDetail) -> str:
    if message.author == "contact":
        return conversation.contact_name
    return {"ai": "AI", "system": "Automatic notice"}.get(message.author) or message.author_name or "A colleague"


def _template(message: ThreadLine) -> str:
    """The template that left, by its name; '' where it was no template."""
    name = (message.metadata.get("explanation") or {}).get("template")
    return name_of(str(name), "") if name else ""


def _question(message: ThreadLine, messages: Sequence[ThreadLine]) -> dict[str, Any] | None:
    """What a person may ask about a message. An unanswered one shows its question, the others on pointing at them."""
    if message.direction == "out" and message.author == "ai":
        return {"text": "Why this answer?", "quiet": False}
    if message.direction != "in":
        return None
    answered = any(later.seq > message.seq and later.direction == "out" for later in messages)
    return {"text": "What happened?" if answered else "Why no answer?", "quiet": answered}
