"""The journal of a run: one line per step, written in one statement, so that a run taken up again repeats nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import rows, run

NOT_IN_LINE = "not_in_line"  # in `detail`


@dataclass(frozen=True)
class StepRecord:
    """One line of the journal."""

    step_id: str
    position: int
    node: str
    state: Literal["done", "skipped", "failed", "waiting"]
    started_at: datetime
    input: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    effects: Sequence[Mapping[str, Any]] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    attempts: int = 1
    duration_ms: float = 0.0


def not_in_line(record: StepRecord) -> StepRecord:
    """The record of a step whose effects were dropped, because the run was stopped; should it go on after all, the step happens anew."""
    dropped = (
        record.effects and record.state != "failed"
    )  # a failed step shows what it said before it waited, which is in line
    return replace(record, detail={**record.detail, NOT_IN_LINE: True}) if dropped else record


def read(tx: Session, run_id: UUID) -> dict[str, StepRecord]:
    """The steps that are written down, by step id."""
    found = rows(
        tx,
        """SELECT step_id, position, node, state, started_at, input, output, effects, detail, note, attempts, duration_ms
           FROM run_steps WHERE run_id = %(id)s ORDER BY position""",
        id=run_id,
    )
    return {r["step_id"]: StepRecord(**dict(r)) for r in found}


def write_down(tx: Session, run_id: UUID, records: Sequence[StepRecord]) -> None:
    """Add steps to the journal in one statement; a step that waited is replaced by how it ended."""
    if records:
        run(tx, WRITE_DOWN, run=run_id, lines=Jsonb([line(record) for record in records]))


WRITE_DOWN = """
    INSERT INTO run_steps (run_id, workspace_id, step_id, position, node, state, input, output, effects, detail, note, attempts,
                           started_at, duration_ms)
    SELECT r.id, r.workspace_id, l.* FROM runs r, jsonb_to_recordset(%(lines)s) AS l(step_id text, position integer, node text,
        state text, input jsonb, output jsonb, effects jsonb, detail jsonb, note text, attempts integer,
        started_at timestamptz, duration_ms double precision)
    WHERE r.id = %(run)s
    ON CONFLICT (run_id, step_id) DO UPDATE SET state = EXCLUDED.state, input = EXCLUDED.input, output = EXCLUDED.output,
        effects = EXCLUDED.effects, detail = EXCLUDED.detail, note = EXCLUDED.note, attempts = EXCLUDED.attempts,
        duration_ms = EXCLUDED.duration_ms"""


def line(record: StepRecord) -> dict[str, Any]:
    return {
        "step_id": record.step_id,
        "position": record.position,
        "node": record.node,
        "state": record.state,
        "input": record.input,
        "output": record.output,
        "effects": list(record.effects),
        "detail": record.detail,
        "note": record.note,
        "attempts": record.attempts,
        "started_at": record.started_at.isoformat(),
        "duration_ms": record.duration_ms,
    }
