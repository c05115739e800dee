"""Why an automation fired for a message, or why it did not."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from db.engine import rows
from db.records import record


@dataclass(frozen=True)
class DecisionLine:
    id: int
    at: datetime
    event_id: UUID | None
    message_id: UUID | None
    automation_id: UUID | None
    automation_name: str | None  # None: decided before any automation was asked
    fired: bool
    reason: str
    run_id: UUID | None
    conversation_id: UUID | None
    contact_name: str | None
    text: str  # the beginning of the message


def decisions_for_message(tx: Session, message_id: UUID) -> list[DecisionLine]:
    """In the order in which they were made."""
    found = rows(tx, _DECISIONS.format(which="d.message_id = %(message)s", order="d.id"), message=message_id, limit=200)
    return [record(DecisionLine, row) for row in found]


def decision_list(tx: Session, before: int | None = None, limit: int = 50) -> list[DecisionLine]:
    """The newest first; `before` (the last line's id) continues the list."""
    which = "%(before)s::bigint IS NULL OR d.id < %(before)s"
    found = rows(tx, _DECISIONS.format(which=which, order="d.id DESC"), before=before, limit=limit)
    return [record(DecisionLine, row) for row in found]


_DECISIONS = """
    SELECT d.*, a.name AS automation_name, m.conversation_id, p.name AS contact_name, coalesce(left(m.content, 160), '') AS text
    FROM (SELECT * FROM decisions d WHERE {which} ORDER BY {order} LIMIT %(limit)s) d
    LEFT JOIN automations a ON a.id = d.automation_id
    LEFT JOIN messages m ON m.id = d.message_id
    LEFT JOIN conversations c ON c.id = m.conversation_id
    LEFT JOIN contacts p ON p.id = c.contact_id
    ORDER BY {order}
"""
