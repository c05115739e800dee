"""Reading a website, or a list of addresses: what to look at, what each page gave, what is not there any more.

The work list is in the database. A crawl that is taken up by another process goes on where the first one was.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from urllib.parse import urlsplit

from db import crawl_list, document_states, documents, sources, subjects, training_jobs
from db.documents import Document, Fetched
from db.engine import one, transaction
from db.sources import SourceSetup
from flows import leaving, versions
from flows.borders import Borders, CrawlRefused, first_addresses, limits_of, start_of
from flows.ingest import text_hash
from flows.pulse import Pulse
from nodes.addresses import are_twins, normal, site
from nodes.clients.web import Web, WebAnswer
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected, Throttled
from nodes.extract import kind_of
from nodes.extract_process import PAGE_SECONDS, Extractor
from nodes.language import guess
from nodes.reading import CannotRead, Reading

log = logging.getLogger(__name__)

TRIES = 3
LONGEST_WAIT_SECONDS = 60.0
LISTED_AT_ONCE = 500
LANGUAGE_SAMPLE = 3000  # characters
SILENT_AT_MOST = 10  # pages in a row without an answer; then the host is asked no more in this crawl
NO_TEXT = "There is no text on it. Pages that are drawn by JavaScript cannot be read; add their text by hand."


class Crawl:
    """One crawl of one source: `run` ends when every page that it found was looked at."""

    def __init__(self, pulse: Pulse, source: SourceSetup, web: Web, extractor: Extractor) -> None:
        self._pulse, self._job, self._source = pulse, pulse.job, source
        self._web, self._extractor = web, extractor
        self._limits = limits_of(source)
        self._is_list = source.type == "urls"
        self._borders = Borders(web, source.url, self._limits, one_site=not self._is_list)
        self._silent: Counter[str] = Counter()  # host -> pages in a row that it did not answer

    def run(self) -> None:
        """Raises CrawlRefused, JobStopped."""
        if self._job.scope == "all" and not self._job.listed:
            self._list()
        elif not self._is_list:
            self._borders.start = str(self._source.config.get("site") or self._source.url)
        while (document := self._next()) is not None:
            self._pulse.check()
            self._visit(document)

    def finish(self) -> str:
        """Let go of what is not there any more; returns what a person should know of this crawl, "" where all is well."""
        with transaction(self._job.workspace_id) as tx:
            job = training_jobs.get(tx, self._job.id)
        cut_short = job is not None and job.found >= self._limits.pages and not self._is_list
        complete = self._job.scope == "all" and job is not None and not job.partial and not cut_short
        told = [leaving.settle(self._pulse, self._source, complete=complete)]
        if complete:
            with self._pulse.writing() as tx:
                sources.configure(tx, self._source.id, crawled_before=True, narrowed=None)
        if self._job.scope == "all":
            with self._pulse.writing() as tx:
                subjects.learn(tx, self._source.id)
        if cut_short and self._job.scope == "all":
            told.append(f"The limit of {self._limits.pages} pages was reached, and there may be more.")
        told += [f"{host} stopped answering." for host, times in self._silent.items() if times >= SILENT_AT_MOST]
        return " ".join(filter(None, told))

    def _next(self) -> Document | None:
        with transaction(self._job.workspace_id) as tx:
            return crawl_list.next_to_fetch(tx, self._job.id)

    def _list(self) -> None:
        """The first addresses become work of this job."""
        all_read = True
        if self._is_list:
            found = [url for each in self._source.config.get("urls", []) if (url := normal(each))]
        else:
            self._borders.start = start_of(self._web, self._source.url)
            with self._pulse.writing() as tx:
                sources.configure(tx, self._source.id, site=self._borders.start)
            try:
                found, all_read = first_addresses(self._web, self._borders, self._limits.pages)
            except ClientError as error:
                raise CrawlRefused(f"The site cannot be crawled. {error.reason}") from error
        first: Iterator[str] = iter(found)
        while some := list(islice(first, LISTED_AT_ONCE)):
            self._pulse.check()
            self._add([(url, 0) for url in some])
        with self._pulse.writing() as tx:
            training_jobs.set_listed(tx, self._job.id, partial=not all_read)

    def _add(self, wanted: Sequence[tuple[str, int]]) -> None:
        """Make addresses work of this job, up to the limit of pages."""
        with self._pulse.writing() as tx:
            row = one(tx, "SELECT found FROM training_jobs WHERE id = %(id)s FOR UPDATE", id=self._job.id)
            room = self._limits.pages - (row["found"] if row else 0)
            if room > 0 and wanted:
                new = crawl_list.unlisted(tx, self._source.id, self._job.id, [url for url, _ in wanted])[:room]
                depths = dict(wanted)
                listed = crawl_list.list_addresses(
                    tx, self._job.workspace_id, self._source.id, self._job.id, [(url, depths[url]) for url in new]
                )
                training_jobs.count(tx, self._job.id, found=listed)

    def _follow(self, document: Document, links: Sequence[str]) -> None:
        if self._is_list or self._job.scope == "some" or document.depth >= self._limits.depth:
            return
        found = dict.fromkeys(url for link in links if (url := normal(link)) and self._borders.belongs(url))
        self._add([(url, document.depth + 1) for url in found])

    def _visit(self, document: Document) -> None:
        """Look at one page; whatever comes of it is stored with it."""
        host = urlsplit(document.address).netloc
        try:
            if self._silent[host] >= SILENT_AT_MOST:
                raise OutcomeUnknown(
                    f"{host} did not answer {SILENT_AT_MOST} times in a row, so it was not asked again."
                )
            if not self._borders.is_allowed(document.address):
                self._leave_out(document, "The site's robots.txt asks crawlers not to read this page.")
                return
            answer = self._fetch(document)
            self._silent[host] = 0
            if answer.not_modified:
                self._unchanged(document)
            elif (url := normal(answer.url)) and url != document.address:
                self._moved(document, url)
            else:
                self._read(document, answer)
        except Rejected as error:
            self._silent[host] = 0
            self._rejected(document, error)
        except (ClientError, CannotRead) as error:
            self._silent[host] += isinstance(error, (NotSent, OutcomeUnknown))
            retryable = isinstance(error, ClientError) and not isinstance(error, AuthFailed)
            self._failed(document, str(error), retryable=retryable)

    def _fetch(self, document: Document) -> WebAnswer:
        """The page, asked for again where the site is busy. Raises ClientError."""
        same = document.is_indexed
        for attempt in range(1, TRIES + 1):
            try:
                return self._web.fetch(
                    document.address,
                    etag=document.etag if same else "",
                    last_modified=document.last_modified if same else "",
                    most_bytes=self._limits.page_bytes,
                    may_follow=self._may_follow,
                )
            except (Throttled, NotSent) as error:
                if attempt == TRIES:
                    raise
                asked = error.retry_after_seconds if isinstance(error, Throttled) else float(attempt)
                self._pulse.wait(min(asked, LONGEST_WAIT_SECONDS))
        raise AssertionError("the loop returns or raises")

    def _may_follow(self, url: str) -> bool:
        wanted = normal(url)
        return wanted is not None and self._borders.belongs(wanted) and self._borders.is_allowed(wanted)

    def _read(self, document: Document, answer: WebAnswer) -> None:
        kind = kind_of(urlsplit(answer.url).path, answer.content_type)
        if kind is None and not answer.content_type and answer.content.lstrip()[:1] == b"<":
            kind = "html"
        if kind is None:
            self._leave_out(
                document, f"It is of the kind {answer.content_type or 'unknown'}, which holds no text that can be read."
            )
            return
        reading = self._extractor.extract(answer.content, kind, document.address, answer.charset, PAGE_SECONDS)
        if "noindex" in answer.robots or not reading.may_index:
            self._leave_out(document, "The page asks not to be indexed.", reading.links if reading.may_follow else ())
            return
        canonical = normal(reading.canonical) if reading.canonical else None
        if (
            canonical
            and canonical != document.address
            and are_twins(canonical, document.address)
            and self._borders.belongs(canonical)
        ):
            self._leave_out(document, f"The page says that its address is {canonical}.", [canonical, *reading.links])
            return
        if not reading.markdown.strip():
            self._leave_out(document, NO_TEXT, reading.links if reading.may_follow else ())
            return
        self._settle(document, answer, reading)

    def _settle(self, document: Document, answer: WebAnswer, reading: Reading) -> None:
        title = reading.title or urlsplit(document.address).path.strip("/").rpartition("/")[2] or site(document.address)
        text = Fetched(
            title,
            reading.markdown,
            text_hash(reading.markdown, title),
            reading.language or guess(reading.markdown[:LANGUAGE_SAMPLE]),
            len(answer.content),
            answer.etag,
            answer.last_modified,
            [url for link in reading.links if (url := normal(link)) and self._borders.belongs(url)],
        )
        with self._pulse.writing() as tx:
            twin = documents.same_text(
                tx, document, self._job.id, text.content_hash, met=self._job.scope == "all" and not self._is_list
            )
            if twin is None:
                versions.settle(tx, self._job, self._source, document, text)
                document_states.set_note(tx, document.id, reading.note)
            else:
                versions.miss(tx, self._job, document, "skipped", f"It says the same as {twin}.")
        self._follow(document, text.links if reading.may_follow else ())

    def _unchanged(self, document: Document) -> None:
        with self._pulse.writing() as tx:
            document_states.set_unchanged(tx, document, self._job.id)
            training_jobs.count(tx, self._job.id, unchanged=1)
        self._follow(document, document.links)

    def _moved(self, document: Document, url: str) -> None:
        self._add([(url, document.depth)])
        self._leave_out(document, f"It leads to {url}.")

    def _leave_out(self, document: Document, reason: str, links: Sequence[str] = ()) -> None:
        with self._pulse.writing() as tx:
            versions.miss(tx, self._job, document, "skipped", reason)
        self._follow(document, links)

    def _rejected(self, document: Document, error: Rejected) -> None:
        """The site said no: a page that was there and is not any more goes."""
        if error.code == "elsewhere":
            self._leave_out(document, error.reason)
        elif error.code == "not_found" and document.indexed_hash is not None:
            with self._pulse.writing() as tx:
                versions.miss(tx, self._job, document, "removed", error.reason)
        else:
            self._failed(document, error.reason, retryable=False)

    def _failed(self, document: Document, reason: str, *, retryable: bool) -> None:
        with self._pulse.writing() as tx:
            document_states.set_failed(tx, document.id, self._job.id, reason, retryable=retryable)
            training_jobs.count(tx, self._job.id, failed=1)
        self._follow(document, document.links)  # what was behind it is still there, as far as anybody knows
