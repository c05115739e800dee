"""Search among 100,000 passages: perturbed copies of the corpus, whose neighbours are as near to each other as real ones.

A copy's vector is that of its passage turned towards another passage and shaken; its text is the first half of the one and the
second half of the other, so that words are as frequent as in the corpus. Document and heading stay those of the passage.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import numpy as np
import psutil
import psycopg
from numpy.typing import NDArray
from pgvector.psycopg import register_vector
from psycopg.types.uuid import UUIDBinaryDumper

from db import sources, vector_search
from db.engine import one, read_only, run, system
from flows.headings import embed_headings
from nodes.clients.minilm import DIMENSIONS
from nodes.contract import Embedder
from nodes.search import SearchSettings, ask, find, with_subject
from tests.bench.machine import cpu_seconds
from tests.bench.retrieval_corpus import Corpus

NEIGHBOURS = 10
TURN, SHAKE = 0.35, 0.35  # a copy is about as near to its passage (cosine 0.9) as the next passage of a section
ROWS_AT_ONCE = 2000
WIDTH = 1536

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Place:
    """The database that is searched, one of its workspaces with a source, and the process number of its server."""

    url: str
    workspace: UUID
    source: UUID
    server: int

    def processor_seconds(self) -> float:
        """Of this process and of everything that the server runs."""
        server = psutil.Process(self.server)
        return time.process_time() + sum(cpu_seconds({"postgres": [server, *server.children()]}).values())


@dataclass(frozen=True)
class Scale:
    """What was measured. Times in seconds, sizes in bytes."""

    passages: int
    load_seconds: float
    graph_seconds: float
    graph_bytes: int
    words_bytes: int
    complete: list[float]
    halves: dict[str, list[float]]
    processor_ms: float
    recall: float


def grown(vectors: Matrix, count: int) -> tuple[Matrix, NDArray[np.int64], NDArray[np.int64]]:
    """So many vectors of length 1 and the two passages that each comes from; the first are the corpus itself."""
    random = np.random.default_rng(7)
    first = np.arange(count) % len(vectors)
    second = np.where(np.arange(count) < len(vectors), first, random.integers(len(vectors), size=count))
    real = vectors[:, :DIMENSIONS]
    noise = random.standard_normal((count, DIMENSIONS)).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    made = real[first] + TURN * real[second] + SHAKE * noise
    made[: len(vectors)] = real[:count]
    return made / np.linalg.norm(made, axis=1, keepdims=True), first, second


def load(place: Place, corpus: Corpus, vectors: Matrix, count: int, model: str) -> list[UUID]:
    """Copy the passages into the database; returns their ids in the order of `grown`."""
    made, first, second = grown(vectors, count)
    ids = [uuid4() for _ in range(count)]
    with psycopg.connect(place.url) as connection:
        connection.adapters.register_dumper(UUID, UUIDBinaryDumper)
        register_vector(connection)
        for start in range(0, count, ROWS_AT_ONCE):
            places = range(start, min(start + ROWS_AT_ONCE, count))
            with connection.cursor().copy(_COPY) as copy:
                copy.set_types(
                    ["uuid", "uuid", "uuid", "text", "text", "text", "text", "int4", "bytea", "text", "text", "vector"]
                )
                for each in places:
                    text = _spliced(corpus, int(first[each]), int(second[each]))
                    chunk = corpus.cuts[first[each]].chunk
                    copy.write_row(
                        (ids[each], place.workspace, place.source, "website", corpus.pages[first[each]], chunk.heading, text, chunk.position,
                         each.to_bytes(8, "big"), "en", model, np.pad(made[each], (0, WIDTH - DIMENSIONS)))
                    )  # fmt: skip
    return ids


_COPY = """
    COPY ai_embeddings (id, workspace_id, source_id, source_type, document, heading, text, position, content_hash, language, model, embedding)
    FROM STDIN (FORMAT binary)
