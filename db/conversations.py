"""Conversations, their messages, and the pen: who owns a conversation, and the epoch that grows with every change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import Row, one, rows, run
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


@dataclass(frozen=True)
class ConversationRow:
    """A conversation with what a run needs to know of it."""

    id: UUID
    workspace_id: UUID
    contact_id: UUID
    connection_id: UUID
    channel: str
    address: str
    owner: Literal["ai", "human"]
    owner_epoch: int
    assignee_id: UUID | None
    ai_enabled: bool
    answered_seq: int
    last_ai_reply_at: datetime | None
    last_inbound_at: datetime | None
    asked: bool = False  # a run waits for what the customer writes (told by at_address alone)


def find_or_create(
    tx: Session, workspace: UUID, contact_id: UUID, connection_id: UUID, channel: str, address: str
) -> tuple[ConversationRow, bool]:
    """The conversation of an address on a connection, locked until the end of the transaction; True = it is new."""
    created = one(
        tx,
        f"""INSERT INTO conversations (workspace_id, contact_id, connection_id, channel, address)
            VALUES (%(workspace)s, %(contact)s, %(connection)s, %(channel)s, %(address)s)
            ON CONFLICT (workspace_id, connection_id, channel, address) DO UPDATE SET address = EXCLUDED.address
            RETURNING {COLUMNS}, xmax = 0 AS is_new""",
        workspace=workspace,
        contact=contact_id,
        connection=connection_id,
        channel=channel,
        address=address,
    )
    assert created is not None
    return conversation_row(created), bool(created["is_new"])


def newest_of(tx: Session, contact_id: UUID) -> ConversationRow | None:
    """Where the contact wrote or was written to last."""
    found = one(
        tx,
        f"SELECT {COLUMNS} FROM conversations WHERE contact_id = %(id)s ORDER BY last_message_at DESC, id DESC LIMIT 1",
        id=contact_id,
    )
    return conversation_row(found) if found else None


def at_address(tx: Session, connection_id: UUID, channel: str, address: str) -> ConversationRow | None:
    """The conversation of an address, locked until the end of the transaction; None where nobody wrote from there yet."""
    found = one(
        tx,
        f"""SELECT {COLUMNS}, EXISTS (SELECT FROM runs r WHERE r.conversation_id = conversations.id AND r.state = 'waiting'
                AND r.waiting_for <> '{{}}' AND 'message' = ANY(r.waiting_for)) AS asked
            FROM conversations
            WHERE connection_id = %(connection)s AND channel = %(channel)s AND address = %(address)s FOR UPDATE""",
        connection=connection_id,
        channel=channel,
        address=address,
    )
    return conversation_row(found) if found else None


def get(tx: Session, conversation_id: UUID, *, lock: bool = False) -> ConversationRow | None:
    """One conversation; with `lock` nobody else changes it until this transaction ends."""
    found = one(
        tx,
        f"SELECT {COLUMNS} FROM conversations WHERE id = %(id)s" + (" FOR UPDATE" if lock else ""),
        id=conversation_id,
    )
    return conversation_row(found) if found else None


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


def move_pen(
    tx: Session,
    conversation: ConversationRow,
    owner: Literal["ai", "human"],
    assignee_id: UUID | None,
    *,
    by_run: UUID | None = None,
) -> ConversationRow:
    """The one transition of ownership: sets owner and assignee and grows the epoch, so that older AI work cannot leave.

    `by_run`: the run that asked for a person; its own last words are the exception.
    """
    moved = one(
        tx,
        f"""UPDATE conversations SET owner = %(owner)s, assignee_id = %(assignee)s, owner_epoch = owner_epoch + 1,
                handed_over_by = %(by_run)s
            WHERE id = %(id)s RETURNING {COLUMNS}""",
        id=conversation.id,
        owner=owner,
        assignee=assignee_id,
        by_run=by_run,
    )
    assert moved is not None
    publish(tx, conversation.workspace_id, "conversation", conversation=conversation.id, owner=owner)
    return conversation_row(moved)


def set_ai(tx: Session, conversation: ConversationRow, enabled: bool) -> None:
    """The AI switch; switching off grows the epoch, so that an answer in the making does not leave."""
    run(
        tx,
        """UPDATE conversations SET ai_enabled = %(on)s, owner_epoch = owner_epoch + CASE WHEN %(on)s THEN 0 ELSE 1 END,
               handed_over_by = CASE WHEN %(on)s THEN handed_over_by END
           WHERE id = %(id)s""",
        id=conversation.id,
        on=enabled,
    )
    publish(tx, conversation.workspace_id, "conversation", conversation=conversation.id)


def set_crm_copy(tx: Session, conversation: ConversationRow, enabled: bool) -> None:
    """Whether messages from now on are copied to the CRM. What was said meanwhile is not made up for."""
    run(tx, "UPDATE conversations SET ghl_sync = %(on)s WHERE id = %(id)s", id=conversation.id, on=enabled)
    publish(tx, conversation.workspace_id, "conversation", conversation=conversation.id)


def mark_read(tx: Session, workspace: UUID, conversation_id: UUID) -> None:
    if run(tx, "UPDATE conversations SET unread = 0 WHERE id = %(id)s AND unread > 0", id=conversation_id):
        publish(tx, workspace, "conversation", conversation=conversation_id)


def mark_answered(tx: Session, conversation_id: UUID, up_to_seq: int) -> None:
    """The customer has an answer to everything up to `up_to_seq`; it only grows."""
    run(
        tx,
        "UPDATE conversations SET answered_seq = greatest(answered_seq, %(seq)s) WHERE id = %(id)s",
        id=conversation_id,
        seq=up_to_seq,
    )


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


def remember_return(tx: Session, conversation: ConversationRow, text: str, after_seq: int) -> None:
    """The return marker: what the AI must know when a person gives the conversation back."""
    run(
        tx,
        """INSERT INTO ai_conversation_memory (workspace_id, conversation_id, role, text, after_seq)
           VALUES (%(workspace)s, %(id)s, 'return_marker', %(text)s, %(seq)s)""",
        workspace=conversation.workspace_id,
        id=conversation.id,
        text=text,
        seq=after_seq,
    )


COLUMNS = (
    "id, workspace_id, contact_id, connection_id, channel, address, owner, owner_epoch, assignee_id, ai_enabled, "
    "answered_seq, last_ai_reply_at, last_inbound_at"
)


def conversation_row(found: Row) -> ConversationRow:
    return ConversationRow(**{name: found[name] for name in ConversationRow.__dataclass_fields__ if name in found})


def preview(text: str, media: Sequence[Mapping[str, Any]]) -> str:
    """What a list of conversations shows of a message."""
    shown = " ".join(text.split())[:PREVIEW_CHARS]
    return shown or (f"[{len(media)} file{'s' if len(media) > 1 else ''}]" if media else "")
