"""From the text of a document to passages that a search can find: cut, embed, store. What is there already is not made again."""

from __future__ import annotations

import hashlib
import logging
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from uuid import UUID

from db import crawl_list, document_states, heading_vectors, indexing, training_jobs, vectors
from db.documents import Document
from db.engine import transaction
from db.passages import Piece
from flows.pulse import Pulse
from nodes.chunk import Chunk, split
from nodes.contract import Embedder
from nodes.errors import AuthFailed, ClientError, Rejected, Throttled

log = logging.getLogger(__name__)

DOCUMENTS_AT_ONCE = 8
CHARACTERS_AT_ONCE = 300_000  # of several documents; a single one may be longer
TEXTS_AT_ONCE = 64  # about a second of the built-in model; what is lost at most when the process dies
TEXTS_LOOKED_UP = 500
MOST_TRIES = 4
LONGEST_WAIT_SECONDS = 60.0


Vector = Sequence[float]  # as an array of float32


class EmbeddingRefused(Exception):
    """The embedding model will not make these vectors; the message is a sentence with the remedy."""


@dataclass(frozen=True)
class Cut:
    """A passage before it has a vector."""

    chunk: Chunk
    embedding_text: str


def text_hash(markdown: str, title: str) -> bytes:
    """What tells whether a document changed."""
    return hashlib.sha256(f"{title}\0{markdown}".encode("utf-8", "surrogatepass")).digest()


def cut(source_type: str, title: str, markdown: str) -> list[Cut]:
    """The passages of a document. A question with its answer is one passage, found by the question."""
    if source_type == "qa":
        return [Cut(Chunk(markdown.strip(), title, 0), title)] if markdown.strip() else []
    first = markdown.lstrip().partition("\n")[0]
    # A page that begins with its own heading needs no title before it: "Prices | Corner Cycles > Prices" says nothing more.
    chunks = split(markdown, "" if first.startswith("# ") else title)
    return [Cut(chunk, chunk.embedding_text) for chunk in chunks]


class Indexing:
    """Makes passages of the documents of one job whose text is there.

    `embedders`: the model of the workspace, and the former one as long as searches use it.
    """

    def __init__(self, pulse: Pulse, source_type: str, embedders: Sequence[Embedder]) -> None:
        self._pulse, self._source_type = pulse, source_type
        self._embedders = list(embedders)
        self._job = pulse.job

    def some(self) -> int:
        """Index the next few documents; returns how many. Raises EmbeddingRefused, JobStopped."""
        with transaction(self._job.workspace_id) as tx:
            waiting = _few(crawl_list.next_to_index(tx, self._job.id, DOCUMENTS_AT_ONCE))
        cuts = {document.id: cut(self._source_type, document.title, document.markdown) for document in waiting}
        made = self._embedded([each.embedding_text for pieces in cuts.values() for each in pieces])
        if self._source_type != "qa":  # there the question is the heading and is embedded already
            # Before the passages: a document that is indexed is not looked at again.
            self._headings(
                [heading_vectors.last_heading(each.chunk.heading) for pieces in cuts.values() for each in pieces]
            )
        for document in waiting:
            self._pulse.check()
            self._store(document, cuts[document.id], made)
        return len(waiting)

    def _headings(self, headings: Sequence[str]) -> None:
        """Vectors of the headings too, where they are new; a search weighs them beside those of the passages."""
        job, target = self._job, self._embedders[0]
        with transaction(job.workspace_id) as tx:
            wanted = heading_vectors.missing(tx, target.model, headings)
        if wanted:
            made = embed(job.workspace_id, target, wanted, self._pulse)
            with self._pulse.writing() as tx:
                heading_vectors.keep(tx, job.workspace_id, target.model, made)

    def _embedded(self, texts: Sequence[str]) -> dict[str, dict[str, Vector]]:
        """Vectors by text, by model."""
        target, *former = self._embedders
        made = {target.model: embed(self._job.workspace_id, target, texts, self._pulse)}
        for embedder in former:
            try:
                made[embedder.model] = embed(self._job.workspace_id, embedder, texts, self._pulse)
            except EmbeddingRefused as error:
                self._embedders.remove(embedder)
                log.warning(
                    "The former embedding model does not answer; what is new is found when the change of model is done",
                    extra={"action": "training.former_model", "model": embedder.model, "error": str(error)[:300]},
                )
        return made

    def _store(self, document: Document, cuts: Sequence[Cut], made: dict[str, dict[str, Vector]]) -> None:
        job = self._job
        pieces = [
            Piece(
                each.chunk.text,
                each.chunk.heading,
                each.chunk.position,
                vectors[each.embedding_text],
                model,
                document.language,
            )
            for model, vectors in made.items()
            for each in cuts
        ]
        with self._pulse.writing() as tx:
            put = indexing.put(tx, job.workspace_id, job.source_id, self._source_type, document.address, pieces)
            document_states.set_indexed(tx, document, job.id, len(cuts))
            training_jobs.count(tx, job.id, indexed=1, passages_added=put.added, passages_removed=put.removed)


def _few(documents: Sequence[Document]) -> list[Document]:
    """The first ones, as many as are held in memory together."""
    sizes = accumulate(len(document.markdown) for document in documents)
    return [
        document
        for place, (document, size) in enumerate(zip(documents, sizes, strict=True))
        if not place or size <= CHARACTERS_AT_ONCE
    ]


def embed(workspace: UUID, embedder: Embedder, texts: Sequence[str], pulse: Pulse) -> dict[str, Vector]:
    """Vectors by text, those known before from the cache; every batch is kept as soon as it is made."""
    wanted = list(dict.fromkeys(texts))
    made: dict[str, Vector] = {}
    for some in _batches(wanted, TEXTS_LOOKED_UP):
        with transaction(workspace) as tx:
            made |= _packed(vectors.known(tx, embedder.model, some, datetime.now(UTC)))
    for batch in _batches([text for text in wanted if text not in made], TEXTS_AT_ONCE):
        pulse.check()
        new = dict(zip(batch, _patiently(embedder, batch, pulse), strict=True))
        with pulse.writing() as tx:
            vectors.keep(tx, workspace, embedder.model, new, datetime.now(UTC))
            training_jobs.count(tx, pulse.job.id, embedded=len(new))
        made |= _packed(new)
    return made


def _packed(vectors: Mapping[str, Sequence[float]]) -> dict[str, Vector]:
    """As the database keeps them, a fifth of the memory that lists take: a long document has thousands."""
    return {text: array("f", vector) for text, vector in vectors.items()}


def _batches(texts: Sequence[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(texts), size):
        yield list(texts[start : start + size])


def _patiently(embedder: Embedder, texts: Sequence[str], pulse: Pulse) -> list[list[float]]:
    """Ask again while the model is busy or out of reach."""
    for attempt in range(1, MOST_TRIES + 1):
        try:
            return embedder.embed(texts)
        except (AuthFailed, Rejected) as error:
            raise EmbeddingRefused(f"The embedding model refused: {error.reason}") from error
        except ClientError as error:
            if attempt == MOST_TRIES:
                raise EmbeddingRefused(
                    f"The embedding model did not answer: {error.reason} Try again later."
                ) from error
            asked = error.retry_after_seconds if isinstance(error, Throttled) else 2.0**attempt
            pulse.wait(min(asked, LONGEST_WAIT_SECONDS))
    raise AssertionError("the loop returns or raises")
