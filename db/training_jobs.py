"""The work on training sources: who may do it (leases), how far it is, how it ended. One job of a source at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows, run
from db.live import publish, ring
from db.records import record

Cause = Literal["added", "by_hand", "schedule", "retry", "approved"]
Scope = Literal["all", "some"]
End = Literal["done", "failed", "cancelled"]

MOST_ATTEMPTS = 5  # times that a job is taken up again after its process died


@dataclass(frozen=True)
class Job:
    """A crawl, or a reading of files. `found` documents, of which `looked_at` have come out one way or another."""

    id: UUID
    seq: int
    workspace_id: UUID
    source_id: UUID
    cause: Cause
    scope: Scope
    state: Literal["pending", "working", "done", "failed", "cancelled"]
    outcome: str
    listed: bool
    partial: bool
    cancel_requested: bool
    found: int
    indexed: int
    unchanged: int
    skipped: int
    failed: int
    removed: int
    waiting: int
    passages_added: int
    passages_removed: int
    embedded: int
    attempts: int
    prefect_run_id: UUID | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def looked_at(self) -> int:
        return self.indexed + self.unchanged + self.skipped + self.failed + self.waiting


@dataclass(frozen=True)
class Claimed:
    """A job that this process may do now. `left_behind` is the flow run of a process that died with it."""

    job: Job
    left_behind: UUID | None


def add(tx: Session, workspace: UUID, source: UUID, cause: Cause, scope: Scope = "all") -> tuple[UUID, bool]:
    """(job, True), or the job that is open already and False. Wakes the trainer and tells the pages."""
    values = {"w": workspace, "s": source, "cause": cause, "scope": scope}
    while (row := one(tx, _ADD, **values)) is None:
        # Held until the end of this transaction, so that the job cannot end before it knows what is added to it.
        found = one(
            tx,
            "SELECT id FROM training_jobs WHERE source_id = %(s)s AND state IN ('pending', 'working') FOR UPDATE",
            s=source,
        )
        if found is not None:
            return found["id"], False
    ring(tx, "training")
    tell(tx, workspace, source, "pending")
    return row["id"], True


_ADD = """
    INSERT INTO training_jobs (workspace_id, source_id, cause, scope) VALUES (%(w)s, %(s)s, %(cause)s, %(scope)s)
    ON CONFLICT (source_id) WHERE state IN ('pending', 'working') DO NOTHING RETURNING id
