"""Passages by meaning: those whose vector is nearest to the question's, found with or without the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows, run
from db.records import record

FEW = 2000  # passages of one workspace and model that are compared one by one: about 10 ms


EF_SEARCH = 100  # how widely the graph is searched; the bench says what it finds

# The graphs hold half precision, and of the built-in model only the numbers that are not padding: an eighth of the size. What they
# find is put in order by the full vectors. The words are those of the indexes in migration 0007.
BUILTIN = "all-MiniLM-L6-v2"
EXACT = "embedding <=> %(v)s::vector"
BUILTIN_ORDER = "subvector(embedding, 1, 384)::halfvec(384) <=> subvector(%(v)s::vector, 1, 384)::halfvec(384)"
OTHER_ORDER = "embedding::halfvec(1536) <=> %(v)s::vector::halfvec(1536)"


@dataclass(frozen=True)
class Filter:
    """Which passages may be found. `language` keeps to passages of it and of unknown language; '' and () = all."""

    language: str = ""
    sources: tuple[UUID, ...] = ()
    source_types: tuple[str, ...] = ()


EVERYWHERE = Filter()


@dataclass(frozen=True)
class Near:
    """A passage and how near it is. `score`: cosine similarity, 1 = the same direction."""

    id: UUID
    score: float


def nearest(tx: Session, embedding: Sequence[float], model: str, limit: int, only: Filter = EVERYWHERE) -> list[Near]:
    """The passages of this model nearest to a vector, best first."""
    order, near = f"({EXACT}) + 0", limit  # + 0: no graph can serve this order
    if not _are_few(tx, model):
        # The graph of all workspaces goes on until enough of its nearest belong to this one, and they are put in order here.
        run(
            tx,
            # A plan for this very question: one made for any number of neighbours would pass the graph by.
            "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', %(ef)s, true),"
            " set_config('plan_cache_mode', 'force_custom_plan', true)",
            ef=str(EF_SEARCH),
        )
        order, near = BUILTIN_ORDER if model == BUILTIN else OTHER_ORDER, max(EF_SEARCH, 2 * limit)
    values = {"v": literal(embedding), "model": model, "near": near, "limit": limit}
    values |= {"language": only.language, "sources": list(only.sources), "types": list(only.source_types)}
    return [record(Near, row) for row in rows(tx, _NEAREST.format(order=order), **values)]


def cosines(tx: Session, embedding: Sequence[float], ids: Sequence[UUID]) -> dict[UUID, float]:
    """How near these passages are, wherever they rank."""
    if not ids:
        return {}
    sql = "SELECT id, 1 - (embedding <=> %(v)s::vector) AS score FROM ai_embeddings WHERE id = ANY(%(ids)s)"
    return {row["id"]: row["score"] for row in rows(tx, sql, v=literal(embedding), ids=list(ids))}


def literal(embedding: Sequence[float]) -> str:
    """A vector as Postgres reads it."""
    return "[" + ",".join(map(repr, map(float, embedding))) + "]"


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
    SELECT id, 1 - distance AS score
    FROM (
        SELECT id, embedding <=> %(v)s::vector AS distance
        FROM ai_embeddings
        WHERE enabled AND model = %(model)s AND (%(language)s = '' OR language IN ('', %(language)s))
            AND (%(sources)s::uuid[] = '{{}}' OR source_id = ANY(%(sources)s::uuid[]))
            AND (%(types)s::text[] = '{{}}' OR source_type = ANY(%(types)s::text[]))
        ORDER BY {order} LIMIT %(near)s
    ) near ORDER BY distance, id LIMIT %(limit)s
"""
