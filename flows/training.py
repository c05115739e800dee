"""What a person does with training material: add, look ahead, crawl, correct, delete. Pages and REST call these.

All raise ActionRefused with a plain sentence where it cannot be done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from sqlmodel import Session

from db import audit, documents, indexing, passages, sources, training_changes, training_jobs
from db.engine import transaction
from db.indexing import PassageLine
from db.live import ring
from db.settings import get_settings
from db.sources import SourceSetup, SourceType
from db.training_changes import Change
from flows.actions import ActionRefused
from flows.ingest import cut, text_hash
from flows.models import builtin_embedder, embedder
from flows.preview import Preview, look_ahead
from nodes.addresses import normal
from nodes.chunk import Chunk
from nodes.errors import ClientError
from nodes.extract import KINDS, READABLE

MOST_PAGES = 20_000  # of one source
MOST_DEPTH = 50
MOST_FILE_BYTES = 50_000_000
MOST_TEXT = 1_000_000  # characters written by hand
MOST_PAIRS = 2000
MOST_QUESTION = 500
LONGEST_NAME = 200
MOST_PASSAGE = 4000


@dataclass(frozen=True)
class Added:
    """The source, and the job that reads it."""

    source: UUID
    job: UUID


@dataclass(frozen=True)
class Website:
    """What an owner says about a website; None and "" leave the usual."""

    url: str
    name: str = ""
    max_pages: int | None = None
    max_depth: int | None = None
    prefix: str = ""
    review: bool = False  # changes wait for approval
    obey_robots: bool = True  # a business may read its own site whatever its robots.txt says


def add_website(workspace: UUID, actor: str, site: Website) -> Added:
    """Crawl a website now; `schedules.set_schedule` repeats it."""
    url = _web_address(site.url)
    config = _crawl_config(site)
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
    url, config = _web_address(site.url), _crawl_config(site)
    return look_ahead(SourceSetup(workspace, workspace, "website", "", url, config, "pending", "", now, now))


def preview_text(text: str, name: str = "") -> list[Chunk]:
    """The passages that a text would become."""
    return [each.chunk for each in cut("text", name, text)]


def add_urls(workspace: UUID, actor: str, name: str, urls: Sequence[str], review: bool = False) -> Added:
    """Read exactly these addresses; their links are not followed. A list of the same name gets these addresses in place of its own."""
    wanted = list(dict.fromkeys(_web_address(url) for url in urls if url.strip()))
    if not wanted:
        raise ActionRefused("Give at least one web address.")
    if len(wanted) > MOST_PAGES:
        raise ActionRefused(f"These are {len(wanted)} addresses; {MOST_PAGES} can be read as one source.")
    with transaction(workspace) as tx:
        source = _find_or_create(tx, workspace, "urls", _name(name))
        sources.configure(tx, source, urls=wanted, max_pages=len(wanted), review=review or None)
        job, made = training_jobs.add(tx, workspace, source, "added")
        if not made:
            raise ActionRefused("This list is being read right now. Wait until that is done, or cancel it.")
        audit.record(tx, workspace, actor, "training.urls_added", f"source:{source}", addresses=len(wanted))
    return Added(source, job)


def change_website(workspace: UUID, actor: str, source: UUID, site: Website) -> None:
    """Other limits or another address for a website; they hold from the next crawl."""
    url, config = _web_address(site.url), _crawl_config(site)
    with transaction(workspace) as tx:
        if _existing(tx, source).type != "website":
            raise ActionRefused("This source is no website.")
        every = dict.fromkeys(("max_pages", "max_depth", "prefix", "review", "obey_robots"))
        sources.configure(tx, source, **{**every, **config})
        sources.set_url(tx, source, url)
        audit.record(tx, workspace, actor, "training.website_changed", f"source:{source}", url=url)


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
        again = documents.again(tx, source, job)
        if not again:
            raise ActionRefused("Nothing failed, so there is nothing to try again.")
        _count_found(tx, job, again)
        audit.record(tx, workspace, actor, "training.retried", f"source:{source}", documents=again)
    return job


def _web_address(text: str) -> str:
    """The address in our spelling; a bare name is taken for https."""
    text = text.strip()
    url = normal(text if "://" in text else f"https://{text}")
    if url is None or "." not in (urlsplit(url).hostname or "") and not get_settings().allow_private_addresses:
        raise ActionRefused(f"'{text[:100]}' is not a web address. Write it like https://www.example.com.")
    return url


def _crawl_config(site: Website) -> dict[str, Any]:
    """The settings that differ from the usual. Raises ActionRefused."""
    if site.max_pages is not None and not 1 <= site.max_pages <= MOST_PAGES:
        raise ActionRefused(f"The number of pages must be between 1 and {MOST_PAGES}.")
    if site.max_depth is not None and not 0 <= site.max_depth <= MOST_DEPTH:
        raise ActionRefused(f"The depth must be between 0 and {MOST_DEPTH} clicks.")
    if site.prefix and not site.prefix.startswith("/"):
        raise ActionRefused("The part of the site must begin with a slash, like /docs/.")
    chosen = {
        "max_pages": site.max_pages,
        "max_depth": site.max_depth,
        "prefix": site.prefix or None,
        "review": site.review or None,
    }
    chosen["obey_robots"] = None if site.obey_robots else False
    return {name: value for name, value in chosen.items() if value is not None}


def approve_change(workspace: UUID, user: UUID | None, change: UUID) -> None:
    """Use the version that waits: the AI answers from it as soon as it is indexed."""
    with transaction(workspace) as tx:
        found = _decide(tx, change, "approved", user)
        document = documents.get(tx, found.document_id)
        assert document is not None, "the change would have gone with it"
        if found.kind == "removed":
            indexing.delete_document(tx, found.source_id, document.address)
            documents.set_gone(tx, document.id, None, "removed", "The page is gone, and its removal was approved.")
        else:
            job = _approval_job(tx, workspace, found.source_id)
            documents.adopt(tx, document.id, job, found.title, found.markdown, found.content_hash)
            _count_found(tx, job, 1)
        audit.record(
            tx, workspace, f"user:{user}", "training.change_approved", f"source:{found.source_id}", change=str(change)
        )
        training_jobs.tell(tx, workspace, found.source_id, "changed")


def reject_change(workspace: UUID, user: UUID | None, change: UUID) -> None:
    """Keep answering from the former text; this version is not proposed again."""
    with transaction(workspace) as tx:
        found = _decide(tx, change, "rejected", user)
        refused = documents.KEPT_THOUGH_GONE if found.kind == "removed" else found.content_hash
        documents.refuse(tx, found.document_id, refused or b"")
        audit.record(
            tx, workspace, f"user:{user}", "training.change_rejected", f"source:{found.source_id}", change=str(change)
        )
        training_jobs.tell(tx, workspace, found.source_id, "changed")


def edit_passage(workspace: UUID, user: UUID | None, passage: UUID, heading: str, text: str) -> None:
    """Correct a passage by hand. It stays corrected as long as the document says at that place what it says now."""
    if not text.strip():
        raise ActionRefused("A passage needs a text. Switch it off if it should not be found.")
    if len(text) > MOST_PASSAGE or len(heading) > MOST_QUESTION:
        raise ActionRefused(f"A passage has at most {MOST_PASSAGE} characters, its heading {MOST_QUESTION}.")
    with transaction(workspace) as tx:
        before = _passage(tx, passage)
        source = sources.get(tx, before.source_id)
        model = embedder(tx) or builtin_embedder()
    assert source is not None
    embedding_text = heading if source.type == "qa" else f"{heading}\n{text}".strip()
    try:
        [vector] = model.embed([embedding_text])
    except ClientError as error:
        raise ActionRefused(
            f"The embedding model did not answer, so the passage was not changed: {error.reason}"
        ) from error
    with transaction(workspace) as tx:
        before = _passage(tx, passage)
        indexing.rewrite(tx, before, heading.strip(), text.strip(), vector, model.model, user)
        audit.record(tx, workspace, f"user:{user}", "training.passage_edited", f"passage:{passage}")
        training_jobs.tell(tx, workspace, before.source_id, "changed")


def restore_passage(workspace: UUID, user: UUID | None, passage: UUID) -> None:
    """Undo the edits of a passage: it says again what its document says."""
    with transaction(workspace) as tx:
        original = indexing.original(tx, passage)
    if original is None:
        raise ActionRefused("This passage was not edited.")
    edit_passage(workspace, user, passage, *original)
    with transaction(workspace) as tx:
        indexing.forget_edit(tx, passage)


def disable_passage(workspace: UUID, user: UUID | None, passage: UUID, *, enabled: bool = False) -> None:
    """Let no search find a passage any more, or let it again."""
    with transaction(workspace) as tx:
        found = _passage(tx, passage)
        indexing.switch(tx, passage, enabled=enabled)
        audit.record(tx, workspace, f"user:{user}", "training.passage_switched", f"passage:{passage}", enabled=enabled)
        training_jobs.tell(tx, workspace, found.source_id, "changed")


def _decide(tx: Session, change: UUID, state: Literal["approved", "rejected"], user: UUID | None) -> Change:
    found = training_changes.decide(tx, change, state, user)
    if found is None:
        raise ActionRefused("This change does not wait any more: somebody decided, or the page changed again.")
    return found


def _approval_job(tx: Session, workspace: UUID, source: UUID) -> UUID:
    job, _ = training_jobs.add(tx, workspace, source, "approved", "some")
    return job


def _passage(tx: Session, passage: UUID) -> PassageLine:
    found = indexing.get(tx, passage)
    if found is None:
        raise ActionRefused("This passage does not exist any more: its document changed.")
    return found
