"""What a person does with training material: add, look ahead, crawl, correct, delete. Pages and REST call these.

All raise ActionRefused with a plain sentence where it cannot be done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import audit, documents, sources, training_jobs
from db.engine import transaction
from db.sources import SourceSetup, SourceType
from flows.actions import ActionRefused
from flows.ingest import text_hash
from nodes.extract import KINDS, READABLE

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
