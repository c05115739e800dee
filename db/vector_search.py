"""Passages by meaning: those whose vector is nearest to the question's, found with or without the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows
from db.records import record

FEW = 2000  # passages of one workspace and model that are compared one by one: about 10 ms


EF_SEARCH = 100  # how widely the graph is searched; the bench says what it finds
SPARE = 5  # more than are wanted, since half precision orders near equals anew; reading each full vector costs pages

# The graphs hold half precision, and of the built-in model only the numbers that are not padding: an eighth of the size. What they
# find is put in order by the full vectors. The words are those of the indexes in migration 0014.
BUILTIN, BUILTIN_NUMBERS, ALL_NUMBERS = "all-MiniLM-L6-v2", 384, 1536
GRAPH_ORDERS = {
    BUILTIN_NUMBERS: "subvector(embedding, 1, 384)::halfvec(384) <=> %(v)s::halfvec(384)",
    ALL_NUMBERS: "embedding::halfvec(1536) <=> %(v)s::halfvec(1536)",
}
DISTANCES = {
    BUILTIN_NUMBERS: "subvector(embedding, 1, 384) <=> %(v)s::vector(384)",
    ALL_NUMBERS: "embedding <=> %(v)s::vector(1536)",
}


@dataclass(frozen=True)
class Filter:
    """Which passages may be found. `language` keeps to passages of it and of unknown language; '' and () = all."""

    language: str = ""
    sources: tuple[UUID, ...] = ()
    source_types: tuple[str, ...] = ()


EVERYWHERE = Filter()


@dataclass(frozen=True)
class Near:
    """A passage, where it stands, and how near it is. `score`: cosine similarity, 1 = the same direction."""

    id: UUID
    source_id: UUID
    document: str
    heading: str
    score: float


def nearest(tx: Session, embedding: Sequence[float], model: str, limit: int, only: Filter = EVERYWHERE) -> list[Near]:
    """The passages of this model nearest to a vector, best first."""
    numbers = numbers_of(model)
    # Few are compared one by one: + 0, no graph can serve this order. Otherwise the graph of all workspaces goes on until enough of
    # its nearest belong to this one, and they are put in order here.
    order = f"({DISTANCES[numbers]}) + 0" if _are_few(tx, model, limit) else GRAPH_ORDERS[numbers]
    values = {"v": literal(embedding[:numbers]), "model": model, "limit": limit, "read": limit + SPARE}
    values |= {"language": only.language, "sources": list(only.sources), "types": list(only.source_types)}
    return [record(Near, row) for row in rows(tx, _NEAREST.format(order=order, distance=DISTANCES[numbers]), **values)]


def these(tx: Session, embedding: Sequence[float], model: str, ids: Sequence[UUID]) -> list[Near]:
    """How near these passages of the model are, wherever they rank."""
    if not ids:
        return []
    numbers = numbers_of(model)
    sql = f"SELECT id, source_id, document, heading, 1 - ({DISTANCES[numbers]}) AS score FROM ai_embeddings WHERE id = ANY(%(ids)s)"
    return [record(Near, row) for row in rows(tx, sql, v=literal(embedding[:numbers]), ids=list(ids))]


def literal(embedding: Sequence[float]) -> str:
    """A vector as Postgres reads it, as precise as it keeps it."""
    return "[" + ",".join([f"{number:.8g}" for number in embedding]) + "]"


def numbers_of(model: str) -> int:
    """How many numbers of this model's vectors are not padding for sure."""
    return BUILTIN_NUMBERS if model == BUILTIN else ALL_NUMBERS


def _are_few(tx: Session, model: str, limit: int) -> bool:
    """Whether comparing the question with every passage is quick: exact, and a small workspace beside a large one loses nothing.

    Also sets the graph up for this transaction; a plan must be made for the very question, one for any number of neighbours would
    pass the graph by.
    """
    row = one(
        tx,
        """SELECT count(*) AS n, set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', %(ef)s, true),
               set_config('plan_cache_mode', 'force_custom_plan', true)
           FROM (SELECT FROM ai_embeddings WHERE enabled AND model = %(model)s LIMIT %(most)s) few""",
        model=model,
        most=FEW + 1,
        ef=str(max(EF_SEARCH, limit)),
    )
    return row is not None and row["n"] <= FEW


_NEAREST = """
    SELECT id, source_id, document, heading, 1 - distance AS score
    FROM (
        SELECT id, source_id, document, heading, {distance} AS distance
        FROM ai_embeddings
        WHERE enabled AND model = %(model)s AND (%(language)s = '' OR language IN ('', %(language)s))
            AND (%(sources)s::uuid[] = '{{}}' OR source_id = ANY(%(sources)s::uuid[]))
            AND (%(types)s::text[] = '{{}}' OR source_type = ANY(%(types)s::text[]))
        ORDER BY {order} LIMIT %(read)s
    ) near ORDER BY distance, id LIMIT %(limit)s
"""
