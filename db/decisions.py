"""For every message or occasion and each automation: did it start, and if not, the first reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import run


@dataclass(frozen=True)
class Decision:
    """Why an automation fired for a message (`run_id` set), or why it did not. `automation_id` None = before any was asked."""

    event_id: UUID
    message_id: UUID | None
    automation_id: UUID | None
    reason: str
    run_id: UUID | None = None


def write(tx: Session, workspace: UUID, decisions: Sequence[Decision]) -> None:
    """Keep decisions, in one statement."""
    lines = [
        {
            "event_id": str(decision.event_id),
            "message_id": _text(decision.message_id),
            "automation_id": _text(decision.automation_id),
            "reason": decision.reason,
            "run_id": _text(decision.run_id),
        }
        for decision in decisions
    ]
    if lines:
        run(
            tx,
            """INSERT INTO decisions (workspace_id, event_id, message_id, automation_id, fired, reason, run_id)
               SELECT %(workspace)s, event_id, message_id, automation_id, run_id IS NOT NULL, reason, run_id
               FROM jsonb_to_recordset(%(lines)s)
                   AS l(event_id uuid, message_id uuid, automation_id uuid, reason text, run_id uuid)""",
            workspace=workspace,
            lines=Jsonb(lines),
        )


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)
