"""The work list of a job: the documents that it listed and is not done with.

A job is done with a document when `visited_job` is the job. What a job has not visited is its work, whoever holds the job now.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session

from db.documents import Document
from db.engine import one, rows, run
from db.records import record


def list_addresses(tx: Session, workspace: UUID, source: UUID, job: UUID, found: Sequence[tuple[str, int]]) -> int:
    """Make these (address, depth) work of a job; returns how many were not yet. Each address once, in this order."""
    if not found:
        return 0
    listed = run(
        tx,
        """INSERT INTO training_documents AS d (workspace_id, source_id, seen_job, address, depth)
           SELECT %(w)s, %(s)s, %(job)s, f.address, f.depth
           FROM unnest(%(addresses)s::text[], %(depths)s::int[]) WITH ORDINALITY AS f(address, depth, place) ORDER BY place
           ON CONFLICT (source_id, address) DO UPDATE SET seen_job = excluded.seen_job, depth = excluded.depth,
               state = CASE WHEN d.state IN ('fetched', 'removed') THEN 'found' ELSE d.state END
           WHERE d.seen_job IS DISTINCT FROM excluded.seen_job""",
        w=workspace,
        s=source,
        job=job,
        addresses=[address for address, _ in found],
        depths=[depth for _, depth in found],
    )
    return listed


def unlisted(tx: Session, source: UUID, job: UUID, addresses: Sequence[str]) -> list[str]:
    """Those of the addresses that are not work of the job yet, in their order."""
    found = rows(
        tx,
        "SELECT address FROM training_documents WHERE source_id = %(s)s AND seen_job = %(job)s AND address = ANY(%(all)s)",
        s=source,
        job=job,
        all=list(addresses),
    )
    listed = {row["address"] for row in found}
    return [address for address in addresses if address not in listed]


def again(tx: Session, source: UUID, job: UUID) -> int:
    """Make the failed and the unfinished documents of a source work of a job; returns how many."""
    return run(
        tx,
        """UPDATE training_documents SET seen_job = %(job)s, visited_job = NULL
           WHERE source_id = %(s)s AND (state IN ('failed', 'found', 'fetched'))""",
        job=job,
        s=source,
    )


def next_to_fetch(tx: Session, job: UUID) -> Document | None:
    """The next document to read: few clicks from the start first."""
    row = one(
        tx,
        """SELECT * FROM training_documents WHERE seen_job = %(job)s AND visited_job IS DISTINCT FROM seen_job AND state <> 'fetched'
           ORDER BY depth, seq LIMIT 1""",
        job=job,
    )
    return record(Document, row) if row else None


def has_work(tx: Session, job: UUID) -> bool:
    """Whether a document still waits for this job."""
    sql = "SELECT 1 AS x FROM training_documents WHERE seen_job = %(job)s AND visited_job IS DISTINCT FROM seen_job LIMIT 1"
    return one(tx, sql, job=job) is not None


def next_to_index(tx: Session, job: UUID, limit: int) -> list[Document]:
    """Documents whose text is there and whose passages are not."""
    found = rows(
        tx,
        """SELECT * FROM training_documents WHERE seen_job = %(job)s AND visited_job IS DISTINCT FROM seen_job AND state = 'fetched'
           ORDER BY depth, seq LIMIT %(limit)s""",
        job=job,
        limit=limit,
    )
    return [record(Document, row) for row in found]


def not_seen(tx: Session, source: UUID, job: UUID) -> list[Document]:
    """Documents that a complete crawl did not meet."""
    found = rows(
        tx,
        """SELECT * FROM training_documents WHERE source_id = %(s)s AND seen_job IS DISTINCT FROM %(job)s
             AND state NOT IN ('removed') ORDER BY seq""",
        s=source,
        job=job,
    )
    return [record(Document, row) for row in found]
