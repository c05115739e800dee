"""Training sources and their passages: kept with the vector and the model that made it, found by meaning."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import insert
from sqlmodel import Session

from db import tables
from db.engine import one, rows, run
from db.records import Source, record

FEW = 2000  # passages of one workspace and model that are compared one by one: about 10 ms


@dataclass(frozen=True)
class Piece:
    """A part of a document with its vector of 1536 numbers (shorter ones padded with zeros)."""

    text: str
    heading: str
    position: int
    embedding: Sequence[float]
    model: str
    language: str = ""


@dataclass(frozen=True)
class Found:
    """A passage that fits a question. `score`: cosine similarity, 1 = the same direction."""

    id: UUID
    source_id: UUID
    source_name: str
    document: str
    heading: str
    text: str
    score: float


def add_source(tx: Session, workspace: UUID, type: str, name: str, url: str = "") -> UUID:
    """The source of this type and name; made if it is not there yet."""
    row = one(
        tx,
        "INSERT INTO training_sources (workspace_id, type, name, url) VALUES (%(workspace)s, %(type)s, %(name)s, %(url)s)"
        " ON CONFLICT (workspace_id, type, name) DO UPDATE SET url = excluded.url, updated_at = now() RETURNING id",
        workspace=workspace,
        type=type,
        name=name,
        url=url,
    )
    assert row is not None
    source: UUID = row["id"]
    return source


def set_status(tx: Session, source: UUID, status: str, detail: str = "") -> None:
    """pending, working, ready, failed or cancelled; `detail` is the sentence on the page."""
    run(
        tx,
        "UPDATE training_sources SET status = %(status)s, status_detail = %(detail)s, updated_at = now() WHERE id = %(id)s",
        status=status,
        detail=detail,
        id=source,
    )


def sources(tx: Session) -> list[Source]:
    """Every source of the workspace by name, with the number of passages that a search can find."""
    found = rows(
        tx,
        "SELECT s.*, (SELECT count(*) FROM ai_embeddings e WHERE e.source_id = s.id AND e.enabled) AS passages"
        " FROM training_sources s ORDER BY lower(s.name), s.id",
    )
    return [record(Source, row) for row in found]


def replace_document(
    tx: Session, workspace: UUID, source_id: UUID, source_type: str, document: str, pieces: Sequence[Piece]
) -> bool:
    """Make these the passages of a document, in place of its former ones; no pieces = the document is gone.

    False: they were the same already and nothing was touched.
    """
    wanted = [_identity(piece.position, _hash(piece), piece.model, piece.language) for piece in pieces]
    if sorted(wanted) == sorted(_present(tx, source_id, document)):
        return False
    run(tx, "DELETE FROM ai_embeddings WHERE source_id = %(s)s AND document = %(d)s", s=source_id, d=document)
    if pieces:
        same = {"workspace_id": workspace, "source_id": source_id, "source_type": source_type, "document": document}
        tx.execute(insert(tables.Passage), [same | _columns(piece) for piece in pieces])
    return True


def search(
    tx: Session, embedding: Sequence[float], model: str, text: str, limit: int = 5, language: str = ""
) -> list[Found]:
    """The passages nearest to a question, best first, among those of the same model; `text` is the question in words.

    `language` keeps to passages of this language and of unknown language; '' = all.
    Only meaning counts: mixing in a lexical ranking as equal made hard questions worse (recall@5 0.71 -> 0.55).
    """
    order, near = "(embedding <=> %(v)s::vector) + 0", limit  # + 0: the graph cannot serve this order
    if not _are_few(tx, model):
        # The graph of all workspaces goes on until enough of its nearest belong to this one, and they are put in order here.
        run(
            tx,
            # A plan for this very question: one made for any number of neighbours would pass the graph by.
            "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', '100', true),"
            " set_config('plan_cache_mode', 'force_custom_plan', true)",
        )
        order, near = "embedding <=> %(v)s::vector", max(40, 4 * limit)
    values = {"v": _vector(embedding), "model": model, "language": language, "near": near, "limit": limit}
    return [record(Found, row) for row in rows(tx, _NEAREST.format(order=order), **values)]


def _are_few(tx: Session, model: str) -> bool:
    """Whether comparing the question with every passage is quick: exact, and a small workspace beside a large one loses nothing."""
    row = one(
        tx,
        "SELECT count(*) AS n FROM (SELECT FROM ai_embeddings WHERE enabled AND model = %(model)s LIMIT %(most)s) few",
        model=model,
        most=FEW + 1,
    )
    return row is not None and row["n"] <= FEW


_NEAREST = """
    SELECT e.id, e.source_id, s.name AS source_name, e.document, e.heading, e.text, 1 - e.distance AS score
    FROM (
        SELECT id, source_id, document, heading, text, embedding <=> %(v)s::vector AS distance
        FROM ai_embeddings
        WHERE enabled AND model = %(model)s AND (%(language)s = '' OR language IN ('', %(language)s))
        ORDER BY {order} LIMIT %(near)s
    ) e JOIN training_sources s ON s.id = e.source_id
    ORDER BY e.distance, e.id LIMIT %(limit)s
"""


def _columns(piece: Piece) -> dict[str, object]:
    return {
        "text": piece.text,
        "heading": piece.heading,
        "position": piece.position,
        "embedding": list(piece.embedding),
        "model": piece.model,
        "language": piece.language,
        "content_hash": _hash(piece),
    }


def _present(tx: Session, source: UUID, document: str) -> list[str]:
    found = rows(
        tx,
        "SELECT position, content_hash, model, language FROM ai_embeddings WHERE source_id = %(s)s AND document = %(d)s",
        s=source,
        d=document,
    )
    return [_identity(row["position"], row["content_hash"], row["model"], row["language"]) for row in found]


def _identity(position: int, content_hash: bytes, model: str, language: str) -> str:
    return f"{position}:{bytes(content_hash).hex()}:{model}:{language}"


def _hash(piece: Piece) -> bytes:
    return hashlib.sha256(f"{piece.heading}\0{piece.text}".encode()).digest()


def _vector(embedding: Sequence[float]) -> str:
    return "[" + ",".join(map(repr, map(float, embedding))) + "]"
