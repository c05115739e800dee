"""Passages that fit a question: by meaning and by words, fused so that the result is not below the better of the two.

Both halves give a number from 0 to 1 for every candidate of either: the cosine, and the share of the question's rare words that the
passage has. Ranks are not mixed: a question that shares no rare word with its answer would be outvoted by passages that share
frequent ones. The words only close a part of the gap that the cosine leaves open, the more of them are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db import lexical_search, passages, vector_search
from db.vector_search import Filter
from nodes.contract import Embedder
from nodes.neighbours import context_of

Mode = Literal["hybrid", "vector", "lexical"]

CANDIDATES = 50  # of each half; the answer to a question is rarely further down in both


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
    """A passage that fits. `score` is what the list is ordered by, 0 to 1.

    A rank of None = not among the candidates of that half; a score of None = that half was not asked.
    """

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
    found = _candidates(tx, question, settings)
    best = [each for each in found if each.score >= settings.minimum_score][: settings.limit]
    shown = passages.shown(tx, [each.id for each in best])
    around = context_of(tx, [each.id for each in best], settings.neighbours, parent=settings.parent)
    return [
        Hit(
            **vars(shown[each.id]),
            score=each.score,
            vector_score=each.cosine,
            vector_rank=each.vector_rank,
            lexical_score=each.words,
            lexical_rank=each.lexical_rank,
            context=around.get(each.id, ""),
        )
        for each in best
    ]


@dataclass(frozen=True)
class _Candidate:
    id: UUID
    cosine: float | None
    vector_rank: int | None
    words: float | None
    lexical_rank: int | None

    @property
    def score(self) -> float:
        return fused(self.cosine, self.words)


def fused(cosine: float | None, words: float | None) -> float:
    """One number of both halves, 0 to 1; of one half alone it is that half's."""
    if cosine is None or words is None:
        return max(0.0, cosine or words or 0.0)
    near = max(0.0, cosine)
    return near + (1 - near) * WORDS_WEIGHT * float(words**WORDS_POWER)


WORDS_WEIGHT, WORDS_POWER = 0.5, 2.0


def _candidates(tx: Session, question: Question, settings: SearchSettings) -> list[_Candidate]:
    """Candidates of the halves that are asked, best first."""
    only = Filter(settings.language, settings.sources, settings.source_types)
    cosines: dict[UUID, float] = {}
    words: dict[UUID, float] = {}
    if settings.mode != "lexical":
        near = vector_search.nearest(tx, question.vector, question.model, max(CANDIDATES, settings.limit), only)
        cosines = {each.id: each.score for each in near}
    by_cosine = _ranks(cosines)
    if settings.mode != "vector":
        most = max(CANDIDATES, settings.limit)
        worded = lexical_search.by_words(tx, question.text, question.model, most, only, list(cosines))
        words = {each.id: each.score for each in worded if each.score > 0 or each.id in cosines}
    by_word = _ranks({id: score for id, score in words.items() if score > 0})
    if settings.mode == "hybrid":
        cosines |= vector_search.cosines(tx, question.vector, [id for id in words if id not in cosines])
    found = [
        _Candidate(id, cosines.get(id), by_cosine.get(id), words.get(id, 0.0 if words else None), by_word.get(id))
        for id in cosines.keys() | words.keys()
    ]
    return sorted(found, key=lambda each: (-each.score, each.id))


def _ranks(scores: Mapping[UUID, float]) -> dict[UUID, int]:
    return {id: rank for rank, id in enumerate(sorted(scores, key=lambda id: (-scores[id], id)), 1)}
