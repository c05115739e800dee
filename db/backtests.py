"""Comparisons of a draft with the live version over past turns: who works on one (leases), what is done, what a person says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import one, rows, run
from db.live import publish, ring
from db.past import PastTurn
from db.records import record

Verdict = Literal["same", "better", "worse", "look"]
End = Literal["done", "failed", "cancelled"]

MOST_ATTEMPTS = 5  # times that one is taken up again after its process died


@dataclass(frozen=True)
class Backtest:
    """`live_version` 0 = there was none. Of `found` turns `compared` are done."""

    id: UUID
    seq: int
    workspace_id: UUID
    automation_id: UUID
    draft: Mapping[str, Any]
    draft_revision: int
    live_version: int
    days: int | None
    conversations: int | None
    state: Literal["pending", "working", "done", "failed", "cancelled"]
    outcome: str
    listed: bool
    cancel_requested: bool
    found: int
    compared: int
    attempts: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True)
class Turn:
    """A turn that is still to be compared."""

    id: UUID
    position: int
    turn: PastTurn


@dataclass(frozen=True)
class Newest:
    """The newest finished comparison of an automation; `worse_open` results were worse and nobody has looked at them."""

    draft: Mapping[str, Any]
    live_version: int
    worse_open: int


def add(
    tx: Session,
    workspace: UUID,
    automation_id: UUID,
    draft: Mapping[str, Any],
    revision: int,
    live_version: int,
    *,
    days: int | None,
    conversations: int | None,
    user_id: UUID | None,
) -> UUID | None:
    """A comparison that waits; None where one of this automation is open already."""
    made = one(
        tx,
        """INSERT INTO backtests (workspace_id, automation_id, draft, draft_revision, live_version, days, conversations, started_by)
           VALUES (%(workspace)s, %(automation)s, %(draft)s, %(revision)s, %(live)s, %(days)s, %(conversations)s, %(user)s)
           ON CONFLICT (automation_id) WHERE state IN ('pending', 'working') DO NOTHING RETURNING id""",
        workspace=workspace,
        automation=automation_id,
        draft=Jsonb(draft),
        revision=revision,
        live=live_version,
        days=days,
        conversations=conversations,
        user=user_id,
    )
    if made is None:
        return None
    ring(tx, "backtest")
    tell(tx, workspace, made["id"], "pending")
    id: UUID = made["id"]
    return id


def get(tx: Session, id: UUID) -> Backtest | None:
    found = one(tx, "SELECT * FROM backtests WHERE id = %(id)s", id=id)
    return record(Backtest, found) if found else None


def claim(tx: Session, owner: str, lease_seconds: float, id: UUID | None = None) -> Backtest | None:
    """The oldest one that waits, or whose process died; `id` = only this one. Needs a `system()` transaction."""
    found = one(tx, _CLAIM, owner=owner, lease=lease_seconds, id=id)
    return record(Backtest, found) if found else None


_CLAIM = """
    WITH free AS (
        SELECT id FROM backtests
        WHERE (state = 'pending' OR (state = 'working' AND lease_until < clock_timestamp()))
          AND (%(id)s::uuid IS NULL OR id = %(id)s)
        ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED)
    UPDATE backtests b SET state = 'working', lease_owner = %(owner)s, attempts = attempts + 1,
        lease_until = clock_timestamp() + make_interval(secs => %(lease)s), started_at = coalesce(started_at, now())
    FROM free WHERE b.id = free.id RETURNING b.*
