"""The list of conversations: what each filter finds, and one conversation as a row."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from sqlmodel import Session

from db import views
from db.views import ConversationLine
from ui import words

FILTERS = ("All", "Unread", "Waiting", "Mine", "AI")
SCAN = 100  # lines read at once ...
MOST_SCANNED = 2_000  # ... until so many were looked at: what is older than that has been read or settled long ago
_OWNERS: dict[str, Literal["ai", "human"]] = {"AI": "ai", "Mine": "human", "Waiting": "human"}
_NOTHING = {
    "All": ("No conversations yet", "Write in the web chat, and the conversation appears here at once."),
    "Unread": ("Everything is read", "New messages appear here by themselves."),
    "Waiting": ("Nobody is waiting", "When a customer needs a person, the conversation appears here."),
    "Mine": ("You have no conversation", "Take one over, and it stays here until you give it back."),
    "AI": ("The AI has no conversation", "Conversations that the AI answers appear here."),
}


def find(tx: Session, picked: str, search: str, me: UUID, limit: int) -> list[ConversationLine]:
    """The newest conversations of a filter."""
    kept: list[ConversationLine] = []
    seen, before = 0, None
    while len(kept) < limit and seen < MOST_SCANNED:
        page = views.conversation_list(tx, owner=_OWNERS.get(picked), search=search, before=before, limit=SCAN)
        kept += [line for line in page if _fits(line, picked, me)]
        seen += len(page)
        if len(page) < SCAN:
            break
        before = page[-1].cursor
    return kept[:limit]


def _fits(line: ConversationLine, picked: str, me: UUID) -> bool:
    match picked:
        case "Unread":
            return line.unread > 0
        case "Waiting":
            return line.handoff_state == "pending" or line.assignee_id is None
        case "Mine":
            return line.assignee_id == me
    return True


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
