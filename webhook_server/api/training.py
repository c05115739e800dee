"""Training material over REST: websites, files, texts, questions with answers; and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Security
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.requests import Request

from db import documents, sources, training_jobs
from db.documents import DocumentLine
from db.engine import read_only
from db.sources import SourceLine
from db.training_jobs import Job
from flows import schedules, training
from flows.schedules import Schedule
from flows.training import Added, Website
from webhook_server.api.access import Caller, Reader, needs
from webhook_server.api.shapes import BeforeSeq, Body, Done, Limit, Rows, Search, Text, page
from webhook_server.errors import Refusal, not_found

router = APIRouter(prefix="/ai", tags=["Training"])

Builder = Annotated[Caller, Security(needs("build"))]
FORM_BYTES = 100_000  # of a multipart body beside the file


class WebsiteBody(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"url": "https://www.example.com", "max_pages": 200, "schedule": "every Monday at 6:00"}]
        },
    )

    url: Text = Field(min_length=1, max_length=2000, description="Where the crawl begins.")
    name: Text = Field(default="", max_length=200, description="Name of the source; without it the address.")
    max_pages: int | None = Field(default=None, ge=1, description="Most pages; 500 without it.")
    max_depth: int | None = Field(default=None, ge=0, description="Most clicks from the start page; 10 without it.")
    prefix: Text = Field(default="", max_length=500, description="Only pages under this path, like /docs/.")
    review: bool = Field(default=False, description="Whether changes found later wait for a person's approval.")
    schedule: Text = Field(default="", max_length=200, description="When to crawl again, like: every Monday at 6:00.")


class TextBody(Body):
    name: Text = Field(min_length=1, max_length=200, description="Name of the source; the same name replaces its text.")
    text: Text = Field(min_length=1, max_length=1_000_000, description="The text; Markdown headings help finding.")


class Pair(Body):
    question: Text = Field(min_length=1, max_length=500, description="As a customer would ask.")
    answer: Text = Field(min_length=1, max_length=20_000, description="What is true.")


class QuestionsBody(Body):
    name: Text = Field(
        min_length=1, max_length=200, description="Name of the source; pairs are added to one that exists."
    )
    pairs: list[Pair] = Field(min_length=1, max_length=2000, description="Questions with their answers.")


class Accepted(BaseModel):
    """It is stored and will be read in a moment; ask for the source to see how far it is."""

    source_id: UUID = Field(description="Id of the source.")
    job_id: UUID = Field(description="Id of the work on it.")


class SourceDetail(BaseModel):
    source: SourceLine
    job: Job | None = Field(description="The work on it that is under way, or was the last.")
    schedule: Schedule | None = Field(description="When it is crawled again.")


@router.post("/train/website", status_code=202, summary="Crawl a website")
def train_website(caller: Builder, body: WebsiteBody) -> Accepted:
    site = Website(body.url, body.name, body.max_pages, body.max_depth, body.prefix, body.review)
    if body.schedule:
        schedules.cron_of(body.schedule)  # before anything is made
    added = training.add_website(caller.workspace_id, caller.actor, site)
    if body.schedule:
        schedules.set_schedule(caller.workspace_id, caller.actor, added.source, body.schedule, datetime.now(UTC))
    return _accepted(added)


_FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "PDF, Word, PowerPoint, Excel, CSV, HTML, Markdown or text.",
                        },
                        "source_id": {
                            "type": "string",
                            "format": "uuid",
                            "description": "Add it to this source of files.",
                        },
                    },
                }
            }
        },
    }
}


@router.post("/train/file", status_code=202, summary="Read a file", openapi_extra=_FILE_BODY)
async def train_file(caller: Builder, request: Request) -> Accepted:
    """A file of the same name replaces the former one."""
    _check_length(request)
    async with request.form(max_files=1, max_fields=5) as form:
        file, source = form.get("file"), form.get("source_id")
        if not isinstance(file, UploadFile):
            raise Refusal(422, "invalid", "file: send the file as the field 'file' of a multipart form.", field="file")
        content = await file.read()
    home = _id(source) if isinstance(source, str) and source else None
    added = await run_in_threadpool(
        training.add_file, caller.workspace_id, caller.actor, file.filename or "", content, home
    )
    return _accepted(added)


@router.post("/train/text", status_code=202, summary="Learn a text")
def train_text(caller: Builder, body: TextBody) -> Accepted:
    return _accepted(training.add_text(caller.workspace_id, caller.actor, body.name, body.text))


@router.post("/train/qa", status_code=202, summary="Learn questions with their answers")
def train_qa(caller: Builder, body: QuestionsBody) -> Accepted:
    pairs = [(pair.question, pair.answer) for pair in body.pairs]
    return _accepted(training.add_qa(caller.workspace_id, caller.actor, body.name, pairs))


@router.get("/sources", summary="List training sources by name")
def list_sources(
    caller: Reader,
    after: Annotated[UUID | None, Query(description="next of the page before.")] = None,
    limit: Limit = 50,
) -> Rows[SourceLine]:
    with read_only(caller.workspace_id) as tx:
        found = sources.listing(tx, after, limit)
    return page(found, limit, lambda line: str(line.id))


@router.get("/sources/{source_id}", summary="One training source, with the work on it")
def get_source(caller: Reader, source_id: UUID) -> SourceDetail:
    with read_only(caller.workspace_id) as tx:
        line = sources.line(tx, source_id)
        jobs = training_jobs.recent(tx, source_id, limit=1)
    if line is None:
        raise not_found("source")
    return SourceDetail(source=line, job=jobs[0] if jobs else None, schedule=schedules.of(line, datetime.now(UTC)))


@router.get("/sources/{source_id}/documents", summary="Pages and files of a source")
def list_documents(
    caller: Reader, source_id: UUID, state: Text = "", search: Search = "", after: BeforeSeq = None, limit: Limit = 100
) -> Rows[DocumentLine]:
    """In the order in which they were found; `after` is next of the page before."""
    with read_only(caller.workspace_id) as tx:
        if sources.get(tx, source_id) is None:
            raise not_found("source")
        found = documents.listing(tx, source_id, after or 0, limit, state, search)
    return page(found, limit, lambda line: line.seq)


@router.post("/sources/{source_id}/crawl", status_code=202, summary="Crawl a website again")
def crawl(caller: Builder, source_id: UUID) -> Accepted:
    return Accepted(source_id=source_id, job_id=training.crawl_now(caller.workspace_id, caller.actor, source_id))


@router.post("/sources/{source_id}/cancel", summary="Stop the work on a source")
def cancel(caller: Builder, source_id: UUID) -> Done:
    training.cancel(caller.workspace_id, caller.actor, source_id)
    return Done()


@router.delete("/sources/{source_id}", summary="Delete a source and what was learned from it")
def delete_source(caller: Builder, source_id: UUID) -> Done:
    training.delete_source(caller.workspace_id, caller.actor, source_id)
    return Done()


def _accepted(added: Added) -> Accepted:
    return Accepted(source_id=added.source, job_id=added.job)


def _check_length(request: Request) -> None:
    """Before the body is read: a body without a length could be endless."""
    announced = request.headers.get("content-length", "")
    if not announced.isdigit():
        raise Refusal(411, "length_required", "Say how long the body is: send a Content-Length header.")
    if int(announced) > training.MOST_FILE_BYTES + FORM_BYTES:
        most = training.MOST_FILE_BYTES // 1_000_000
        raise Refusal(413, "too_long", f"A file may have {most} MB. Split it into several files.", field="file")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refusal(422, "invalid", "source_id: this is no id of a source.", field="source_id") from None
