"""Comparisons of drafts with live versions: the list, one with its figures, and its results page by page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlmodel import Session

from db.backtests import Verdict
from db.engine import one, rows
from db.records import record


@dataclass(frozen=True)
class BacktestLine:
    """A comparison with how many turns came out how. `worse_open`: worse, and nobody has looked at it."""

    id: UUID
    seq: int
    automation_id: UUID
    automation_name: str
    draft_revision: int
    live_version: int  # 0 = there was none
    days: int | None
    conversations: int | None
    state: Literal["pending", "working", "done", "failed", "cancelled"]
    outcome: str
    found: int
    compared: int
    talks: int  # different conversations among the turns
    same: int
    better: int
    worse: int
    look: int
    worse_open: int
    live_cost_usd: float
    draft_cost_usd: float
    live_ms: float  # mean of a turn
    draft_ms: float
    started_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class ResultLine:
    """One turn, answered by both. `differences`: [{what, sentence, before, after}]."""

    id: UUID
    backtest_id: UUID
    position: int
    conversation_id: UUID
    message_id: UUID
    contact_name: str
    channel: str
    text: str
    at: datetime
    verdict: Verdict | None  # None = still to be done
    reasons: list[str]
    differences: list[Mapping[str, Any]]
    live: Mapping[str, Any]
    draft: Mapping[str, Any]
    review: Literal["same", "better", "worse"] | None
    review_note: str
    reviewed_by: str
    reviewed_at: datetime | None


def backtest_list(
    tx: Session, automation_id: UUID | None = None, *, before_seq: int | None = None, limit: int = 20
) -> list[BacktestLine]:
    """The newest first; `before_seq` (the last line's seq) continues the list."""
    found = rows(
        tx,
        f"""{_LINE} WHERE (%(automation)s::uuid IS NULL OR b.automation_id = %(automation)s)
              AND (%(before)s::bigint IS NULL OR b.seq < %(before)s) ORDER BY b.seq DESC LIMIT %(limit)s""",
        automation=automation_id,
        before=before_seq,
        limit=limit,
    )
    return [record(BacktestLine, row) for row in found]


def backtest(tx: Session, id: UUID) -> BacktestLine | None:
    row = one(tx, f"{_LINE} WHERE b.id = %(id)s", id=id)
    return record(BacktestLine, row) if row else None


def results(
    tx: Session,
    id: UUID,
    verdict: Verdict | None = None,
    *,
    unreviewed: bool = False,
    after_position: int = 0,
    limit: int = 25,
) -> list[ResultLine]:
    """The results of a comparison, the newest turn first; `after_position` (the last line's) continues the list."""
    if verdict is not None and verdict not in get_args(Verdict):
        raise ValueError(f"verdict='{verdict}' is none. Use one of {', '.join(get_args(Verdict))}.")
    found = rows(
        tx,
        """SELECT r.*, c.channel, t.name AS contact_name, coalesce(u.name, '') AS reviewed_by
           FROM backtest_results r JOIN conversations c ON c.id = r.conversation_id JOIN contacts t ON t.id = c.contact_id
           LEFT JOIN users u ON u.id = r.reviewed_by
           WHERE r.backtest_id = %(id)s AND r.position > %(after)s AND (%(verdict)s::text IS NULL OR r.verdict = %(verdict)s)
             AND (NOT %(unreviewed)s OR r.review IS NULL)
           ORDER BY r.position LIMIT %(limit)s""",
        id=id,
        after=after_position,
        verdict=verdict,
        unreviewed=unreviewed,
        limit=limit,
    )
    return [record(ResultLine, {**row}) for row in found]


_LINE = """
    SELECT b.*, a.name AS automation_name, coalesce(u.name, '') AS started_by, f.*
    FROM backtests b JOIN automations a ON a.id = b.automation_id LEFT JOIN users u ON u.id = b.started_by
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT conversation_id) AS talks,
               count(*) FILTER (WHERE verdict = 'same') AS same, count(*) FILTER (WHERE verdict = 'better') AS better,
               count(*) FILTER (WHERE verdict = 'worse') AS worse, count(*) FILTER (WHERE verdict = 'look') AS look,
               count(*) FILTER (WHERE verdict = 'worse' AND review IS NULL) AS worse_open,
               coalesce(sum((live->>'cost_usd')::float8), 0) AS live_cost_usd,
               coalesce(sum((draft->>'cost_usd')::float8), 0) AS draft_cost_usd,
               coalesce(avg((live->>'ms')::float8), 0) AS live_ms, coalesce(avg((draft->>'ms')::float8), 0) AS draft_ms
        FROM backtest_results WHERE backtest_id = b.id) f
"""
