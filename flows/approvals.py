"""What a colleague decides about a text that a run put before people: send it, send it with changes, or do not."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from db import audit, run_waits
from db.engine import Row, one, transaction
from flows.actions import MOST_TEXT, ActionRefused, colleague


def decide(workspace: UUID, user_id: UUID, run_id: UUID, approved: bool, text: str = "", note: str = "") -> None:
    """Let the run go on with this decision. `text` is the text with the colleague's changes; '' leaves it as it was.

    Raises ActionRefused where the run does not wait any more: somebody else decided, or it went on without a decision.
    """
    if len(text) > MOST_TEXT:
        raise ActionRefused(f"The text is too long ({len(text)} characters). Keep it under {MOST_TEXT}.")
    with transaction(workspace) as tx:
        name = colleague(tx, user_id)
        decision = {
            "kind": "approval",
            "approved": approved,
            "text": text.strip() if approved else "",
            "by": name,
            "note": note.strip()[:1000],
        }
        if not run_waits.wake(tx, run_id, "approval", decision):
            raise ActionRefused(_too_late(tx, run_id))
        audit.record(
            tx,
            workspace,
            f"user:{user_id}",
            "approval.approved" if approved else "approval.refused",
            f"run:{run_id}",
            edited=bool(decision["text"]),
        )


def _too_late(tx: Session, run_id: UUID) -> str:
    found = one(tx, _STANDING, id=run_id)
    if found is None:
        return "This run does not exist in this workspace."
    by = _decided_by(found)
    if by:
        return f"{by} has decided this already."
    if found["timed_out"]:
        return "Nobody decided in time, so the automation went on without a decision."
    return "This does not wait for a decision any more."


def _decided_by(found: Row) -> str:
    woken_by = found["woken_by"] or {}
    return str((woken_by.get("by") if woken_by.get("kind") == "approval" else "") or found["decided_by"] or "")


# The run with what its last approval said.
_STANDING = """
    SELECT r.woken_by, s.output ->> 'decided_by' AS decided_by, coalesce((s.output ->> 'timed_out')::boolean, false) AS timed_out
    FROM runs r LEFT JOIN LATERAL (
        SELECT output FROM run_steps s WHERE s.run_id = r.id AND s.node = 'approve@1' AND s.state = 'done'
        ORDER BY position DESC LIMIT 1) s ON true
    WHERE r.id = %(id)s
"""
