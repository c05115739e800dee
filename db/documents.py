"""The documents of a source: the list that the pages show, and the work list of a job.

A job is done with a document when `visited_job` is the job. What a job has not visited is its work, whoever holds the job now.
"""

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


def same_text(tx: Session, document: Document, content_hash: bytes) -> str | None:
    """The address of another document of the source that holds exactly this text."""
    row = one(
        tx,
        """SELECT address FROM training_documents WHERE source_id = %(s)s AND content_hash = %(hash)s AND id <> %(id)s
             AND state IN ('fetched', 'indexed', 'quarantined') ORDER BY seq LIMIT 1""",
        s=document.source_id,
        hash=content_hash,
        id=document.id,
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


def set_fetched(tx: Session, document: UUID, text: Fetched) -> None:
    """The document has new text, its passages are still to be made."""
    run(
        tx,
        """UPDATE training_documents SET state = 'fetched', reason = '', title = %(title)s, markdown = %(markdown)s,
               content_hash = %(hash)s, language = %(language)s, bytes = %(bytes)s, etag = %(etag)s, last_modified = %(modified)s,
               links = %(links)s, fetched_at = now()
           WHERE id = %(id)s""",
        id=document,
        **_columns(text),
        markdown=text.markdown,
    )


def set_proposed(tx: Session, document: UUID, job: UUID, text: Fetched) -> None:
    """The document has new text that waits for a person; the old text and its passages stay."""
    run(
        tx,
        """UPDATE training_documents SET state = 'quarantined', reason = %(reason)s, content_hash = %(hash)s, bytes = %(bytes)s,
               etag = %(etag)s, last_modified = %(modified)s, links = %(links)s, fetched_at = now(), visited_job = %(job)s,
               title = CASE WHEN title = '' THEN %(title)s ELSE title END,
               language = CASE WHEN language = '' THEN %(language)s ELSE language END
           WHERE id = %(id)s""",
        id=document,
        job=job,
        reason="This page changed and waits for approval; until then the AI answers from its former text.",
        **_columns(text),
    )


def set_current(tx: Session, document: UUID, content_hash: bytes) -> None:
    """What waited for a person is no longer proposed: the page says again what the passages say."""
    run(
        tx,
        """UPDATE training_documents SET state = CASE WHEN indexed_hash IS NULL THEN 'skipped' ELSE 'indexed' END, reason = '',
               content_hash = %(hash)s
           WHERE id = %(id)s""",
        id=document,
        hash=content_hash,
    )


def set_leaving(tx: Session, document: UUID, job: UUID) -> None:
    """The page is gone, and a person must say whether its text may go too."""
    run(
        tx,
        """UPDATE training_documents SET state = 'quarantined', reason = %(reason)s, visited_job = %(job)s, content_hash = NULL,
               etag = '', last_modified = ''
           WHERE id = %(id)s""",
        id=document,
        job=job,
        reason="This page is gone and waits for approval; until then the AI answers from its former text.",
    )


def adopt(tx: Session, document: UUID, job: UUID, title: str, markdown: str, content_hash: bytes | None) -> None:
    """A version that a person approved becomes the text to index, as work of a job."""
    run(
        tx,
        """UPDATE training_documents SET state = 'fetched', reason = '', title = %(title)s, markdown = %(markdown)s,
               content_hash = %(hash)s, seen_job = %(job)s, visited_job = NULL
           WHERE id = %(id)s""",
        id=document,
        job=job,
        title=title,
        markdown=markdown,
        hash=content_hash,
    )


def refuse(tx: Session, document: UUID, refused: bytes) -> None:
    """A person rejected this version: the indexed text stays, and the next crawl asks for the page without conditions."""
    run(
        tx,
        """UPDATE training_documents SET refused_hash = %(refused)s, content_hash = indexed_hash, etag = '', last_modified = '',
               reason = '', state = CASE WHEN indexed_hash IS NULL THEN 'skipped' ELSE 'indexed' END
           WHERE id = %(id)s""",
        id=document,
        refused=refused,
    )


def set_unchanged(
    tx: Session,
    document: Document,
    job: UUID,
    etag: str = "",
    last_modified: str = "",
    links: Sequence[str] | None = None,
) -> None:
    """The document says what it said."""
    run(
        tx,
        """UPDATE training_documents SET visited_job = %(job)s, reason = '', fetched_at = now(),
               state = CASE WHEN state = 'quarantined' THEN state WHEN indexed_hash IS NULL THEN 'skipped' ELSE 'indexed' END,
               etag = CASE WHEN %(etag)s = '' THEN etag ELSE %(etag)s END,
               last_modified = CASE WHEN %(modified)s = '' THEN last_modified ELSE %(modified)s END,
               links = coalesce(%(links)s, links)
           WHERE id = %(id)s""",
        id=document.id,
        job=job,
        etag=etag,
        modified=last_modified,
        links=None if links is None else list(links),
    )


def set_indexed(tx: Session, document: Document, job: UUID, passages: int) -> None:
    """The passages are those of the text that was read from the row. A text that arrived meanwhile stays work."""
    run(
        tx,
        """UPDATE training_documents SET passages = %(n)s, indexed_hash = %(hash)s, indexed_at = now(),
               state = CASE WHEN content_hash = %(hash)s THEN 'indexed' ELSE state END,
               visited_job = CASE WHEN content_hash = %(hash)s THEN %(job)s::uuid ELSE visited_job END
           WHERE id = %(id)s""",
        id=document.id,
        job=job,
        n=passages,
        hash=document.content_hash,
    )


def set_failed(tx: Session, document: UUID, job: UUID, reason: str, *, retryable: bool) -> None:
    """It could not be read this time; what was indexed before stays."""
    run(
        tx,
        """UPDATE training_documents SET state = 'failed', reason = %(reason)s, retryable = %(retryable)s, visited_job = %(job)s
           WHERE id = %(id)s""",
        id=document,
        job=job,
        reason=reason,
        retryable=retryable,
    )


def set_gone(tx: Session, document: UUID, job: UUID | None, state: Literal["skipped", "removed"], reason: str) -> None:
    """It is not part of the knowledge (any more); its passages are deleted by the caller."""
    run(
        tx,
        """UPDATE training_documents SET state = %(state)s, reason = %(reason)s, visited_job = coalesce(%(job)s, visited_job),
               passages = 0, indexed_hash = NULL, etag = '', last_modified = ''
           WHERE id = %(id)s""",
        id=document,
        job=job,
        state=state,
        reason=reason,
    )


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


def set_note(tx: Session, document: UUID, note: str) -> None:
    """What a person should know of a document that was read all the same."""
    run(tx, "UPDATE training_documents SET note = %(note)s WHERE id = %(id)s", id=document, note=note)


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


def _columns(text: Fetched) -> dict[str, object]:
    return {
        "title": text.title,
        "hash": text.content_hash,
        "language": text.language,
        "bytes": text.bytes,
        "etag": text.etag,
        "modified": text.last_modified,
        "links": list(text.links),
    }
