"""What crawls found to be different, and what people decided about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import one, rows, run
from db.records import record

ChangeKind = Literal["added", "changed", "removed"]
ChangeState = Literal["applied", "waiting", "approved", "rejected", "outdated"]


@dataclass(frozen=True)
class Change:
    """A document that came, went or says something else. `items`: kind, where, before, after, sentence_before, sentence_after."""

    id: UUID
    seq: int
    workspace_id: UUID
    source_id: UUID
    document_id: UUID
    address: str
    kind: ChangeKind
    items: list[Mapping[str, str]]
    state: ChangeState
    title: str
    markdown: str
    content_hash: bytes | None
    decided_at: datetime | None
    created_at: datetime


def add(
    tx: Session,
    workspace: UUID,
    source: UUID,
    document: UUID,
    job: UUID | None,
    kind: ChangeKind,
    items: Sequence[Mapping[str, str]],
    *,
    waiting: bool,
    title: str = "",
    markdown: str = "",
    content_hash: bytes | None = None,
) -> UUID:
    """Note a change; one that waits takes the place of an older one of the document that waits."""
    drop_waiting(tx, document)
    row = one(
        tx,
        """INSERT INTO training_changes (workspace_id, source_id, document_id, job_id, kind, items, state, title, markdown, content_hash)
           VALUES (%(w)s, %(s)s, %(d)s, %(job)s, %(kind)s, %(items)s, %(state)s, %(title)s, %(markdown)s, %(hash)s) RETURNING id""",
        w=workspace,
        s=source,
        d=document,
        job=job,
        kind=kind,
        items=Jsonb(list(items)),
        state="waiting" if waiting else "applied",
        title=title,
        markdown=markdown if waiting else "",
        hash=content_hash,
    )
    assert row is not None
    change: UUID = row["id"]
    return change


def drop_waiting(tx: Session, document: UUID) -> int:
    """A newer version came, or the page is as it was: nobody needs to decide any more."""
    return run(
        tx,
        "UPDATE training_changes SET state = 'outdated', markdown = '' WHERE document_id = %(d)s AND state = 'waiting'",
        d=document,
    )


def get(tx: Session, change: UUID) -> Change | None:
    row = one(tx, f"{_CHANGES} WHERE c.id = %(id)s", id=change)
    return record(Change, row) if row else None


def recent(
    tx: Session, source: UUID | None = None, state: str = "", before_seq: int | None = None, limit: int = 50
) -> list[Change]:
    """Changes, newest first; of one source, or of all."""
    found = rows(
        tx,
        f"""{_CHANGES} WHERE (%(s)s::uuid IS NULL OR c.source_id = %(s)s) AND (%(state)s = '' OR c.state = %(state)s)
              AND (%(before)s::bigint IS NULL OR c.seq < %(before)s)
            ORDER BY c.seq DESC LIMIT %(limit)s""",
        s=source,
        state=state,
        before=before_seq,
        limit=limit,
    )
    return [record(Change, row) for row in found]


_CHANGES = "SELECT c.*, d.address FROM training_changes c JOIN training_documents d ON d.id = c.document_id"


def removals_waiting(tx: Session, source: UUID) -> list[UUID]:
    """The changes of a source in which a page is gone and a person has to say whether its text may go too."""
    found = rows(
        tx,
        "SELECT id FROM training_changes WHERE source_id = %(s)s AND kind = 'removed' AND state = 'waiting' ORDER BY seq",
        s=source,
    )
    return [row["id"] for row in found]


def decide(tx: Session, change: UUID, state: Literal["approved", "rejected"], user: UUID | None) -> Change | None:
    """Close a change that waits; None where it does not wait (any more)."""
    found = get(tx, change)
    closed = run(
        tx,
        """UPDATE training_changes SET state = %(state)s, decided_by = %(user)s, decided_at = now(), markdown = ''
           WHERE id = %(id)s AND state = 'waiting'""",
        id=change,
        state=state,
        user=user,
    )
    return found if closed else None
