"""What waits to be written to the CRM, what failed there lately, and when something worked last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows
from db.records import record


@dataclass(frozen=True)
class CrmWaiting:
    """`oldest` and `last_error` are of what waits; `last_error` '' = nothing went wrong with it yet."""

    waiting: int
    oldest: datetime | None
    next_try: datetime | None
    last_error: str
    failed: int  # given up within a day
    last_worked: datetime | None


@dataclass(frozen=True)
class CrmLine:
    """One change that waits or was given up. `kind`: copy_to_crm, crm_status, update_contact, ..."""

    id: UUID
    kind: str
    state: str
    contact_name: str | None
    attempts: int
    error: str
    created_at: datetime
    due_at: datetime


def waiting(tx: Session) -> CrmWaiting:
    """How it stands with everything that is to be written to the CRM of the transaction's workspace."""
    row = one(tx, _WAITING)
    assert row is not None
    return record(CrmWaiting, row)


def lines(tx: Session, state: str = "open", limit: int = 50) -> list[CrmLine]:
    """What waits (`open`, oldest first) or was given up within a day (`failed`, newest first)."""
    which = _OPEN if state == "open" else _FAILED
    return [record(CrmLine, row) for row in rows(tx, _LINES + which, limit=limit)]


_OF_CRM = "order_key LIKE 'crm:%%'"
_WAITING = f"""
    SELECT open.waiting, open.oldest, open.next_try,
        coalesce((SELECT o.error FROM outbox o WHERE o.state IN ('pending', 'sending') AND o.{_OF_CRM} AND o.error <> ''
                  ORDER BY o.seq LIMIT 1), '') AS last_error,
        (SELECT count(*) FROM outbox WHERE state = 'failed' AND {_OF_CRM} AND settled_at > now() - interval '1 day') AS failed,
        greatest(
            (SELECT settled_at FROM outbox WHERE state = 'done' AND {_OF_CRM} AND effect->>'kind' = 'copy_to_crm'
             ORDER BY settled_at DESC LIMIT 1),
            (SELECT settled_at FROM outbox WHERE state = 'done' AND {_OF_CRM} AND effect->>'kind' <> 'copy_to_crm'
             ORDER BY settled_at DESC LIMIT 1)) AS last_worked
    FROM (SELECT count(*) AS waiting, min(created_at) AS oldest, min(due_at) AS next_try FROM outbox
          WHERE state IN ('pending', 'sending') AND {_OF_CRM}) open
"""
_LINES = """
    SELECT o.id, o.effect ->> 'kind' AS kind, o.state, t.name AS contact_name, o.attempts, o.error, o.created_at, o.due_at
    FROM outbox o LEFT JOIN conversations c ON c.id = o.conversation_id LEFT JOIN contacts t ON t.id = c.contact_id
"""
_OPEN = f" WHERE o.state IN ('pending', 'sending') AND o.{_OF_CRM} ORDER BY o.seq LIMIT %(limit)s"
_FAILED = (
    f" WHERE o.state = 'failed' AND o.{_OF_CRM} AND o.settled_at > now() - interval '1 day'"
    " ORDER BY o.seq DESC LIMIT %(limit)s"
)
