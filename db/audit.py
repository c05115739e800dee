"""The audit log: who did what to what. It only grows; the workspace role can neither change nor delete a line."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db.engine import rows, run
from db.records import AuditEntry
from db.records import record as as_record


def record(tx: Session, workspace: UUID | None, actor: str, action: str, subject: str = "", **detail: Any) -> None:
    """Add a line. `actor`: user:<id>, api_key:<id>, run:<id>, address:<ip> or system; `action`: a stable name like handoff.assigned.

    `workspace` None = before a workspace was known (a refused webhook); such a line needs a `system()` transaction.
    `detail` holds small JSON values, never message text, phone numbers or secrets.
    """
    run(
        tx,
        "INSERT INTO audit_log (workspace_id, actor, action, subject, detail)"
        " VALUES (%(workspace)s, %(actor)s, %(action)s, %(subject)s, %(detail)s)",
        workspace=workspace,
        actor=actor,
        action=action,
        subject=subject,
        detail={name: str(value) if isinstance(value, UUID) else value for name, value in detail.items()},
    )


def recent(tx: Session, limit: int = 100, before: int | None = None) -> list[AuditEntry]:
    """The newest lines first; `before` (an id) continues a list. A `system()` transaction sees every workspace."""
    found = rows(
        tx,
        "SELECT * FROM audit_log WHERE %(before)s::bigint IS NULL OR id < %(before)s ORDER BY id DESC LIMIT %(limit)s",
        before=before,
        limit=limit,
    )
    return [as_record(AuditEntry, row) for row in found]


def of_action(tx: Session, action: str, since: datetime) -> list[AuditEntry]:
    """The lines of one action from a time on, the oldest first."""
    found = rows(
        tx,
        "SELECT * FROM audit_log WHERE action = %(action)s AND at >= %(since)s ORDER BY id",
        action=action,
        since=since,
    )
    return [as_record(AuditEntry, row) for row in found]
