"""A text that was read again: is it another one, what is different, and may it be used before a person looked at it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from sqlmodel import Session

from db import document_states, documents, indexing, training_changes, training_jobs
from db.crawl_list import Leaving
from db.documents import Document, Fetched
from db.sources import SourceSetup
from db.training_jobs import Job
from nodes.changes import compare

MOST_ITEMS = 200  # of one change; nobody reads more

Settled = Literal["fetched", "unchanged", "proposed"]


def settle(tx: Session, job: Job, source: SourceSetup, document: Document, text: Fetched) -> Settled:
    """Store what was read: as the text to index, as one that waits for a person, or not at all."""
    known = {document.indexed_hash, document.refused_hash} - {None}
    if text.content_hash in known:
        training_changes.drop_waiting(tx, document.id)
        document_states.set_unchanged(tx, document, job.id, text.etag, text.last_modified, text.links)
        if document.state == "quarantined":
            document_states.set_current(tx, document.id, text.content_hash)
        training_jobs.count(tx, job.id, unchanged=1)
        return "unchanged"
    if document.state == "quarantined" and text.content_hash == document.content_hash:
        document_states.set_unchanged(tx, document, job.id, text.etag, text.last_modified, text.links)
        training_jobs.count(tx, job.id, waiting=1)
        return "proposed"
    kind: Literal["added", "changed"] = "changed" if document.indexed_hash else "added"
    is_news = kind == "changed" or bool(source.config.get("crawled_before"))
    proposed = is_news and bool(source.config.get("review"))
    if is_news:
        items = [
            asdict(item) for item in compare(document.markdown if kind == "changed" else "", text.markdown)[:MOST_ITEMS]
        ]
        training_changes.add(
            tx, job.workspace_id, source.id, document.id, job.id, kind, items,
            waiting=proposed, title=text.title, markdown=text.markdown, content_hash=text.content_hash,
        )  # fmt: skip
    if proposed:
        document_states.set_proposed(tx, document.id, job.id, text)
        training_jobs.count(tx, job.id, waiting=1)
        return "proposed"
    document_states.set_fetched(tx, document.id, text)
    return "fetched"


def miss(tx: Session, job: Job, document: Document, state: Literal["removed", "skipped"], reason: str) -> None:
    """The document is not there any more, or is not for us: a duplicate, a picture, a page that asks not to be read.

    What the AI answers from stays until the end of the job, which knows how much goes at once.
    """
    if document.indexed_hash is None:
        training_changes.drop_waiting(tx, document.id)
        document_states.set_gone(tx, document.id, job.id, state, reason)
        training_jobs.count(tx, job.id, **{state: 1})
    elif state == "removed" and document.refused_hash == documents.KEPT_THOUGH_GONE:
        document_states.set_unchanged(tx, document, job.id)
        training_jobs.count(tx, job.id, unchanged=1)
    else:
        document_states.set_going(tx, document.id, job.id, state, reason)


def let_go(tx: Session, job: Job, source: SourceSetup, leaving: Leaving, *, ask: bool) -> None:
    """The passages of a document go, or a person is asked first."""
    document = leaving.document
    if leaving.was_indexed and leaving.state == "removed" and leaving.is_kept:
        document_states.set_unchanged(tx, document, job.id)
        training_jobs.count(tx, job.id, unchanged=1)
        return
    if ask:
        if not _is_asked(document):
            _note(tx, job, source, document, waiting=True)
        document_states.set_leaving(tx, document.id, job.id, leaving.reason)
        training_jobs.count(tx, job.id, waiting=1)
        return
    training_changes.drop_waiting(tx, document.id)
    if leaving.was_indexed and not leaving.lives_on:
        _note(tx, job, source, document, waiting=False)
    gone = indexing.delete_document(tx, source.id, document.address)
    document_states.set_gone(tx, document.id, job.id, leaving.state, leaving.reason)
    training_jobs.count(tx, job.id, passages_removed=gone, **{leaving.state: 1})


def _is_asked(document: Document) -> bool:
    """Whether its removal waits for a person already."""
    return document.state == "quarantined" and document.content_hash is None


def _note(tx: Session, job: Job, source: SourceSetup, document: Document, *, waiting: bool) -> None:
    training_changes.add(
        tx, job.workspace_id, source.id, document.id, job.id, "removed", [], waiting=waiting, title=document.title
    )
