"""Conversations and the pen: who owns a conversation, and the epoch that grows with every change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db.engine import Row, one, run
from db.live import publish


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
