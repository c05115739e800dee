"""What is forgotten, and when. Messages, contacts and handoffs are kept; what explains them ages out.

Every function deletes at most `most` rows, the oldest first, and needs a `system()` transaction: call it until it returns 0.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from db.engine import rows, run

DEFAULT_DAYS = 90


def days_of_workspaces(tx: Session) -> dict[UUID, int]:
    """How long each workspace keeps explanations: its setting `retention_days`, 90 where it has none; 0 = for ever."""
    found = rows(
        tx,
        "SELECT id, coalesce((settings->>'retention_days')::int, %(days)s) AS days FROM workspaces",
        days=DEFAULT_DAYS,
    )
    return {row["id"]: int(row["days"]) for row in found}


def sign_ins(tx: Session, now: datetime, most: int) -> int:
    """Sessions that ended, and sign-in links that ended or were used."""
    ended = run(
        tx,
        "DELETE FROM sessions WHERE token_hash IN (SELECT token_hash FROM sessions WHERE expires_at < %(now)s LIMIT %(most)s)",
        now=now,
        most=most,
    )
    return ended + run(
        tx,
        """DELETE FROM sign_in_links WHERE token_hash IN (
               SELECT token_hash FROM sign_in_links WHERE expires_at < %(now)s OR used_at < %(used)s LIMIT %(most)s)""",
        now=now,
        used=now - timedelta(days=1),
        most=most,
    )


def events(tx: Session, workspace: UUID, before: datetime, most: int) -> int:
    """Arrivals that were processed or ignored; what is parked stays until a person looked at it."""
    return run(
        tx,
        """DELETE FROM events_queue WHERE id IN (
               SELECT id FROM events_queue
               WHERE workspace_id = %(workspace)s AND state IN ('done', 'ignored') AND received_at < %(before)s LIMIT %(most)s)""",
        workspace=workspace,
        before=before,
        most=most,
    )


def decisions(tx: Session, workspace: UUID, before: datetime, most: int) -> int:
    """Why automations fired, or did not."""
    return run(
        tx,
        """DELETE FROM decisions WHERE id IN (
               SELECT id FROM decisions WHERE workspace_id = %(workspace)s AND at < %(before)s LIMIT %(most)s)""",
        workspace=workspace,
        before=before,
        most=most,
    )


def journal_details(tx: Session, workspace: UUID, before: datetime, most: int) -> int:
    """What the steps of finished runs read and said. That they ran, how they ended and how long they took stays."""
    return run(
        tx,
        """UPDATE run_steps s SET input = '{}', output = '{}', effects = '[]', detail = '{}'
           FROM (SELECT s.run_id, s.step_id FROM run_steps s JOIN runs r ON r.id = s.run_id
                 WHERE s.workspace_id = %(workspace)s AND r.finished_at < %(before)s
                   AND (s.input, s.output, s.effects, s.detail) <> ('{}'::jsonb, '{}'::jsonb, '[]'::jsonb, '{}'::jsonb)
                 LIMIT %(most)s) old
           WHERE s.run_id = old.run_id AND s.step_id = old.step_id""",
        workspace=workspace,
        before=before,
        most=most,
    )