"""


def seconds_until_expiry(tx: Session) -> float | None:
    """When the next lease ends, None where nothing is held. Needs a `system()` transaction."""
    found = one(
        tx,
        "SELECT extract(epoch FROM min(lease_until) - clock_timestamp()) AS s FROM backtests WHERE state = 'working'",
    )
    return None if found is None or found["s"] is None else float(found["s"])


def hold(tx: Session, id: UUID, owner: str, lease_seconds: float) -> Backtest | None:
    """Keep it for longer, with its figures brought up to date. None = it is not ours any more, or it was deleted."""
    found = one(
        tx,
        """UPDATE backtests SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s),
               compared = (SELECT count(*) FROM backtest_results r WHERE r.backtest_id = backtests.id AND r.verdict IS NOT NULL)
           WHERE id = %(id)s AND lease_owner = %(owner)s AND state = 'working' RETURNING *""",
        id=id,
        owner=owner,
        lease=lease_seconds,
    )
    if found is None:
        return None
    tell(tx, found["workspace_id"], id, "working")
    return record(Backtest, found)


def release(tx: Session, id: UUID, owner: str) -> None:
    """Give it back unfinished: another process goes on with it at once."""
    run(
        tx,
        """UPDATE backtests SET state = 'pending', lease_owner = '', attempts = greatest(attempts - 1, 0)
           WHERE id = %(id)s AND lease_owner = %(owner)s AND state = 'working'""",
        id=id,
        owner=owner,
    )
    ring(tx, "backtest")


def set_turns(tx: Session, backtest: Backtest, turns: Sequence[PastTurn]) -> None:
    """The turns to compare, once; each becomes a row without a verdict."""
    run(
        tx,
        """INSERT INTO backtest_results (workspace_id, backtest_id, position, conversation_id, message_id, first_seq, last_seq, text, at)
           SELECT %(workspace)s, %(backtest)s, l.* FROM jsonb_to_recordset(%(lines)s) AS l(position integer, conversation_id uuid,
               message_id uuid, first_seq bigint, last_seq bigint, text text, at timestamptz)""",
        workspace=backtest.workspace_id,
        backtest=backtest.id,
        lines=Jsonb(
            [
                {
                    "position": position,
                    "conversation_id": str(turn.conversation_id),
                    "message_id": str(turn.message_id),
                    "first_seq": turn.first_seq,
                    "last_seq": turn.last_seq,
                    "text": turn.text,
                    "at": turn.at.isoformat(),
                }
                for position, turn in enumerate(turns, 1)
            ]
        ),
    )
    run(tx, "UPDATE backtests SET listed = true, found = %(n)s WHERE id = %(id)s", id=backtest.id, n=len(turns))


def open_turns(tx: Session, id: UUID) -> list[Turn]:
    """What is still to be compared, the newest first."""
    found = rows(
        tx,
        """SELECT id, position, conversation_id, message_id, first_seq, last_seq, text, at FROM backtest_results
           WHERE backtest_id = %(id)s AND verdict IS NULL ORDER BY position""",
        id=id,
    )
    return [Turn(row["id"], row["position"], record(PastTurn, row)) for row in found]


def settle(
    tx: Session,
    result_id: UUID,
    verdict: Verdict,
    reasons: Sequence[str],
    differences: Sequence[Mapping[str, Any]],
    live: Mapping[str, Any],
    draft: Mapping[str, Any],
) -> None:
    """Keep what came of one turn."""
    run(
        tx,
        """UPDATE backtest_results SET verdict = %(verdict)s, reasons = %(reasons)s, differences = %(differences)s,
               live = %(live)s, draft = %(draft)s
           WHERE id = %(id)s""",
        id=result_id,
        verdict=verdict,
        reasons=list(reasons),
        differences=Jsonb(list(differences)),
        live=Jsonb(live),
        draft=Jsonb(draft),
    )


def finish(tx: Session, backtest: Backtest, owner: str, state: End, outcome: str) -> bool:
    """Close it with the sentence on the page; False = it was not ours any more."""
    closed = run(
        tx,
        """UPDATE backtests SET state = %(state)s, outcome = %(outcome)s, finished_at = now(), lease_until = NULL,
               compared = (SELECT count(*) FROM backtest_results r WHERE r.backtest_id = backtests.id AND r.verdict IS NOT NULL)
           WHERE id = %(id)s AND lease_owner = %(owner)s AND state = 'working'""",
        id=backtest.id,
        owner=owner,
        state=state,
        outcome=outcome,
    )
    tell(tx, backtest.workspace_id, backtest.id, state)
    return closed > 0


def request_cancel(tx: Session, id: UUID) -> bool:
    """Ask it to stop; one that nobody holds stops here. False = it is at its end already."""
    stopped = one(
        tx,
        """UPDATE backtests SET cancel_requested = true,
               state = CASE WHEN state = 'pending' THEN 'cancelled' ELSE state END,
               outcome = CASE WHEN state = 'pending' THEN 'Cancelled before it began.' ELSE outcome END,
               finished_at = CASE WHEN state = 'pending' THEN now() END
           WHERE id = %(id)s AND state IN ('pending', 'working') RETURNING workspace_id, state""",
        id=id,
    )
    if stopped is not None:
        tell(tx, stopped["workspace_id"], id, stopped["state"])
    return stopped is not None


def set_prefect_run(tx: Session, id: UUID, flow_run: UUID) -> None:
    run(tx, "UPDATE backtests SET prefect_run_id = %(run)s WHERE id = %(id)s", id=id, run=flow_run)


def review(tx: Session, result_id: UUID, user_id: UUID | None, verdict: Verdict | None, note: str) -> bool:
    """What a person says of a result; None takes it back. False = there is no such result."""
    return (
        run(
            tx,
            """UPDATE backtest_results SET review = %(verdict)s, review_note = %(note)s, reviewed_by = %(user)s,
                   reviewed_at = CASE WHEN %(verdict)s::text IS NOT NULL THEN now() END
               WHERE id = %(id)s AND verdict IS NOT NULL""",
            id=result_id,
            verdict=verdict,
            note=note,
            user=user_id,
        )
        > 0
    )


@dataclass(frozen=True)
class Figures:
    turns: int
    talks: int
    same: int
    better: int
    worse: int
    look: int


def figures(tx: Session, id: UUID) -> Figures:
    """How many turns came out how."""
    found = one(
        tx,
        """SELECT count(*) AS turns, count(DISTINCT conversation_id) AS talks, count(*) FILTER (WHERE verdict = 'same') AS same,
                  count(*) FILTER (WHERE verdict = 'better') AS better, count(*) FILTER (WHERE verdict = 'worse') AS worse,
                  count(*) FILTER (WHERE verdict = 'look') AS look
           FROM backtest_results WHERE backtest_id = %(id)s""",
        id=id,
    )
    assert found is not None
    return record(Figures, found)


def newest_done(tx: Session, automation_id: UUID) -> Newest | None:
    found = one(
        tx,
        """SELECT b.draft, b.live_version, (SELECT count(*) FROM backtest_results r
               WHERE r.backtest_id = b.id AND r.verdict = 'worse' AND r.review IS NULL) AS worse_open
           FROM backtests b WHERE b.automation_id = %(id)s AND b.state = 'done' ORDER BY b.seq DESC LIMIT 1""",
        id=automation_id,
    )
    return record(Newest, found) if found else None


def tell(tx: Session, workspace: UUID, id: UUID, state: str) -> None:
    """Tell open pages when this transaction commits."""
    publish(tx, workspace, "backtest", backtest=id, state=state)
