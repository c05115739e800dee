"""Reading the files of a source, one after the other."""

from __future__ import annotations

from pathlib import PurePosixPath

from db import crawl_list, document_states, documents, training_jobs
from db.documents import Document, Fetched
from db.engine import transaction
from db.sources import SourceSetup
from flows import versions
from flows.crawl import LANGUAGE_SAMPLE
from flows.ingest import text_hash
from flows.pulse import Pulse
from nodes.extract import READABLE, kind_of
from nodes.extract_process import Extractor
from nodes.language import guess
from nodes.reading import CannotRead, Reading


class Uploads:
    """The text of every file of one job; the bytes are let go when they have been read."""

    def __init__(self, pulse: Pulse, source: SourceSetup, extractor: Extractor) -> None:
        self._pulse, self._job, self._source, self._extractor = pulse, pulse.job, source, extractor

    def run(self) -> None:
        while (document := self._next()) is not None:
            self._pulse.check()
            self._visit(document)

    def _next(self) -> Document | None:
        with transaction(self._job.workspace_id) as tx:
            return crawl_list.next_to_fetch(tx, self._job.id)

    def _visit(self, document: Document) -> None:
        with transaction(self._job.workspace_id) as tx:
            content = documents.upload(tx, document.id)
        try:
            reading = self._read(document.address, content)
        except CannotRead as error:
            self._failed(document, str(error))
            return
        title = reading.title or PurePosixPath(document.address).stem.replace("_", " ").replace("-", " ")
        language = reading.language or guess(reading.markdown[:LANGUAGE_SAMPLE])
        text = Fetched(title, reading.markdown, text_hash(reading.markdown, title), language, len(content or b""))
        with self._pulse.writing() as tx:
            versions.settle(tx, self._job, self._source, document, text)
            document_states.set_note(tx, document.id, reading.note)
            documents.drop_upload(tx, document.id)

    def _read(self, name: str, content: bytes | None) -> Reading:
        kind = kind_of(name)
        if content is None:
            raise CannotRead("The file is not kept after it was read. Upload it again.")
        if kind is None:
            raise CannotRead(f"'{name}' is of a kind that cannot be read. {READABLE}")
        reading = self._extractor.extract(content, kind, name)
        if not reading.markdown.strip():
            raise CannotRead("The file holds no text. Pictures are not read; put what matters into words.")
        return reading

    def _failed(self, document: Document, reason: str) -> None:
        with self._pulse.writing() as tx:
            document_states.set_failed(tx, document.id, self._job.id, reason, retryable=False)
            documents.drop_upload(tx, document.id)
            training_jobs.count(tx, self._job.id, failed=1)