"""


def _spliced(corpus: Corpus, first: int, second: int) -> str:
    one_text, other = corpus.cuts[first].chunk.text, corpus.cuts[second].chunk.text
    return one_text if first == second else f"{one_text[: len(one_text) // 2]} {other[len(other) // 2 :]}"


def measure(
    place: Place,
    corpus: Corpus,
    vectors: Matrix,
    questions: Sequence[str],
    new_embedder: Callable[[], Embedder],
    count: int,
) -> Scale:
    """Load the passages, build the graph, and ask every question once; no vector of a question is remembered from before."""
    embedder = new_embedder()
    with system() as tx:
        run(tx, "DROP INDEX ai_embeddings_vector_builtin")
        sources.configure(tx, place.source, subject={"about": "Python", "pages": len(corpus.titles)})
    began = time.perf_counter()
    ids = load(place, corpus, vectors, count, embedder.model)
    loaded = time.perf_counter() - began
    embed_headings(place.workspace, embedder)
    built = _build(place.url)
    asked = [ask(embedder, question) for question in questions]
    made, _, _ = grown(vectors, count)
    recall = _recall(place.workspace, embedder.model, made, ids, [question.vector for question in asked])
    halves = {mode: _times(place, embedder, mode, questions) for mode in ("vector", "lexical", "hybrid")}
    before = place.processor_seconds()
    complete = _times(place, new_embedder(), "hybrid", questions)
    spent = (place.processor_seconds() - before) * 1000 / len(complete)
    graph, words = _size("ai_embeddings_vector_builtin"), _size("ai_embeddings_search") + _size("passage_words")
    return Scale(count, loaded, built, graph, words, complete, halves, spent, recall)


def _build(url: str) -> float:
    """Seconds to build the graph over all passages at once, as a restore does; with a crawl it grows passage by passage."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '512MB'")
        began = time.perf_counter()
        connection.execute(_GRAPH)
        took = time.perf_counter() - began
        connection.execute("VACUUM (ANALYZE) ai_embeddings, passage_words, heading_vectors")
    return took


_GRAPH = """
    CREATE INDEX ai_embeddings_vector_builtin ON ai_embeddings
    USING hnsw ((subvector(embedding, 1, 384)::halfvec(384)) halfvec_cosine_ops) WITH (ef_construction = 128) WHERE model = 'all-MiniLM-L6-v2'
"""


def _recall(workspace: UUID, model: str, made: Matrix, ids: Sequence[UUID], asked: Sequence[Sequence[float]]) -> float:
    """The share of the 10 nearest passages, by comparing with all of them, that the search by meaning has among its first 10."""
    place_of = {id: place for place, id in enumerate(ids)}
    found = 0
    for vector in asked:
        exact = np.argsort(-(made @ np.asarray(vector[:DIMENSIONS], np.float32)))[:NEIGHBOURS]
        with read_only(workspace) as tx:
            near = vector_search.nearest(tx, vector, model, NEIGHBOURS)
        found += len({place_of[each.id] for each in near} & set(exact.tolist()))
    return found / (NEIGHBOURS * len(asked))


def _times(place: Place, embedder: Embedder, mode: str, questions: Sequence[str]) -> list[float]:
    """What a step of an automation does: look up what it is about, embed the question, search, read the passages."""
    settings = SearchSettings(mode=mode)  # type: ignore[arg-type]
    took = []
    for question in ["Are you open?", "How much is it?", "Where do I find you?", *questions]:
        began = time.perf_counter()
        with read_only(place.workspace) as tx:
            said = with_subject(tx, settings)
        asked = ask(embedder, question, said)
        with read_only(place.workspace) as tx:
            find(tx, asked, said)
        took.append(time.perf_counter() - began)
    return took[3:]  # the first ones load the model and open connections


def _size(relation: str) -> int:
    with system() as tx:
        row = one(tx, "SELECT pg_total_relation_size(%(name)s::regclass) AS size", name=relation)
    assert row is not None
    return int(row["size"])
