"""The work list of a job: the documents that it listed and is not done with.

A job is done with a document when `visited_job` is the job. What a job has not visited is its work, whoever holds the job now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db.documents import KEPT_THOUGH_GONE, Document
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


@dataclass(frozen=True)
class Leaving:
    """A document that a job found gone, or did not find. `lives_on`: another document of the source holds its text."""

    document: Document
    state: Literal["removed", "skipped"]
    reason: str
    lives_on: bool

    @property
    def was_indexed(self) -> bool:
        return self.document.indexed_hash is not None

    @property
    def is_kept(self) -> bool:
        """A person wants the text to stay though its page is gone."""
        return self.document.refused_hash == KEPT_THOUGH_GONE


def leaving(tx: Session, source: UUID, job: UUID, not_met: str | None) -> list[Leaving]:
    """Documents to let go of at the end of a job; `not_met` = why those go that the job did not meet, None = they stay."""
    found = rows(
        tx,
        """SELECT d.*, d.gone_job IS NOT DISTINCT FROM %(job)s AS found_gone, EXISTS (
               SELECT FROM training_documents o WHERE o.source_id = d.source_id AND o.content_hash = d.indexed_hash AND o.id <> d.id
                 AND o.state = 'indexed' AND o.seen_job = %(job)s AND o.gone_job IS DISTINCT FROM %(job)s) AS lives_on
           FROM training_documents d
           WHERE d.source_id = %(s)s AND d.state <> 'removed'
             AND (d.gone_job = %(job)s OR (%(not_met)s::text IS NOT NULL AND d.seen_job IS DISTINCT FROM %(job)s))
           ORDER BY d.seq""",
        s=source,
        job=job,
        not_met=not_met,
    )
    return [
        Leaving(
            record(Document, row),
            row["gone_as"] if row["found_gone"] else "removed",
            row["reason"] if row["found_gone"] else str(not_met),
            row["lives_on"],
        )
        for row in found
    ]


def with_passages(tx: Session, source: UUID) -> int:
    """How many documents of a source the AI answers from."""
    sql = "SELECT count(*) AS n FROM training_documents WHERE source_id = %(s)s AND indexed_hash IS NOT NULL"
    row = one(tx, sql, s=source)
    return int(row["n"]) if row else 0
