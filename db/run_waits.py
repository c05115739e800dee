"""Runs that wait for something to happen: an answer of the customer, a decision of a person, an occasion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import Row, rows, run
from db.journal import StepRecord
from db.live import publish, ring


def wait(tx: Session, run_id: UUID, step: StepRecord) -> None:
    """Let a run of ours wait as its step says (detail: until, wakes_on)."""
    [waiting] = rows(
        tx,
        """UPDATE runs SET state = 'waiting', due_at = %(until)s::timestamptz, outcome = %(reason)s, lease_until = NULL,
               waiting_for = %(wakes_on)s, woken_by = NULL, attempts = attempts - 1
           WHERE id = %(id)s RETURNING workspace_id, conversation_id""",
        id=run_id,
        until=step.detail["until"],
        reason=step.note[:1000],
        wakes_on=list(step.detail["wakes_on"]),
    )
    _tell(tx, waiting, run_id, "approval" in step.detail["wakes_on"])


def answered(tx: Session, conversation_id: UUID, text: str, seq: int, wait_seconds: float) -> Mapping[str, Any] | None:
    """Give a message to the run of this conversation that asked for one, the one that asked last.

    It goes on `wait_seconds` later; what the customer writes until then is part of the answer. Returns its id and automation_id.
    """
    found = rows(
        tx,
        """UPDATE runs SET due_at = now() + make_interval(secs => %(wait)s), last_seq = %(seq)s,
               first_seq = CASE WHEN woken_by IS NULL THEN %(seq)s ELSE first_seq END,
               woken_by = jsonb_build_object('kind', 'message', 'seq', %(seq)s::bigint, 'text',
                   CASE WHEN woken_by IS NULL THEN %(text)s ELSE (woken_by ->> 'text') || chr(10) || %(text)s END)
           WHERE id = (SELECT id FROM runs WHERE conversation_id = %(conversation)s AND state = 'waiting'
                         AND 'message' = ANY(waiting_for) ORDER BY seq DESC LIMIT 1 FOR UPDATE)
           RETURNING id, automation_id""",
        conversation=conversation_id,
        text=text,
        seq=seq,
        wait=wait_seconds,
    )
    if found:
        ring(tx, "run")
    return found[0] if found else None


def wake(tx: Session, run_id: UUID, what: str, woken_by: Mapping[str, Any]) -> bool:
    """Go on now with a run that waits for `what`. False = it does not wait for that (any more)."""
    found = rows(
        tx,
        """UPDATE runs SET due_at = now(), woken_by = %(by)s, waiting_for = '{}'
           WHERE id = %(id)s AND state = 'waiting' AND %(what)s = ANY(waiting_for)
           RETURNING workspace_id, conversation_id""",
        id=run_id,
        what=what,
        by=Jsonb(woken_by),
    )
    if found:
        ring(tx, "run")
        _tell(tx, found[0], run_id, what == "approval")
    return bool(found)


def wake_all(
    tx: Session, event: str, data: Mapping[str, Any], contact_id: UUID | None, conversation_id: UUID | None
) -> int:
    """Go on with every run of this contact or conversation that waits for the event; returns how many."""
    woken = run(
        tx,
        """UPDATE runs SET due_at = now(), woken_by = %(by)s, waiting_for = '{}'
           WHERE state = 'waiting' AND %(what)s = ANY(waiting_for)
             AND (contact_id = %(contact)s OR conversation_id = %(conversation)s)""",
        what=f"event:{event}",
        by=Jsonb({"kind": "event", "event": event, "data": dict(data)}),
        contact=contact_id,
        conversation=conversation_id,
    )
    if woken:
        ring(tx, "run")
    return woken


def _tell(tx: Session, found: Row, run_id: UUID, approval: bool) -> None:
    """Open pages show it; those that list what waits for people listen to a topic of its own, because runs are many."""
    ids = {"conversation": found["conversation_id"], "run": run_id, "state": "waiting"}
    for topic in ("run", "approval") if approval else ("run",):
        publish(tx, found["workspace_id"], topic, **ids)
