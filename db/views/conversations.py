"""Conversations as a list, one with everything around it, and its thread."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows
from db.records import record
from db.views.paging import from_cursor, to_cursor
from db.views.search import CONTACT_FITS, contact_pattern, contacts_like

FEW_CONTACTS = 500


@dataclass(frozen=True)
class ConversationLine:
    id: UUID
    contact_id: UUID
    contact_name: str
    contact_phone: str | None
    contact_email: str | None
    channel: str
    address: str
    owner: Literal["ai", "human"]
    assignee_id: UUID | None
    assignee_name: str | None
    ai_enabled: bool
    unread: int
    preview: str
    last_message_at: datetime
    handoff_id: UUID | None  # the open request for a person, if there is one
    handoff_state: Literal["pending", "assigned"] | None
    handoff_priority: str | None

    @property
    def cursor(self) -> str:
        return to_cursor(self.last_message_at, self.id)


@dataclass(frozen=True)
class ConversationDetail(ConversationLine):
    owner_epoch: int
    ghl_sync: bool
    created_at: datetime
    last_inbound_at: datetime | None
    last_ai_reply_at: datetime | None
    contact_language: str
    contact_metadata: Mapping[str, Any]
    contact_crm: Mapping[str, Any]
    opted_out_at: datetime | None
    connection_id: UUID
    connection_name: str
    connection_state: str
    handoff_reason_code: str | None
    handoff_reason: str | None
    handoff_summary: str | None
    handoff_created_at: datetime | None


@dataclass(frozen=True)
class ThreadLine:
    id: UUID
    seq: int
    direction: Literal["in", "out", "note"]
    author: Literal["contact", "ai", "human", "system"]
    author_user_id: UUID | None
    author_name: str  # the contact's or the colleague's; '' for the AI and the system
    content: str
    media: list[Mapping[str, Any]]
    metadata: Mapping[str, Any]
    state: str
    error_code: str
    error: str
    run_id: UUID | None
    created_at: datetime
    sent_at: datetime | None


def conversation_list(
    tx: Session,
    *,
    owner: Literal["ai", "human"] | None = None,
    unread: bool | None = None,
    waiting: bool = False,
    assignee_id: UUID | None = None,
    search: str = "",
    before: str | None = None,
    limit: int = 50,
) -> list[ConversationLine]:
    """The conversations with the newest message first. `search` looks in name, phone and e-mail of the contact.

    `waiting`: those that need a person and have none, by an open request that nobody took or because who held them is gone.
    `unread`: True = only with unread messages, False = only without. Raises CursorInvalid.
    """
    _, moment, last = from_cursor(before)
    condition, values = _searched(tx, search)
    kept = [_OWNED[owner], _UNREAD[unread], _WAITING if waiting else "", _HELD if assignee_id else "", condition]
    statement = _LIST.format(conditions=" ".join(kept))
    found = rows(tx, statement, moment=moment, last=last, limit=limit, assignee=assignee_id, **values)
    return [record(ConversationLine, row) for row in found]


def conversation(tx: Session, id: UUID) -> ConversationDetail | None:
    """One conversation with its contact, its connection and the open request for a person."""
    row = one(tx, _DETAIL, id=id)
    return record(ConversationDetail, row) if row else None


def thread(tx: Session, conversation_id: UUID, before_seq: int | None = None, limit: int = 100) -> list[ThreadLine]:
    """The newest messages, oldest of them first; `before_seq` (the first line's seq) goes further back."""
    found = rows(tx, _THREAD, id=conversation_id, before=before_seq, limit=limit)
    return [record(ThreadLine, row) for row in reversed(found)]


def _searched(tx: Session, search: str) -> tuple[str, dict[str, Any]]:
    """The condition of a search. Few contacts: look up their conversations; many: try the newest conversations one by one."""
    if not search.strip():
        return "", {}
    found = contacts_like(tx, search, FEW_CONTACTS)
    if found is not None:
        return "AND c.contact_id = ANY(%(contacts)s::uuid[])", {"contacts": found}
    return _MATCHES_ITSELF, {"pattern": contact_pattern(search)}


_MATCHES_ITSELF = f"AND (SELECT {CONTACT_FITS} FROM contacts p WHERE p.id = c.contact_id)"
# Written into the statement, not parameters, so that the indexes of the few can be used.
_OWNED = {None: "", "ai": "AND c.owner = 'ai'", "human": "AND c.owner = 'human'"}
_UNREAD = {None: "", True: "AND c.unread > 0", False: "AND c.unread = 0"}
_HELD = "AND c.owner = 'human' AND c.assignee_id = %(assignee)s"
# Both halves are small, so they are collected first, however far back the conversations lie.
_WAITING = """AND c.id IN (
    SELECT conversation_id FROM handoffs WHERE state = 'pending'
    UNION SELECT id FROM conversations h WHERE owner = 'human' AND assignee_id IS NULL
        AND NOT EXISTS (SELECT FROM handoffs WHERE conversation_id = h.id AND state = 'assigned'))"""

_LINE = """
    c.id, c.contact_id, p.name AS contact_name, p.phone AS contact_phone, p.email AS contact_email, c.channel, c.address,
    c.owner, c.assignee_id, u.name AS assignee_name, c.ai_enabled, c.unread, c.last_message_preview AS preview,
    c.last_message_at, h.id AS handoff_id, h.state AS handoff_state, h.priority AS handoff_priority
"""

# The page is cut out first, then its few lines are completed.
_LIST = f"""
    SELECT {_LINE}
    FROM (
        SELECT c.* FROM conversations c
        WHERE (%(moment)s::timestamptz IS NULL OR (c.last_message_at, c.id) < (%(moment)s, %(last)s::uuid)) {{conditions}}
        ORDER BY c.last_message_at DESC, c.id DESC LIMIT %(limit)s
    ) c
    JOIN contacts p ON p.id = c.contact_id
    LEFT JOIN users u ON u.id = c.assignee_id
    LEFT JOIN handoffs h ON h.conversation_id = c.id AND h.state <> 'resolved'
    ORDER BY c.last_message_at DESC, c.id DESC
"""

_DETAIL = f"""
    SELECT {_LINE}, c.owner_epoch, c.ghl_sync, c.created_at, c.last_inbound_at, c.last_ai_reply_at,
        p.language AS contact_language, p.metadata AS contact_metadata, p.crm AS contact_crm, p.opted_out_at,
        c.connection_id, n.name AS connection_name, n.state AS connection_state, h.reason_code AS handoff_reason_code,
        h.reason AS handoff_reason, h.summary AS handoff_summary, h.created_at AS handoff_created_at
    FROM conversations c
    JOIN contacts p ON p.id = c.contact_id
    JOIN connections n ON n.id = c.connection_id
    LEFT JOIN users u ON u.id = c.assignee_id
    LEFT JOIN handoffs h ON h.conversation_id = c.id AND h.state <> 'resolved'
    WHERE c.id = %(id)s
"""

_THREAD = """
    SELECT m.*, coalesce(CASE m.author WHEN 'contact' THEN p.name WHEN 'human' THEN u.name END, '') AS author_name
    FROM (
        SELECT * FROM messages
        WHERE conversation_id = %(id)s AND (%(before)s::bigint IS NULL OR seq < %(before)s)
        ORDER BY seq DESC LIMIT %(limit)s
    ) m
    JOIN conversations c ON c.id = m.conversation_id
    JOIN contacts p ON p.id = c.contact_id
    LEFT JOIN users u ON u.id = m.author_user_id
    ORDER BY m.seq DESC
"""
