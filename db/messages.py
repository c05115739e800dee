"""Messages of a conversation: what is kept of each, and their state, which only moves forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.conversations import ConversationRow
from db.engine import Row, one, rows
from db.live import publish

PREVIEW_CHARS = 140

# A message state may only move to a state of a higher rank; a failure wins over anything but a delivery.
STATE_RANK = {
    "pending": 0,
    "sending": 1,
    "unknown": 2,
    "sent": 3,
    "failed": 4,
    "error": 4,
    "cancelled": 4,
    "delivered": 5,
    "read": 6,
}


def record_inbound(
    tx: Session,
    conversation: ConversationRow,
    provider_message_id: str,
    text: str,
    media: Sequence[Mapping[str, Any]],
    metadata: Mapping[str, Any],
    at: datetime,
    language: str = "",
) -> tuple[UUID, int] | None:
    """Keep what the customer wrote; returns (message id, seq), or None where this provider id is here already.

    `language` is the contact's from now on, unless one is known.
    """
    kept = one(
        tx,
        """
        WITH kept AS (
            INSERT INTO messages (workspace_id, conversation_id, connection_id, direction, author, content, media, metadata,
                                  provider_message_id)
            VALUES (%(workspace)s, %(conversation)s, %(connection)s, 'in', 'contact', %(text)s, %(media)s, %(metadata)s, %(pid)s)
            ON CONFLICT (connection_id, provider_message_id) WHERE provider_message_id IS NOT NULL DO NOTHING
            RETURNING id, seq),
        touched AS (
            UPDATE conversations SET last_message_at = %(at)s, last_inbound_at = %(at)s, unread = unread + 1,
                last_message_preview = %(preview)s
            WHERE id = %(conversation)s AND EXISTS (SELECT FROM kept)),
        spoke AS (
            UPDATE contacts SET language = %(language)s WHERE id = %(contact)s AND language = '' AND %(language)s <> '')
        SELECT id, seq FROM kept
        """,
        workspace=conversation.workspace_id,
        conversation=conversation.id,
        connection=conversation.connection_id,
        text=text,
        media=Jsonb(list(media)),
        metadata=Jsonb(metadata),
        pid=provider_message_id,
        at=at,
        preview=preview(text, media),
        language=language,
        contact=conversation.contact_id,
    )
    if kept is None:
        return None
    publish(tx, conversation.workspace_id, "message", conversation=conversation.id, message=kept["id"])
    return kept["id"], kept["seq"]


def record_note(
    tx: Session, conversation: ConversationRow, text: str, user_id: UUID | None = None, **metadata: Any
) -> int:
    """A line in the thread for people only; returns its seq."""
    kept = one(
        tx,
        """INSERT INTO messages (workspace_id, conversation_id, connection_id, direction, author, author_user_id, content, metadata)
           VALUES (%(workspace)s, %(conversation)s, %(connection)s, 'note', 'system', %(user)s, %(text)s, %(metadata)s)
           RETURNING id, seq""",
        workspace=conversation.workspace_id,
        conversation=conversation.id,
        connection=conversation.connection_id,
        user=user_id,
        text=text,
        metadata=Jsonb(metadata),
    )
    assert kept is not None
    publish(tx, conversation.workspace_id, "message", conversation=conversation.id, message=kept["id"])
    return int(kept["seq"])


def record_sent_elsewhere(
    tx: Session,
    conversation: ConversationRow,
    text: str,
    media: Sequence[Mapping[str, Any]],
    metadata: Mapping[str, Any],
) -> UUID:
    """Keep what a person sent to the customer by another program: it is shown, and it is not sent from here."""
    kept = one(
        tx,
        """
        WITH touched AS (
            UPDATE conversations SET last_message_at = now(), last_message_preview = %(preview)s WHERE id = %(conversation)s)
        INSERT INTO messages (workspace_id, conversation_id, connection_id, direction, author, content, media, metadata, state,
                              sent_at)
        VALUES (%(workspace)s, %(conversation)s, %(connection)s, 'out', 'human', %(text)s, %(media)s, %(metadata)s, 'sent', now())
        RETURNING id
        """,
        workspace=conversation.workspace_id,
        conversation=conversation.id,
        connection=conversation.connection_id,
        text=text,
        media=Jsonb(list(media)),
        metadata=Jsonb(metadata),
        preview=preview(text, media),
    )
    assert kept is not None
    publish(tx, conversation.workspace_id, "message", conversation=conversation.id, message=kept["id"])
    message_id: UUID = kept["id"]
    return message_id


def advance_state(
    tx: Session,
    message_id: UUID,
    state: str,
    *,
    provider_message_id: str | None = None,
    error_code: str = "",
    error: str = "",
) -> bool:
    """Move a message forward; a late `sent` never overwrites `read`. False = it was further on already."""
    moved = one(
        tx,
        """
        WITH moved AS (
            UPDATE messages SET state = %(state)s, updated_at = now(), error_code = %(code)s, error = %(error)s,
                provider_message_id = coalesce(%(pid)s, provider_message_id),
                sent_at = CASE WHEN %(rank)s >= 3 AND %(rank)s <> 4 THEN coalesce(sent_at, now()) ELSE sent_at END
            WHERE id = %(id)s AND direction = 'out' AND coalesce((%(ranks)s::jsonb ->> state)::int, -1) < %(rank)s
            RETURNING id, workspace_id, conversation_id, state)
        SELECT workspace_id, conversation_id FROM moved
        """,
        id=message_id,
        state=state,
        rank=STATE_RANK[state],
        ranks=Jsonb(STATE_RANK),
        pid=provider_message_id,
        code=error_code,
        error=error,
    )
    if moved is None:
        return False
    publish(
        tx, moved["workspace_id"], "message", conversation=moved["conversation_id"], message=message_id, state=state
    )
    return True


def provider_ids(tx: Session, conversation_id: UUID) -> list[str]:
    """The provider's ids of the last messages that we sent here: none of them is one whose outcome is still unknown."""
    found = rows(
        tx,
        """SELECT provider_message_id FROM messages
           WHERE conversation_id = %(id)s AND direction = 'out' AND provider_message_id IS NOT NULL
           ORDER BY seq DESC LIMIT 500""",
        id=conversation_id,
    )
    return [r["provider_message_id"] for r in found]


def turn_messages(tx: Session, conversation_id: UUID, from_seq: int, to_seq: int) -> Sequence[Row]:
    """What the customer wrote from one seq to another, oldest first: id, seq, content, media, created_at."""
    return rows(
        tx,
        """SELECT id, seq, content, media, created_at FROM messages
           WHERE conversation_id = %(id)s AND seq BETWEEN %(from_seq)s AND %(to_seq)s AND direction = 'in'
           ORDER BY seq""",
        id=conversation_id,
        from_seq=from_seq,
        to_seq=to_seq,
    )


def last_seq(tx: Session, conversation_id: UUID) -> int:
    found = one(
        tx, "SELECT coalesce(max(seq), 0) AS seq FROM messages WHERE conversation_id = %(id)s", id=conversation_id
    )
    return int(found["seq"]) if found else 0


def preview(text: str, media: Sequence[Mapping[str, Any]]) -> str:
    """What a list of conversations shows of a message."""
    shown = " ".join(text.split())[:PREVIEW_CHARS]
    return shown or (f"[{len(media)} file{'s' if len(media) > 1 else ''}]" if media else "")
