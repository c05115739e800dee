"""Passages that fit a question: by meaning and by words, the two rankings fused so that neither makes the other worse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db import passages, vector_search
from db.vector_search import Filter
from nodes.contract import Embedder

Mode = Literal["hybrid", "vector", "lexical"]


@dataclass(frozen=True)
class SearchSettings:
    """What to look for and where; the defaults are those of production.

    `language` keeps to passages of it and of unknown language. `neighbours`: so many passages before and after each hit come
    along in its `context`; `parent`: the whole section of the hit does.
    """

    mode: Mode = "hybrid"
    limit: int = 5
    language: str = ""
    sources: tuple[UUID, ...] = ()
    source_types: tuple[str, ...] = ()
    minimum_score: float = 0.2
    neighbours: int = 0
    parent: bool = False
    rerank: bool = False


PRODUCTION = SearchSettings()


@dataclass(frozen=True)
class Hit:
    """A passage that fits. `score` is what the list is ordered by, 0 to 1; None = not among the candidates of that half."""

    id: UUID
    source_id: UUID
    source_name: str
    source_type: str
    document: str
    heading: str
    text: str
    score: float
    vector_score: float | None
    vector_rank: int | None
    lexical_score: float | None
    lexical_rank: int | None
    context: str = ""


@dataclass(frozen=True)
class Question:
    """What is looked for: the words, and their vector by the model that made the passages' vectors."""

    text: str
    model: str
    vector: tuple[float, ...] = ()


def search(tx: Session, embedder: Embedder, text: str, settings: SearchSettings = PRODUCTION) -> list[Hit]:
    """The passages that fit a question best, best first. See `find` where a connected model must not hold the transaction open."""
    return find(tx, ask(embedder, text, settings), settings)


def ask(embedder: Embedder, text: str, settings: SearchSettings = PRODUCTION) -> Question:
    """The question with its vector; nothing is embedded where nobody looks at it. Needs no transaction."""
    wanted = text.strip()
    if not wanted or settings.mode == "lexical":
        return Question(wanted, embedder.model)
    [vector] = embedder.embed([wanted])
    return Question(wanted, embedder.model, tuple(vector))


def find(tx: Session, question: Question, settings: SearchSettings = PRODUCTION) -> list[Hit]:
    """Like `search`, for a question that has its vector."""
    if not question.text:
        return []
    only = Filter(settings.language, settings.sources, settings.source_types)
    near = vector_search.nearest(tx, question.vector, question.model, settings.limit, only)
    kept = [each for each in near if each.score >= settings.minimum_score]
    shown = passages.shown(tx, [each.id for each in kept])
    return [
        Hit(
            id=each.id,
            source_id=shown[each.id].source_id,
            source_name=shown[each.id].source_name,
            source_type=shown[each.id].source_type,
            document=shown[each.id].document,
            heading=shown[each.id].heading,
            text=shown[each.id].text,
            score=each.score,
            vector_score=each.score,
            vector_rank=rank,
            lexical_score=None,
            lexical_rank=None,
        )
        for rank, each in enumerate(kept, 1)
        if each.id in shown
    ]
