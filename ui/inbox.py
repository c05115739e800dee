"""The list of conversations: what each filter finds, and one conversation as a row."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import views
from db.views import ConversationLine
from ui import words

FILTERS = ("All", "Unread", "Waiting", "Mine", "AI")
_NOTHING = {
    "All": ("No conversations yet", "Write in the web chat, and the conversation appears here at once."),
    "Unread": ("Everything is read", "New messages appear here by themselves."),
    "Waiting": ("Nobody is waiting", "When a customer needs a person, the conversation appears here."),
    "Mine": ("You have no conversation", "Take one over, and it stays here until you give it back."),
    "AI": ("The AI has no conversation", "Conversations that the AI answers appear here."),
}


def find(tx: Session, picked: str, search: str, me: UUID, limit: int) -> list[ConversationLine]:
    """The newest conversations of a filter."""
    match picked:
        case "Unread":
            return views.conversation_list(tx, unread=True, search=search, limit=limit)
        case "Waiting":
            return views.conversation_list(tx, waiting=True, search=search, limit=limit)
        case "Mine":
            return views.conversation_list(tx, assignee_id=me, search=search, limit=limit)
        case "AI":
            return views.conversation_list(tx, owner="ai", search=search, limit=limit)
    return views.conversation_list(tx, search=search, limit=limit)


def item(line: ConversationLine) -> dict[str, Any]:
    chip = words.owner_chip(line.owner, line.ai_enabled, line.handoff_state, line.assignee_name)
    name = line.contact_name or line.contact_phone or "Visitor"
    return {
        "id": str(line.id),
        "title": name,
        "initials": words.initials(line.contact_name),
        "symbol": "" if words.initials(line.contact_name) else "person",
        "corner": words.CHANNEL_ICONS.get(line.channel, "chat"),
        "at": line.last_message_at.isoformat(),
        "text": line.preview or "No text",
        "unread": line.unread,
        "chips": [chip],
    }


def nothing(picked: str, search: str) -> dict[str, str]:
    """What an empty list says."""
    if search.strip():
        return {
            "title": "Nothing found",
            "text": f"No conversation matches “{search.strip()}”.",
            "symbol": "search_off",
        }
    title, text = _NOTHING[picked]
    return {"title": title, "text": text, "symbol": "inbox"}
