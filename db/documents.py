"""The documents of a source: the list that the pages show, what is known of each, and the bytes of files that wait to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows, run
from db.records import record

KEPT_THOUGH_GONE = b""  # as refused_hash: a person wants the text to stay though its page is gone

DocumentState = Literal["found", "fetched", "indexed", "skipped", "failed", "removed", "quarantined"]


@dataclass(frozen=True)
class DocumentLine:
    """A document in the list of its source."""

    id: UUID
    seq: int
    address: str
    title: str
    state: DocumentState
    reason: str
    note: str
    retryable: bool
    bytes: int
    passages: int
    language: str
    fetched_at: datetime | None
    indexed_at: datetime | None


@dataclass(frozen=True)
class Document:
    """A document with what is needed to look at it again."""

    id: UUID
    workspace_id: UUID
    source_id: UUID
    address: str
    title: str
    state: DocumentState
    depth: int
    etag: str
    last_modified: str
    links: list[str]
    markdown: str
    content_hash: bytes | None
    refused_hash: bytes | None
    indexed_hash: bytes | None
    language: str

    @property
    def is_indexed(self) -> bool:
        """Its passages are those of the text fetched last, so "not modified" needs no work."""
        return self.indexed_hash is not None and self.indexed_hash == self.content_hash


def listing(
    tx: Session, source: UUID, after_seq: int = 0, limit: int = 100, state: str = "", search: str = ""
) -> list[DocumentLine]:
    """Documents of a source in the order in which they were found; `search` is a part of the address or title."""
    found = rows(
        tx,
        """SELECT id, seq, address, title, state, reason, note, retryable, bytes, passages, language, fetched_at, indexed_at
           FROM training_documents WHERE source_id = %(s)s AND seq > %(after)s AND (%(state)s = '' OR state = %(state)s)
             AND (%(search)s = '' OR strpos(lower(address || ' ' || title), lower(%(search)s)) > 0)
           ORDER BY seq LIMIT %(limit)s""",
        s=source,
        after=after_seq,
        limit=limit,
        state=state,
        search=search,
    )
    return [record(DocumentLine, row) for row in found]


def get(tx: Session, document: UUID) -> Document | None:
    row = one(tx, "SELECT * FROM training_documents WHERE id = %(id)s", id=document)
    return record(Document, row) if row else None


def put(
    tx: Session,
    workspace: UUID,
    source: UUID,
    job: UUID,
    address: str,
    title: str,
    markdown: str | None = None,
    content_hash: bytes | None = None,
) -> UUID:
    """A document of a person for a job: with its text, or without where an upload holds it."""
    row = one(
        tx,
        """INSERT INTO training_documents AS d (workspace_id, source_id, seen_job, address, title, state, markdown, content_hash, bytes,
                                                fetched_at)
           VALUES (%(w)s, %(s)s, %(job)s, %(address)s, %(title)s, %(state)s, coalesce(%(text)s, ''), %(hash)s,
                   octet_length(coalesce(%(text)s, '')), now())
           ON CONFLICT (source_id, address) DO UPDATE SET seen_job = excluded.seen_job, visited_job = NULL, title = excluded.title,
               state = excluded.state, reason = '', markdown = coalesce(%(text)s, d.markdown),
               content_hash = coalesce(excluded.content_hash, d.content_hash), bytes = greatest(excluded.bytes, d.bytes), fetched_at = now()
           RETURNING id""",
        w=workspace,
        s=source,
        job=job,
        address=address,
        title=title,
        state="found" if markdown is None else "fetched",
        text=markdown,
        hash=content_hash,
    )
    assert row is not None
    document: UUID = row["id"]
    return document


def same_text(tx: Session, document: Document, job: UUID, content_hash: bytes, *, met: bool) -> str | None:
    """The address of another document of the source that holds exactly this text, and that the job did not find gone.

    `met`: only those that the job met; an address that nothing leads to any more will go.
    """
    row = one(
        tx,
        """SELECT address FROM training_documents WHERE source_id = %(s)s AND content_hash = %(hash)s AND id <> %(id)s
             AND state IN ('fetched', 'indexed', 'quarantined') AND gone_job IS DISTINCT FROM %(job)s
             AND (seen_job = %(job)s OR NOT %(met)s) ORDER BY seq LIMIT 1""",
        s=document.source_id,
        hash=content_hash,
        id=document.id,
        job=job,
        met=met,
    )
    return row["address"] if row else None


@dataclass(frozen=True)
class Fetched:
    """What reading a document gave."""

    title: str
    markdown: str
    content_hash: bytes
    language: str
    bytes: int
    etag: str = ""
    last_modified: str = ""
    links: Sequence[str] = ()


def keep_upload(tx: Session, workspace: UUID, document: UUID, content: bytes) -> None:
    """Hold the bytes of a file until they have been read."""
    run(
        tx,
        """INSERT INTO training_uploads (document_id, workspace_id, content) VALUES (%(id)s, %(w)s, %(content)s)
           ON CONFLICT (document_id) DO UPDATE SET content = excluded.content""",
        id=document,
        w=workspace,
        content=content,
    )
    run(tx, "UPDATE training_documents SET bytes = %(n)s WHERE id = %(id)s", id=document, n=len(content))


def upload(tx: Session, document: UUID) -> bytes | None:
    """The bytes of a file that was not read yet."""
    row = one(tx, "SELECT content FROM training_uploads WHERE document_id = %(id)s", id=document)
    return bytes(row["content"]) if row else None


def drop_upload(tx: Session, document: UUID) -> None:
    run(tx, "DELETE FROM training_uploads WHERE document_id = %(id)s", id=document)
