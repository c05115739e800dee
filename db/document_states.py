"""What can become of a document: read, indexed, unchanged, waiting for a person, failed, gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db.documents import Document, Fetched
from db.engine import run

SERVES_STILL = "Its removal waits for approval; until then the AI answers from its former text."


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


def set_going(tx: Session, document: UUID, job: UUID, state: Literal["skipped", "removed"], reason: str) -> None:
    """The job found it gone, or no longer for us; its text serves until the end of the job decides."""
    run(
        tx,
        """UPDATE training_documents SET visited_job = %(job)s, gone_job = %(job)s, gone_as = %(state)s, reason = %(reason)s
           WHERE id = %(id)s""",
        id=document,
        job=job,
        state=state,
        reason=reason,
    )


def set_leaving(tx: Session, document: UUID, job: UUID, reason: str) -> None:
    """A person must say whether its text may go."""
    run(
        tx,
        """UPDATE training_documents SET state = 'quarantined', reason = %(reason)s, visited_job = %(job)s, content_hash = NULL,
               etag = '', last_modified = ''
           WHERE id = %(id)s""",
        id=document,
        job=job,
        reason=f"{reason} {SERVES_STILL}",
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


def set_note(tx: Session, document: UUID, note: str) -> None:
    """What a person should know of a document that was read all the same."""
    run(tx, "UPDATE training_documents SET note = %(note)s WHERE id = %(id)s", id=document, note=note)


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
