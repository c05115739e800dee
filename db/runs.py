"""Runs: collected in a quiet window, claimed one per conversation and automation, resumed after a crash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from db.engine import Row, one, rows, run
from db.journal import WRITE_DOWN, StepRecord, line
from db.live import publish, ring

MAX_ATTEMPTS = 3
MAX_DEATHS = 20  # a killed worker is not the run's fault, but a run that kills every worker must end
LONGEST_WINDOW_SECONDS = 120  # a customer who keeps typing is answered after this at the latest


@dataclass(frozen=True)
class Run:
    """A claimed run with the document of its version."""

    id: UUID
    workspace_id: UUID
    automation_id: UUID
    automation: str
    version_id: UUID
    document: Mapping[str, Any]
    conversation_id: UUID | None
    contact_id: UUID | None
    trigger: Mapping[str, Any]
    first_seq: int
    last_seq: int
    epoch: int
    attempts: int
    deaths: int  # workers that died while they held it
    created_at: datetime
    fresh: bool  # taken up for the first time: there is no journal yet
    woken_by: Mapping[str, Any] | None = None  # what ended its last pause early


def collect(
    tx: Session,
    *,
    workspace: UUID,
    automation_id: UUID,
    version_id: UUID,
    conversation_id: UUID,
    contact_id: UUID,
    event_id: UUID,
    trigger: Mapping[str, Any],
    seq: int,
    wait_seconds: float,
    not_before: datetime | None,
) -> tuple[UUID, bool]:
    """The run that answers the message `seq`, and a ring for the workers: a pending one of the same conversation takes it in, else a new one is made.

    Returns (run id, True where it is new). Due `wait_seconds` after the newest message, and not before `not_before`.
    """
    made = one(
        tx,
        """
        WITH collected AS (
        INSERT INTO runs (workspace_id, automation_id, version_id, conversation_id, contact_id, event_id, trigger, first_seq,
                          last_seq, due_at)
        VALUES (%(workspace)s, %(automation)s, %(version)s, %(conversation)s, %(contact)s, %(event)s, %(trigger)s, %(seq)s, %(seq)s,
                greatest(now() + make_interval(secs => %(wait)s), %(not_before)s::timestamptz))
        ON CONFLICT (conversation_id, automation_id) WHERE state = 'pending' AND conversation_id IS NOT NULL
        DO UPDATE SET last_seq = greatest(runs.last_seq, EXCLUDED.last_seq), trigger = EXCLUDED.trigger,
            due_at = greatest(least(EXCLUDED.due_at, runs.created_at + make_interval(secs => %(longest)s)), %(not_before)s::timestamptz)
        RETURNING id, xmax = 0 AS is_new)
        SELECT id, is_new FROM collected
        """,
        workspace=workspace,
        automation=automation_id,
        version=version_id,
        conversation=conversation_id,
        contact=contact_id,
        event=event_id,
        trigger=Jsonb(trigger),
        seq=seq,
        wait=wait_seconds,
        not_before=not_before,
        longest=LONGEST_WINDOW_SECONDS,
    )
    assert made is not None
    ring(tx, "run")
    return made["id"], bool(made["is_new"])


def start(
    tx: Session,
    *,
    workspace: UUID,
    automation_id: UUID,
    version_id: UUID,
    conversation_id: UUID | None,
    contact_id: UUID | None,
    event_id: UUID | None,
    trigger: Mapping[str, Any],
    occasion_key: str,
    turn: tuple[int, int] = (0, 0),
) -> UUID | None:
    """A run that no message started, due now; None where this automation had a run for the same occasion.

    It is `waiting` from the beginning: `pending` is the state of a run that collects a turn, and newer ones would join it.
    """
    made = one(
        tx,
        """INSERT INTO runs (workspace_id, automation_id, version_id, conversation_id, contact_id, event_id, trigger,
                             occasion_key, first_seq, last_seq, state)
           VALUES (%(workspace)s, %(automation)s, %(version)s, %(conversation)s, %(contact)s, %(event)s, %(trigger)s, %(key)s,
                   %(first)s, %(last)s, 'waiting')
           ON CONFLICT (automation_id, occasion_key) WHERE occasion_key IS NOT NULL DO NOTHING RETURNING id""",
        workspace=workspace,
        automation=automation_id,
        version=version_id,
        conversation=conversation_id,
        contact=contact_id,
        event=event_id,
        trigger=Jsonb(trigger),
        key=occasion_key,
        first=turn[0],
        last=turn[1],
    )
    if made is None:
        return None
    ring(tx, "run")
    run_id: UUID = made["id"]
    return run_id


def claim(tx: Session, owner: str, lease_seconds: float, limit: int) -> list[Run]:
    """Lease due runs whose conversation no other run of the same automation works on (system transaction).

    Returns [] where another worker claimed one of them in the same instant: call again.
    """
    savepoint = tx.begin_nested()
    try:
        claimed = rows(tx, _CLAIM, owner=owner, lease=lease_seconds, limit=limit)
    except IntegrityError:
        savepoint.rollback()
        return []
    return [
        Run(**{name: r[name] for name in Run.__dataclass_fields__})
        for r in sorted(claimed, key=lambda r: int(r["seq"]))
    ]


_CLAIM = """
    WITH due AS (
        SELECT id FROM runs r
        WHERE state IN ('pending', 'waiting') AND due_at <= now()
          AND NOT EXISTS (SELECT FROM runs b WHERE b.conversation_id = r.conversation_id AND b.automation_id = r.automation_id
                          AND b.state = 'running')
          AND NOT EXISTS (SELECT FROM runs b WHERE b.conversation_id = r.conversation_id AND b.automation_id = r.automation_id
                          AND b.state IN ('pending', 'waiting') AND b.due_at <= now() AND b.seq < r.seq)
        ORDER BY due_at, seq LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    UPDATE runs r
    SET state = 'running', attempts = r.attempts + 1, lease_owner = %(owner)s, started_at = coalesce(r.started_at, now()),
        lease_until = now() + make_interval(secs => %(lease)s), waiting_for = '{}',
        -- the epoch is the one at the first start: a run that slept through a take-over must not send
        epoch = CASE WHEN r.started_at IS NULL
                     THEN coalesce((SELECT c.owner_epoch FROM conversations c WHERE c.id = r.conversation_id), 0) ELSE r.epoch END
    FROM due, automation_versions v, automations a
    WHERE r.id = due.id AND v.id = r.version_id AND a.id = r.automation_id
    RETURNING r.*, r.started_at = now() AS fresh, v.document, a.name AS automation
"""


def extend_leases(tx: Session, owner: str, run_ids: Sequence[UUID], lease_seconds: float) -> None:
    """A worker that still works says so; without it another one takes the run over."""
    run(
        tx,
        """UPDATE runs SET lease_until = now() + make_interval(secs => %(lease)s)
           WHERE id = ANY(%(ids)s) AND lease_owner = %(owner)s AND state = 'running'""",
        ids=list(run_ids),
        owner=owner,
        lease=lease_seconds,
    )


def release_expired(tx: Session) -> int:
    """Runs of a worker that died are due again; the journal keeps what was done (system transaction)."""
    return run(
        tx,
        """UPDATE runs SET state = 'waiting', deaths = deaths + 1, attempts = attempts - 1, lease_until = NULL, due_at = now()
           WHERE state = 'running' AND lease_until < now()""",
    )


def release(tx: Session, owner: str) -> int:
    """Give back everything that a stopping worker still holds; the journal keeps what was done."""
    return run(
        tx,
        """UPDATE runs SET state = 'waiting', lease_until = NULL, due_at = now(), attempts = attempts - 1
           WHERE state = 'running' AND lease_owner = %(owner)s""",
        owner=owner,
    )


def hold(tx: Session, run_id: UUID, owner: str) -> bool:
    """Lock the run for this transaction. False = it is no longer ours (lease lost, cancelled): write nothing."""
    return bool(
        rows(
            tx,
            "SELECT id FROM runs WHERE id = %(id)s AND state = 'running' AND lease_owner = %(owner)s FOR UPDATE",
            id=run_id,
            owner=owner,
        )
    )


def hold_speaking(tx: Session, run_id: UUID, owner: str) -> Row | None:
    """Like `hold`, with the run's conversation locked too: its columns and `connection_kind`; None where the run is not ours."""
    return one(
        tx,
        """SELECT c.*, k.kind AS connection_kind
            FROM runs r JOIN conversations c ON c.id = r.conversation_id JOIN connections k ON k.id = c.connection_id
            WHERE r.id = %(id)s AND r.state = 'running' AND r.lease_owner = %(owner)s FOR UPDATE OF r, c""",
        id=run_id,
        owner=owner,
    )


def finish(tx: Session, run_id: UUID, state: str, outcome: str, records: Iterable[StepRecord] = ()) -> None:
    """Write down how a run ended, and with it the last steps."""
    ended = one(
        tx,
        f"""
        WITH ended AS (
            UPDATE runs SET state = %(state)s, outcome = %(outcome)s, finished_at = now(), lease_until = NULL
            WHERE id = %(run)s RETURNING id, workspace_id, conversation_id, state),
        written AS ({WRITE_DOWN} RETURNING step_id)
        SELECT workspace_id, conversation_id FROM ended
        """,
        run=run_id,
        state=state,
        outcome=outcome[:1000],
        lines=Jsonb([line(record) for record in records]),
    )
    if ended is not None:
        publish(tx, ended["workspace_id"], "run", conversation=ended["conversation_id"], run=run_id, state=state)


def put_off(tx: Session, run_id: UUID, due_at: datetime, outcome: str, *, counted: bool) -> None:
    """Let the run wait until `due_at`; `counted` = this was one of its attempts."""
    run(
        tx,
        """UPDATE runs SET state = 'waiting', due_at = %(due)s, outcome = %(outcome)s, lease_until = NULL,
               attempts = CASE WHEN %(counted)s THEN attempts ELSE attempts - 1 END
           WHERE id = %(id)s""",
        id=run_id,
        due=due_at,
        outcome=outcome[:1000],
        counted=counted,
    )


def newer_turn(tx: Session, conversation_id: UUID, automation_id: UUID, last_seq: int) -> bool:
    """The customer wrote more, and a run that collects it waits already."""
    return bool(
        rows(
            tx,
            """SELECT FROM runs WHERE conversation_id = %(conversation)s AND automation_id = %(automation)s
                 AND state = 'pending' AND last_seq > %(seq)s""",
            conversation=conversation_id,
            automation=automation_id,
            seq=last_seq,
        )
    )


def pass_turn_on(tx: Session, conversation_id: UUID, automation_id: UUID, first_seq: int) -> None:
    """The waiting run also answers what the superseded one leaves unanswered."""
    run(
        tx,
        """UPDATE runs SET first_seq = least(first_seq, %(seq)s)
           WHERE conversation_id = %(conversation)s AND automation_id = %(automation)s AND state = 'pending'""",
        conversation=conversation_id,
        automation=automation_id,
        seq=first_seq,
    )


def hold_back(tx: Session, conversation_id: UUID, seconds: float) -> None:
    """After an answer, what waits in this conversation is answered `seconds` later at the earliest."""
    run(
        tx,
        """UPDATE runs SET due_at = greatest(due_at, now() + make_interval(secs => %(seconds)s))
           WHERE conversation_id = %(conversation)s AND state = 'pending'""",
        conversation=conversation_id,
        seconds=seconds,
    )


def set_epoch(tx: Session, run_id: UUID, epoch: int) -> None:
    """The run's own handoff moved the pen: what it still says belongs to the new epoch."""
    run(tx, "UPDATE runs SET epoch = %(epoch)s WHERE id = %(id)s", id=run_id, epoch=epoch)


def set_prefect_run(tx: Session, run_id: UUID, prefect_run_id: UUID) -> None:
    run(tx, "UPDATE runs SET prefect_run_id = %(prefect)s WHERE id = %(id)s", id=run_id, prefect=prefect_run_id)