"""


def open_of(tx: Session, source: UUID) -> Job | None:
    """The job of a source that waits or works."""
    row = one(tx, "SELECT * FROM training_jobs WHERE source_id = %(s)s AND state IN ('pending', 'working')", s=source)
    return record(Job, row) if row else None


def get(tx: Session, job: UUID) -> Job | None:
    row = one(tx, "SELECT * FROM training_jobs WHERE id = %(id)s", id=job)
    return record(Job, row) if row else None


def lock(tx: Session, job: UUID) -> Job | None:
    """The job, which nobody else changes until the end of this transaction."""
    row = one(tx, "SELECT * FROM training_jobs WHERE id = %(id)s FOR UPDATE", id=job)
    return record(Job, row) if row else None


def recent(tx: Session, source: UUID, before_seq: int | None = None, limit: int = 20) -> list[Job]:
    """The jobs of a source, newest first."""
    found = rows(
        tx,
        """SELECT * FROM training_jobs WHERE source_id = %(s)s AND (%(before)s::bigint IS NULL OR seq < %(before)s)
           ORDER BY seq DESC LIMIT %(limit)s""",
        s=source,
        before=before_seq,
        limit=limit,
    )
    return [record(Job, row) for row in found]


def claim(tx: Session, owner: str, lease_seconds: float, job: UUID | None = None) -> Claimed | None:
    """The oldest job that waits, or whose process died; `job` = only this one. Needs a `system()` transaction."""
    row = one(tx, _CLAIM, owner=owner, lease=lease_seconds, job=job)
    if row is None:
        return None
    tell(tx, row["workspace_id"], row["source_id"], "working")
    return Claimed(record(Job, row), row["left_behind"])


_CLAIM = """
    -- the job as it is now held, with the flow run of its former holder
    WITH free AS (
        SELECT id, CASE WHEN state = 'working' THEN prefect_run_id END AS left_behind FROM training_jobs
        WHERE (state = 'pending' OR (state = 'working' AND lease_until < clock_timestamp()))
          AND (%(job)s::uuid IS NULL OR id = %(job)s)
        ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    UPDATE training_jobs j SET state = 'working', lease_owner = %(owner)s, attempts = attempts + 1, prefect_run_id = NULL,
        lease_until = clock_timestamp() + make_interval(secs => %(lease)s), started_at = coalesce(started_at, now())
    FROM free WHERE j.id = free.id RETURNING j.*, free.left_behind
"""


def seconds_until_expiry(tx: Session) -> float | None:
    """When the next lease ends, None where nothing is held. Needs a `system()` transaction."""
    row = one(
        tx,
        "SELECT extract(epoch FROM min(lease_until) - clock_timestamp()) AS s FROM training_jobs WHERE state = 'working'",
    )
    return None if row is None or row["s"] is None else float(row["s"])


def hold(tx: Session, job: UUID, owner: str, lease_seconds: float) -> Job | None:
    """Keep the job for longer. None = it is not ours any more (its source was deleted, or another process has it)."""
    row = one(
        tx,
        """UPDATE training_jobs SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
           WHERE id = %(id)s AND lease_owner = %(owner)s AND state = 'working' RETURNING *""",
        id=job,
        owner=owner,
        lease=lease_seconds,
    )
    return record(Job, row) if row else None


def may_write(tx: Session, job: Job, owner: str) -> bool:
    """Whether the job is still ours. If so its source cannot be deleted before this transaction ends."""
    source = one(tx, "SELECT 1 AS x FROM training_sources WHERE id = %(id)s FOR KEY SHARE", id=job.source_id)
    if source is None:
        return False
    sql = "SELECT 1 AS x FROM training_jobs WHERE id = %(id)s AND lease_owner = %(owner)s AND state = 'working'"
    return one(tx, sql, id=job.id, owner=owner) is not None


def release(tx: Session, job: UUID, owner: str) -> None:
    """Give a job back unfinished, so that another process goes on with it at once."""
    run(
        tx,
        """UPDATE training_jobs SET state = 'pending', lease_owner = '', attempts = greatest(attempts - 1, 0)
           WHERE id = %(id)s AND lease_owner = %(owner)s AND state = 'working'""",
        id=job,
        owner=owner,
    )
    ring(tx, "training")


def count(tx: Session, job: UUID, **more: int) -> None:
    """Add to counters: found, indexed, unchanged, skipped, failed, removed, waiting, passages_added, ..."""
    assert more.keys() <= _COUNTERS, more
    assignments = [f"{name} = {name} + %({name})s" for name in more]
    if more.keys() & _PROGRESS:
        assignments.append("attempts = least(attempts, 1)")  # it is no job that dies each time
    run(tx, f"UPDATE training_jobs SET {', '.join(assignments)} WHERE id = %(job)s", job=job, **more)


_PROGRESS = {"indexed", "unchanged", "skipped", "failed", "waiting"}
_COUNTERS = _PROGRESS | {"found", "removed", "passages_added", "passages_removed", "embedded"}


def set_listed(tx: Session, job: UUID, *, partial: bool = False) -> None:
    """The first addresses of the job are in the table of documents: a later holder need not read the sitemap again.

    `partial`: a sitemap could not be read this time.
    """
    run(tx, "UPDATE training_jobs SET listed = true, partial = %(partial)s WHERE id = %(id)s", id=job, partial=partial)


def set_prefect_run(tx: Session, job: UUID, flow_run: UUID) -> None:
    run(tx, "UPDATE training_jobs SET prefect_run_id = %(run)s WHERE id = %(id)s", id=job, run=flow_run)


def request_cancel(tx: Session, source: UUID) -> bool:
    """Ask the open job of a source to stop; one that nobody holds stops here. False = there is none."""
    stopped = one(
        tx,
        """UPDATE training_jobs SET state = 'cancelled', cancel_requested = true, finished_at = now(), outcome = %(outcome)s
           WHERE source_id = %(s)s AND state = 'pending' RETURNING workspace_id""",
        s=source,
        outcome="Cancelled before it began.",
    )
    if stopped is not None:
        tell(tx, stopped["workspace_id"], source, "cancelled")
        return True
    sql = "UPDATE training_jobs SET cancel_requested = true WHERE source_id = %(s)s AND state = 'working'"
    return run(tx, sql, s=source) > 0


def finish(tx: Session, job: Job, owner: str, state: End, outcome: str) -> bool:
    """Close a job with the sentence on the page; False = it was not ours any more."""
    closed = run(
        tx,
        """UPDATE training_jobs SET state = %(state)s, outcome = %(outcome)s, finished_at = now(), lease_until = NULL
           WHERE id = %(id)s AND lease_owner = %(owner)s AND state = 'working'""",
        id=job.id,
        owner=owner,
        state=state,
        outcome=outcome,
    )
    tell(tx, job.workspace_id, job.source_id, state)
    return closed > 0


def tell(tx: Session, workspace: UUID, source: UUID, state: str, **figures: int) -> None:
    """Tell open pages about a source when this transaction commits."""
    publish(tx, workspace, "source", source=source, state=state, **figures)


def last_of(tx: Session, sources: Sequence[UUID]) -> dict[UUID, Job]:
    """The newest job of each source."""
    found = rows(
        tx,
        """SELECT j.* FROM unnest(%(ids)s::uuid[]) AS s(id)
           CROSS JOIN LATERAL (SELECT * FROM training_jobs WHERE source_id = s.id ORDER BY seq DESC LIMIT 1) j""",
        ids=list(sources),
    )
    return {row["source_id"]: record(Job, row) for row in found}
