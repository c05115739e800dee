"""What waits for a colleague's approval, the oldest first."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from db.engine import rows
from db.records import record


@dataclass(frozen=True)
class ApprovalLine:
    run_id: UUID
    step_id: str
    automation_name: str
    version: int
    title: str
    text: str
    contact_id: UUID | None
    contact_name: str | None
    contact_phone: str | None
    conversation_id: UUID | None
    channel: str | None
    pen_moved: bool  # the conversation changed hands since: what the run would send is cancelled
    since: datetime
    until: datetime  # then the run goes on without a decision


def approval_list(tx: Session, limit: int = 100) -> list[ApprovalLine]:
    """The approvals that wait in the transaction's workspace."""
    return [record(ApprovalLine, row) for row in rows(tx, _WAITING, limit=limit)]


# `@>` and not `= ANY`: the first has an index (runs_waiting_for).
_WAITING = """
    SELECT r.id AS run_id, s.step_id, a.name AS automation_name, v.number AS version,
        coalesce(s.detail -> 'memory' ->> 'title', '') AS title, coalesce(s.detail -> 'memory' ->> 'text', '') AS text,
        p.id AS contact_id, p.name AS contact_name, p.phone AS contact_phone, r.conversation_id, c.channel,
        coalesce(c.owner_epoch <> r.epoch, false) AS pen_moved,
        coalesce((s.detail -> 'memory' ->> 'asked_at')::timestamptz, s.started_at) AS since, r.due_at AS until
    FROM runs r
    JOIN run_steps s ON s.run_id = r.id AND s.state = 'waiting'
    JOIN automations a ON a.id = r.automation_id
    JOIN automation_versions v ON v.id = r.version_id
    LEFT JOIN conversations c ON c.id = r.conversation_id
    LEFT JOIN contacts p ON p.id = CASE WHEN r.contact_id IS NULL THEN c.contact_id ELSE r.contact_id END
    WHERE r.state = 'waiting' AND r.waiting_for @> '{approval}'
    ORDER BY since, r.seq LIMIT %(limit)s
"""
