"""A run that ended badly, taken up again: what of its journal is kept, and whether it may still speak."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows, run
from db.live import publish, ring
from db.records import record


@dataclass(frozen=True)
class EndedRun:
    """A run with what decides whether it may go on; locked, and its conversation too."""

    id: UUID
    workspace_id: UUID
    automation_id: UUID
    automation: str
    document: Mapping[str, Any]
    state: str
    outcome: str
    epoch: int
    last_seq: int
    conversation_id: UUID | None
    owner_epoch: int | None
    answered_seq: int | None
    person: str | None  # who has the conversation now
    owner: str | None
    ai_enabled: bool
    opted_out: bool
    wrote_since: bool  # the customer wrote more than what the run answers
    answered_since: bool  # somebody else has said something since
    own_handoff: bool  # its failure asked for a person, and nobody has taken the conversation since
    said: bool  # it put a message in line before it failed


@dataclass(frozen=True)
class KeptStep:
    step_id: str
    state: str
    pauses: int  # so often it waited before it failed: what it said and remembers is kept
    dropped: bool  # the run was stopped before its effects were in line
    emptied: bool  # what it gave was removed, because it is older than the workspace keeps
    at: datetime


def ended(tx: Session, run_id: UUID) -> EndedRun | None:
    """The run, locked until the transaction ends."""
    # The conversation first and then the run: the order in which a commit of a run locks them does not matter, it is not running.
    run(
        tx,
        """SELECT FROM conversations WHERE id = (SELECT conversation_id FROM runs WHERE id = %(id)s) FOR UPDATE""",
        id=run_id,
    )
    found = one(tx, _ENDED, id=run_id)
    return record(EndedRun, found) if found else None


def journal(tx: Session, run_id: UUID) -> list[KeptStep]:
    """Its steps in order."""
    found = rows(
        tx,
        """SELECT step_id, state, coalesce((detail ->> 'pauses')::int, 0) AS pauses, detail ? 'not_in_line' AS dropped,
                  state = 'done' AND output = '{}' AS emptied, started_at AS at
           FROM run_steps WHERE run_id = %(id)s ORDER BY position""",
        id=run_id,
    )
    return [record(KeptStep, row) for row in found]


def forget(tx: Session, run_id: UUID, steps: Sequence[KeptStep], *, keep_pauses: bool) -> None:
    """Let these steps happen anew; with `keep_pauses` one that had waited goes on where it waited."""
    waited = [step.step_id for step in steps if step.pauses and keep_pauses]
    run(
        tx,
        "UPDATE run_steps SET state = 'waiting' WHERE run_id = %(id)s AND step_id = ANY(%(steps)s)",
        id=run_id,
        steps=waited,
    )
    run(
        tx,
        "DELETE FROM run_steps WHERE run_id = %(id)s AND step_id = ANY(%(steps)s)",
        id=run_id,
        steps=[step.step_id for step in steps if step.step_id not in waited],
    )


def go_on(tx: Session, ended: EndedRun, outcome: str) -> None:
    """Due now, with all attempts before it. Where its own failure asked for a person, it may still say its words until one comes."""
    if ended.own_handoff:
        run(
            tx,
            "UPDATE conversations SET handed_over_by = %(run)s WHERE id = %(id)s",
            id=ended.conversation_id,
            run=ended.id,
        )
    run(
        tx,
        """UPDATE runs SET state = 'waiting', due_at = now(), outcome = %(outcome)s, attempts = 0, deaths = 0, finished_at = NULL,
               waiting_for = '{}', epoch = coalesce(%(epoch)s, epoch)
           WHERE id = %(id)s""",
        id=ended.id,
        outcome=outcome,
        epoch=ended.owner_epoch,
    )
    ring(tx, "run")
    publish(tx, ended.workspace_id, "run", conversation=ended.conversation_id, run=ended.id, state="waiting")


_ENDED = """
    SELECT r.id, r.workspace_id, r.automation_id, a.name AS automation, v.document, r.state, r.outcome, r.epoch, r.last_seq,
        r.conversation_id, c.owner_epoch, c.answered_seq, u.name AS person, c.owner, coalesce(c.ai_enabled, true) AS ai_enabled,
        t.opted_out_at IS NOT NULL AS opted_out,
        EXISTS (SELECT FROM messages m WHERE m.conversation_id = r.conversation_id AND m.direction = 'in' AND m.seq > r.last_seq
                  AND (r.last_seq > 0 OR m.created_at > r.started_at)) AS wrote_since,
        EXISTS (SELECT FROM messages m WHERE m.conversation_id = r.conversation_id AND m.direction = 'out' AND m.seq > r.last_seq
                  AND (r.last_seq > 0 OR m.created_at > r.started_at) AND m.run_id IS DISTINCT FROM r.id
                  AND m.state NOT IN ('failed', 'error', 'cancelled')) AS answered_since,
        coalesce(c.owner_epoch = r.epoch + 1 AND EXISTS (
            SELECT FROM handoffs h WHERE h.conversation_id = c.id AND h.state = 'pending'
              AND h.requested_by = 'run:' || r.id), false) AS own_handoff,
        EXISTS (SELECT FROM outbox o WHERE o.run_id = r.id AND o.message_id IS NOT NULL) AS said
    FROM runs r
    JOIN automations a ON a.id = r.automation_id
    JOIN automation_versions v ON v.id = r.version_id
    LEFT JOIN conversations c ON c.id = r.conversation_id
    LEFT JOIN contacts t ON t.id = c.contact_id
    LEFT JOIN users u ON u.id = c.assignee_id
    WHERE r.id = %(id)s FOR UPDATE OF r
"""
