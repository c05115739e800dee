"""The queue of raw arrivals: stored once, claimed in order, done or parked, never dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import rows, run
from db.live import ring

MAX_ATTEMPTS = 3
MAX_DEATHS = 20  # a killed machine is not the event's fault, but one that kills every worker must end
BACKOFF_SECONDS = (1, 10)  # before the second and the third attempt


@dataclass(frozen=True)
class Event:
    """A stored arrival that a worker has claimed."""

    id: UUID
    workspace_id: UUID
    connection_id: UUID
    type: str
    payload: Mapping[str, Any]
    attempts: int
    received_at: datetime


def store(
    tx: Session,
    *,
    workspace: UUID,
    connection_id: UUID,
    type: str,
    dedupe_key: str,
    order_key: str,
    payload: Mapping[str, Any],
) -> bool:
    """Keep an arrival and wake the workers. False = this arrival is here already."""
    stored = run(
        tx,
        """INSERT INTO events_queue (workspace_id, connection_id, type, dedupe_key, order_key, payload)
           VALUES (%(workspace)s, %(connection_id)s, %(type)s, %(dedupe_key)s, %(order_key)s, %(payload)s)
           ON CONFLICT (connection_id, dedupe_key) DO NOTHING""",
        workspace=workspace,
        connection_id=connection_id,
        type=type,
        dedupe_key=dedupe_key,
        order_key=order_key,
        payload=Jsonb(payload),
    )
    if stored:
        ring(tx, "event")
    return bool(stored)


def claim(tx: Session, owner: str, lease_seconds: float, limit: int) -> list[Event]:
    """Lease the oldest due events, at most one per order key and none that has an older one before it (system transaction)."""
    claimed = rows(
        tx,
        """
        WITH due AS (
            SELECT id FROM events_queue e
            WHERE state = 'pending' AND due_at <= now()
              AND NOT EXISTS (SELECT FROM events_queue b WHERE b.order_key = e.order_key AND b.seq < e.seq
                              AND b.state IN ('pending', 'processing'))
            ORDER BY seq LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
        UPDATE events_queue e
        SET state = 'processing', attempts = attempts + 1, lease_owner = %(owner)s,
            lease_until = now() + make_interval(secs => %(lease)s)
        FROM due WHERE e.id = due.id
        RETURNING e.id, e.workspace_id, e.connection_id, e.type, e.payload, e.attempts, e.received_at, e.seq
        """,
        owner=owner,
        lease=lease_seconds,
        limit=limit,
    )
    return [
        Event(r["id"], r["workspace_id"], r["connection_id"], r["type"], r["payload"], r["attempts"], r["received_at"])
        for r in sorted(claimed, key=lambda r: int(r["seq"]))
    ]


@dataclass(frozen=True)
class Ended:
    """How an event was worked off; `note` says why it was ignored."""

    id: UUID
    note: str = ""
    ignored: bool = False


def finish(tx: Session, owner: str, ended: Sequence[Ended]) -> int:
    """Mark claimed events as worked off; returns how many were still ours. Fewer than given = leases were lost: roll back."""
    return run(
        tx,
        """UPDATE events_queue e SET state = CASE WHEN l.ignored THEN 'ignored' ELSE 'done' END, note = l.note,
               processed_at = now(), lease_until = NULL
           FROM jsonb_to_recordset(%(lines)s) AS l(id uuid, note text, ignored boolean)
           WHERE e.id = l.id AND e.state = 'processing' AND e.lease_owner = %(owner)s""",
        owner=owner,
        lines=Jsonb([{"id": str(each.id), "note": each.note, "ignored": each.ignored} for each in ended]),
    )


def fail(tx: Session, event: Event, owner: str, reason: str) -> bool:
    """Give a claimed event back for another attempt, or park it after the third. True = parked."""
    parked = event.attempts >= MAX_ATTEMPTS
    delay = 0 if parked else BACKOFF_SECONDS[min(event.attempts, len(BACKOFF_SECONDS)) - 1]
    run(
        tx,
        """UPDATE events_queue SET state = %(state)s, note = %(reason)s, lease_until = NULL,
               due_at = now() + make_interval(secs => %(delay)s)
           WHERE id = %(id)s AND state = 'processing' AND lease_owner = %(owner)s""",
        id=event.id,
        owner=owner,
        reason=reason[:1000],
        delay=delay,
        state="parked" if parked else "pending",
    )
    return parked


def release_expired(tx: Session) -> int:
    """Events of a worker that died go back into the queue, and after twenty deaths are parked (system transaction)."""
    return run(
        tx,
        """UPDATE events_queue
           SET state = CASE WHEN deaths + 1 >= %(most)s THEN 'parked' ELSE 'pending' END, deaths = deaths + 1,
               attempts = attempts - 1, lease_until = NULL, due_at = now(),
               note = CASE WHEN deaths + 1 >= %(most)s THEN 'Workers died again and again while they worked on this.' ELSE note END
           WHERE state = 'processing' AND lease_until < now()""",
        most=MAX_DEATHS,
    )


def release(tx: Session, owner: str) -> int:
    """Give back everything that a stopping worker still holds."""
    return run(
        tx,
        """UPDATE events_queue SET state = 'pending', lease_until = NULL, attempts = attempts - 1
           WHERE state = 'processing' AND lease_owner = %(owner)s""",
        owner=owner,
    )


def retry(tx: Session, event_id: UUID) -> bool:
    """Put a parked event back into the queue, as an admin asks for it."""
    done = run(
        tx,
        """UPDATE events_queue SET state = 'pending', attempts = 0, due_at = now(), note = ''
           WHERE id = %(id)s AND state = 'parked'""",
        id=event_id,
    )
    ring(tx, "event")
    return bool(done)
