"""Requests for a person: pending -> assigned -> resolved, at most one open per conversation."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from db.conversations import ConversationRow
from db.engine import Row, one, run
from db.live import publish


@dataclass(frozen=True)
class HandoffRow:
    id: UUID
    workspace_id: UUID
    conversation_id: UUID
    state: str
    reason_code: str
    reason: str
    assignee_id: UUID | None


def open_one(
    tx: Session,
    conversation: ConversationRow,
    requested_by: str,
    reason_code: str,
    reason: str,
    summary: str = "",
    priority: str = "normal",
) -> tuple[UUID, bool]:
    """The open handoff of a conversation, made where there is none; True = it is new."""
    made = one(
        tx,
        """INSERT INTO handoffs (workspace_id, conversation_id, reason_code, reason, summary, priority, requested_by)
           VALUES (%(workspace)s, %(conversation)s, %(code)s, %(reason)s, %(summary)s, %(priority)s, %(by)s)
           ON CONFLICT (conversation_id) WHERE state <> 'resolved' DO NOTHING RETURNING id""",
        workspace=conversation.workspace_id,
        conversation=conversation.id,
        code=reason_code,
        reason=reason,
        summary=summary,
        priority=priority,
        by=requested_by,
    )
    found = made or one(
        tx, "SELECT id FROM handoffs WHERE conversation_id = %(id)s AND state <> 'resolved'", id=conversation.id
    )
    assert found is not None
    publish(tx, conversation.workspace_id, "handoff", conversation=conversation.id, handoff=found["id"])
    return found["id"], made is not None


def get(tx: Session, handoff_id: UUID, *, lock: bool = False) -> HandoffRow | None:
    found = one(
        tx, f"SELECT {_COLUMNS} FROM handoffs WHERE id = %(id)s" + (" FOR UPDATE" if lock else ""), id=handoff_id
    )
    return _row(found) if found else None


def of_conversation(tx: Session, conversation_id: UUID) -> HandoffRow | None:
    """The open handoff of a conversation."""
    found = one(
        tx,
        f"SELECT {_COLUMNS} FROM handoffs WHERE conversation_id = %(id)s AND state <> 'resolved'",
        id=conversation_id,
    )
    return _row(found) if found else None


def assign(tx: Session, handoff: HandoffRow, user_id: UUID | None) -> None:
    """`user_id` None = somebody who is no member here, in the CRM, has it."""
    run(
        tx,
        """UPDATE handoffs SET state = 'assigned', assignee_id = %(user)s, assigned_at = coalesce(assigned_at, now())
           WHERE id = %(id)s AND state <> 'resolved'""",
        id=handoff.id,
        user=user_id,
    )
    publish(tx, handoff.workspace_id, "handoff", conversation=handoff.conversation_id, handoff=handoff.id)


def resolve(tx: Session, handoff: HandoffRow, resolution: str) -> None:
    run(
        tx,
        """UPDATE handoffs SET state = 'resolved', resolved_at = now(), resolution = %(resolution)s
           WHERE id = %(id)s AND state <> 'resolved'""",
        id=handoff.id,
        resolution=resolution,
    )
    publish(tx, handoff.workspace_id, "handoff", conversation=handoff.conversation_id, handoff=handoff.id)


_COLUMNS = "id, workspace_id, conversation_id, state, reason_code, reason, assignee_id"


def _row(found: Row) -> HandoffRow:
    return HandoffRow(**dict(found))
