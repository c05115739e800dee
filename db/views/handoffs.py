"""Requests for a person: the ones that wait, the most urgent and oldest first; or the past ones, newest first."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db.engine import rows
from db.records import record
from db.views.paging import from_cursor, to_cursor

HandoffState = Literal["pending", "assigned", "resolved"]


@dataclass(frozen=True)
class HandoffLine:
    id: UUID
    conversation_id: UUID
    contact_id: UUID
    contact_name: str
    contact_phone: str | None
    channel: str
    owner: Literal["ai", "human"]
    preview: str
    state: HandoffState
    reason_code: str
    reason: str
    summary: str
    priority: Literal["low", "normal", "high", "urgent"]
    requested_by: str
    assignee_id: UUID | None
    assignee_name: str | None
    created_at: datetime
    assigned_at: datetime | None
    resolved_at: datetime | None
    resolution: str
    cursor: str


def handoff_list(
    tx: Session,
    states: Collection[str] = ("pending", "assigned"),
    before: str | None = None,
    limit: int = 50,
) -> list[HandoffLine]:
    """Those in these states. With 'resolved' among them the newest come first, otherwise the most urgent, then the oldest.

    Raises CursorInvalid.
    """
    past = "resolved" in states
    rank, moment, last = from_cursor(before, ranked=not past)
    statement = _PAST if past else _WAITING
    found = rows(tx, statement, states=list(states), rank=rank, moment=moment, last=last, limit=limit)
    return [
        record(
            HandoffLine,
            dict(row) | {"cursor": to_cursor(row["created_at"], row["id"], None if past else row["rank"])},
        )
        for row in found
    ]


_RANK = "array_position(ARRAY['urgent', 'high', 'normal', 'low'], h.priority)"

_LINE = f"""
    h.*, {_RANK} AS rank, c.contact_id, p.name AS contact_name, p.phone AS contact_phone, c.channel, c.owner,
    c.last_message_preview AS preview, u.name AS assignee_name
"""

_JOINS = """
    JOIN conversations c ON c.id = h.conversation_id
    JOIN contacts p ON p.id = c.contact_id
    LEFT JOIN users u ON u.id = h.assignee_id
"""

_WAITING = f"""
    SELECT {_LINE}
    FROM (
        SELECT * FROM handoffs h
        WHERE h.state <> 'resolved' AND h.state = ANY(%(states)s)
          AND (%(rank)s::integer IS NULL OR ({_RANK}, h.created_at, h.id) > (%(rank)s, %(moment)s::timestamptz, %(last)s::uuid))
        ORDER BY {_RANK}, h.created_at, h.id LIMIT %(limit)s
    ) h {_JOINS}
    ORDER BY {_RANK}, h.created_at, h.id
"""

_PAST = f"""
    SELECT {_LINE}
    FROM (
        SELECT * FROM handoffs h
        WHERE h.state = ANY(%(states)s)
          AND (%(moment)s::timestamptz IS NULL OR (h.created_at, h.id) < (%(moment)s, %(last)s::uuid))
        ORDER BY h.created_at DESC, h.id DESC LIMIT %(limit)s
    ) h {_JOINS}
    ORDER BY h.created_at DESC, h.id DESC
"""
