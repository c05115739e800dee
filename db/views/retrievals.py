"""What automations looked for in the training material and what they found, from the journal of the runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows
from db.records import record
from db.views.paging import from_cursor, to_cursor
from db.views.search import pattern

FEW = 2_000  # questions that a search may find by index; where it finds more, the newest are looked through one by one


@dataclass(frozen=True)
class RetrievalLine:
    """One search of a run. `question` is what was looked for, `message` what the customer had written."""

    run_id: UUID
    step_id: str
    at: datetime
    question: str
    message: str
    best_score: float
    found: int
    conversation_id: UUID | None
    contact_name: str | None
    automation_name: str
    duration_ms: float

    @property
    def cursor(self) -> str:
        """Where a list goes on after this line."""
        return f"{to_cursor(self.at, self.run_id)}~{self.step_id}"


@dataclass(frozen=True)
class RetrievalDetail(RetrievalLine):
    """With the passages that were handed on, best first, and the scores of all that were looked at."""

    passages: list[Mapping[str, Any]]
    scores: list[Mapping[str, Any]]
    model: str


def retrieval_list(
    tx: Session, *, search: str = "", found: bool | None = None, before: str | None = None, limit: int = 50
) -> list[RetrievalLine]:
    """The searches, newest first; `before` (the last line's cursor) continues the list.

    `search` looks in the question; `found=False` leaves those that came back with nothing. Raises CursorInvalid.
    """
    cursor, _, step = (before or "").rpartition("~")
    _, at, run_id = from_cursor(cursor or before)
    conditions = [
        "s.node = 'retrieve@1'",
        "%(at)s::timestamptz IS NULL OR (s.started_at, s.run_id, s.step_id) < (%(at)s, %(run)s::uuid, %(step)s)",
    ]
    values: dict[str, Any] = {"at": at, "run": run_id, "step": step, "limit": limit, "found": found}
    if found is not None:
        conditions.append("(s.output->>'found')::boolean IS NOT DISTINCT FROM %(found)s")
    if search.strip():
        conditions.append(_asking(tx, search, values))
    where = " AND ".join(f"({condition})" for condition in conditions)
    return [record(RetrievalLine, row) for row in rows(tx, _LIST.format(where=where), **values)]


def retrieval(tx: Session, run_id: UUID, step_id: str) -> RetrievalDetail | None:
    """One search with everything that the journal kept of it."""
    row = one(tx, _DETAIL, run=run_id, step=step_id)
    return record(RetrievalDetail, row) if row else None


def _asking(tx: Session, search: str, values: dict[str, Any]) -> str:
    """The condition of a search: few are named one by one, many are found among the newest soon enough."""
    values["pattern"] = pattern(search)
    few = rows(tx, "SELECT * FROM retrievals_asking(%(pattern)s, %(most)s)", pattern=values["pattern"], most=FEW + 1)
    if len(few) > FEW:
        return "s.detail->>'query' ILIKE %(pattern)s"
    values["runs"] = [row["run_id"] for row in few]
    values["steps"] = [row["step_id"] for row in few]
    return "(s.run_id, s.step_id) IN (SELECT * FROM unnest(%(runs)s::uuid[], %(steps)s::text[]))"


_LINE = """
    s.run_id, s.step_id, s.started_at AS at, coalesce(s.detail->>'query', '') AS question, coalesce(s.input->>'message', '') AS message,
    coalesce((s.output->>'best_score')::double precision, 0) AS best_score,
    jsonb_array_length(coalesce(s.output->'passages', '[]')) AS found,
    r.conversation_id, p.name AS contact_name, a.name AS automation_name, s.duration_ms
"""
_JOINS = """
    JOIN runs r ON r.id = s.run_id
    JOIN automations a ON a.id = r.automation_id
    LEFT JOIN conversations c ON c.id = r.conversation_id
    LEFT JOIN contacts p ON p.id = CASE WHEN r.contact_id IS NULL THEN c.contact_id ELSE r.contact_id END
"""
# The lines are cut off before anything is joined to them.
_LIST = f"""
    SELECT {_LINE}
    FROM (SELECT * FROM run_steps s WHERE {{where}} ORDER BY s.started_at DESC, s.run_id DESC, s.step_id DESC LIMIT %(limit)s) s {_JOINS}
    ORDER BY s.started_at DESC, s.run_id DESC, s.step_id DESC
"""
_DETAIL = f"""
    SELECT {_LINE}, coalesce(s.output->'passages', '[]') AS passages, coalesce(s.detail->'scores', '[]') AS scores,
        coalesce(s.detail->>'model', '') AS model
    FROM run_steps s {_JOINS} WHERE s.run_id = %(run)s AND s.step_id = %(step)s AND s.node = 'retrieve@1'
"""
