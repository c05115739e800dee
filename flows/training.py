"""What a person does with training material: add, look ahead, crawl, delete. Pages and REST call these.

All raise ActionRefused with a plain sentence where it cannot be done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlmodel import Session

from db import audit, crawl_list, document_states, documents, indexing, passages, sources, training_jobs
from db.engine import transaction
from db.live import ring
from db.sources import SourceSetup, SourceType
from flows.actions import ActionRefused
from flows.ingest import cut, text_hash
from flows.passage_edits import MOST_PASSAGE, disable_passage, edit_passage, restore_passage
from flows.preview import Preview, look_ahead
from flows.training_review import approve_change, approve_removals, decide_waiting, keep_removed, reject_change
from flows.website import MOST_DEPTH, MOST_PAGES, Website, crawl_config, web_address
from nodes.chunk import Chunk
from nodes.extract import KINDS, READABLE

# The whole of what a person can do, for pages and REST.
__all__ = [
    "MOST_DEPTH",
    "MOST_FILE_BYTES",
    "MOST_PAGES",
    "MOST_PAIRS",
    "MOST_PASSAGE",
    "MOST_QUESTION",
    "MOST_TEXT",
    "Added",
    "Preview",
    "Website",
    "add_file",
    "add_qa",
    "add_text",
    "add_urls",
    "add_website",
    "approve_change",
    "approve_removals",
    "cancel",
    "change_website",
    "crawl_now",
    "decide_waiting",
    "delete_source",
    "disable_passage",
    "edit_passage",
    "keep_removed",
    "preview_text",
    "preview_website",
    "reject_change",
    "remove_document",
    "restore_passage",
    "retry_failed",
]

MOST_FILE_BYTES = 50_000_000
MOST_TEXT = 1_000_000  # characters written by hand
MOST_PAIRS = 2000
MOST_QUESTION = 500
LONGEST_NAME = 200


@dataclass(frozen=True)
class Added:
    """The source, and the job that reads it."""

    source: UUID
    job: UUID


def add_website(workspace: UUID, actor: str, site: Website) -> Added:
    """Crawl a website now; `schedules.set_schedule` repeats it."""
    url = web_address(site.url)
    config = crawl_config(site)
    parts = urlsplit(url)
    name = _name(site.name or f"{parts.netloc}{parts.path.rstrip('/')}")
    with transaction(workspace) as tx:
        source = sources.create(tx, workspace, "website", name, url, config)
        if source is None:
            raise ActionRefused(
                f"There is a website by the name '{name}' already. Open it to crawl it again, or choose another name."
            )
        job, _ = training_jobs.add(tx, workspace, source, "added")
        audit.record(tx, workspace, actor, "training.website_added", f"source:{source}", url=url)
    return Added(source, job)


def preview_website(workspace: UUID, site: Website) -> Preview:
    """What a crawl would read. Makes some requests to the site, and takes a few seconds."""
    now = datetime.now(UTC)
    url, config = web_address(site.url), crawl_config(site)
    return look_ahead(SourceSetup(workspace, workspace, "website", "", url, config, "pending", "", now, now))


def preview_text(text: str, name: str = "") -> list[Chunk]:
    """The passages that a text would become."""
    return [each.chunk for each in cut("text", name, text)]


def add_urls(workspace: UUID, actor: str, name: str, urls: Sequence[str], review: bool = False) -> Added:
    """Read exactly these addresses; their links are not followed. A list of the same name gets these addresses in place of its own."""
    wanted = list(dict.fromkeys(web_address(url) for url in urls if url.strip()))
    if not wanted:
        raise ActionRefused("Give at least one web address.")
    if len(wanted) > MOST_PAGES:
        raise ActionRefused(f"These are {len(wanted)} addresses; {MOST_PAGES} can be read as one source.")
    with transaction(workspace) as tx:
        source = _find_or_create(tx, workspace, "urls", _name(name))
        sources.configure(tx, source, urls=wanted, max_pages=len(wanted), review=review or None, narrowed=True)
        job, made = training_jobs.add(tx, workspace, source, "added")
        if not made:
            raise ActionRefused("This list is being read right now. Wait until that is done, or cancel it.")
        audit.record(tx, workspace, actor, "training.urls_added", f"source:{source}", addresses=len(wanted))
    return Added(source, job)


def change_website(workspace: UUID, actor: str, source: UUID, site: Website) -> None:
    """Other limits or another address for a website; they hold from the next crawl."""
    url, config = web_address(site.url), crawl_config(site)
    with transaction(workspace) as tx:
        before = _existing(tx, source)
        if before.type != "website":
            raise ActionRefused("This source is no website.")
        every = dict.fromkeys(("max_pages", "max_depth", "prefix", "review", "pause_seconds", "obey_robots"))
        sources.configure(tx, source, **{**every, **config})
        if (url, *map(config.get, _BORDERS)) != (before.url, *map(before.config.get, _BORDERS)):
            sources.configure(tx, source, narrowed=True)  # what the next crawl leaves out is meant to go
        sources.set_url(tx, source, url)
        audit.record(tx, workspace, actor, "training.website_changed", f"source:{source}", url=url)


_BORDERS = ("prefix", "max_depth")


def crawl_now(workspace: UUID, actor: str, source: UUID) -> UUID:
    """Crawl again; returns the job, which is the running one where the source is being crawled already."""
    with transaction(workspace) as tx:
        if _existing(tx, source).type not in ("website", "urls"):
            raise ActionRefused(
                "Only websites and lists of addresses are crawled. Add the text or file again to change it."
            )
        job, made = training_jobs.add(tx, workspace, source, "by_hand")
        if made:
            audit.record(tx, workspace, actor, "training.crawl_asked", f"source:{source}")
    return job


def cancel(workspace: UUID, actor: str, source: UUID) -> None:
    """Stop the work on a source; what was read before stays."""
    with transaction(workspace) as tx:
        _existing(tx, source)
        if not training_jobs.request_cancel(tx, source):
            raise ActionRefused("Nothing is being done for this source, so there is nothing to cancel.")
        stopped = training_jobs.open_of(tx, source) is None
        if stopped:
            passages.set_status(tx, source, "cancelled", "Cancelled before it began.")
        audit.record(tx, workspace, actor, "training.cancelled", f"source:{source}")


def add_file(workspace: UUID, actor: str, name: str, content: bytes, source: UUID | None = None) -> Added:
    """Read a file; in a source of its own unless one is given. A file of the same name takes the place of the former one."""
    name = PurePosixPath(name.replace("\\", "/").replace("\0", "")).name.strip()[-LONGEST_NAME:]
    if PurePosixPath(name).suffix.lower() not in KINDS:
        raise ActionRefused(f"'{name}' is of a kind that cannot be read. {READABLE}")
    if not content:
        raise ActionRefused(f"'{name}' is empty.")
    if len(content) > MOST_FILE_BYTES:
        size, most = len(content) / 1_000_000, MOST_FILE_BYTES // 1_000_000
        raise ActionRefused(f"'{name}' has {size:.0f} MB; {most} MB can be read. Split it into several files.")
    with transaction(workspace) as tx:
        home = _file_source(tx, source) if source else _find_or_create(tx, workspace, "file", name)
        job = _job(tx, workspace, home)
        document = documents.put(tx, workspace, home, job, name, name)
        documents.keep_upload(tx, workspace, document, content)
        _count_found(tx, job, 1)
        audit.record(tx, workspace, actor, "training.file_added", f"source:{home}", name=name, bytes=len(content))
    return Added(home, job)


def add_text(workspace: UUID, actor: str, name: str, text: str) -> Added:
    """Index a text that a person wrote; one of the same name takes its place. Headings like `## Prices` help finding."""
    name = _name(name)
    if not text.strip():
        raise ActionRefused("Write something first: an empty text teaches nothing.")
    if len(text) > MOST_TEXT:
        raise ActionRefused(
            f"The text has {len(text)} characters; {MOST_TEXT} can be read at once. Upload it as a file."
        )
    with transaction(workspace) as tx:
        source = _find_or_create(tx, workspace, "text", name)
        job = _job(tx, workspace, source)
        documents.put(tx, workspace, source, job, name, name, text.strip() + "\n", text_hash(text.strip() + "\n", name))
        _count_found(tx, job, 1)
        audit.record(tx, workspace, actor, "training.text_added", f"source:{source}", characters=len(text))
    return Added(source, job)


def add_qa(workspace: UUID, actor: str, name: str, pairs: Sequence[tuple[str, str]]) -> Added:
    """Index questions with their answers, found by the question; a question that is there already gets the new answer."""
    kept = {
        " ".join(question.split()): answer.strip() for question, answer in pairs if question.strip() and answer.strip()
    }
    if not kept:
        raise ActionRefused("Give at least one question with its answer.")
    if len(kept) > MOST_PAIRS:
        raise ActionRefused(f"These are {len(kept)} questions; {MOST_PAIRS} can be added at once.")
    if longest := [question for question in kept if len(question) > MOST_QUESTION]:
        raise ActionRefused(
            f"The question '{longest[0][:60]}...' is longer than {MOST_QUESTION} characters. Shorten it."
        )
    with transaction(workspace) as tx:
        source = _find_or_create(tx, workspace, "qa", _name(name))
        job = _job(tx, workspace, source)
        for question, answer in kept.items():
            documents.put(tx, workspace, source, job, question, question, answer, text_hash(answer, question))
        _count_found(tx, job, len(kept))
        audit.record(tx, workspace, actor, "training.qa_added", f"source:{source}", pairs=len(kept))
    return Added(source, job)


def delete_source(workspace: UUID, actor: str, source: UUID) -> None:
    """Delete a source with everything that was learned from it; work on it stops, and its schedule goes."""
    with transaction(workspace) as tx:
        found = _existing(tx, source)
        sources.delete(tx, source)
        audit.record(tx, workspace, actor, "training.source_deleted", f"source:{source}", name=found.name)
        training_jobs.tell(tx, workspace, source, "deleted")
        ring(tx, "training")  # its schedule is taken out of Prefect


def remove_document(workspace: UUID, actor: str, document: UUID) -> UUID:
    """Forget one file, or one question with its answer; returns its source. What is crawled would come back by itself."""
    with transaction(workspace) as tx:
        found = documents.get(tx, document)
        if found is None:
            raise ActionRefused("This document does not exist any more.")
        if _existing(tx, found.source_id).type not in ("file", "qa"):
            raise ActionRefused("Only files and questions are removed one by one. Switch off the passages of a page.")
        if training_jobs.open_of(tx, found.source_id) is not None:
            raise ActionRefused("This source is being worked on. Wait until that is done, or cancel it.")
        indexing.delete_document(tx, found.source_id, found.address)
        document_states.set_gone(tx, document, None, "removed", "Removed by hand.")
        audit.record(
            tx, workspace, actor, "training.document_removed", f"source:{found.source_id}", name=found.address[:200]
        )
        training_jobs.tell(tx, workspace, found.source_id, "changed")
    return found.source_id


def _existing(tx: Session, source: UUID) -> SourceSetup:
    found = sources.get(tx, source)
    if found is None:
        raise ActionRefused("This source does not exist any more.")
    return found


def _file_source(tx: Session, source: UUID) -> UUID:
    if _existing(tx, source).type != "file":
        raise ActionRefused("Files can be added to a source of files only.")
    return source


def _find_or_create(
    tx: Session, workspace: UUID, type: SourceType, name: str, config: Mapping[str, Any] | None = None
) -> UUID:
    made = sources.create(tx, workspace, type, name, config=config)
    if made is not None:
        return made
    found = sources.named(tx, type, name)
    assert found is not None, "it was there a statement ago"
    return found.id


def _job(tx: Session, workspace: UUID, source: UUID) -> UUID:
    """A job for single documents: the one that is open, which takes up what is added meanwhile."""
    job, _ = training_jobs.add(tx, workspace, source, "added", "some")
    return job


def _count_found(tx: Session, job: UUID, more: int) -> None:
    training_jobs.count(tx, job, found=more)


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise ActionRefused("Give it a name, so that you find it again.")
    if len(name) > LONGEST_NAME:
        raise ActionRefused(f"The name is longer than {LONGEST_NAME} characters. Shorten it.")
    return name


def retry_failed(workspace: UUID, actor: str, source: UUID) -> UUID:
    """Look again at the documents that failed or were not finished; returns the job."""
    with transaction(workspace) as tx:
        _existing(tx, source)
        if training_jobs.open_of(tx, source) is not None:
            raise ActionRefused("This source is being worked on. Wait until that is done, or cancel it.")
        job, _ = training_jobs.add(tx, workspace, source, "retry", "some")
        again = crawl_list.again(tx, source, job)
        if not again:
            raise ActionRefused("Nothing failed, so there is nothing to try again.")
        _count_found(tx, job, again)
        audit.record(tx, workspace, actor, "training.retried", f"source:{source}", documents=again)
    return job
