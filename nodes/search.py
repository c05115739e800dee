"""Passages that fit a question: by meaning and by words, fused so that the result is not below the better of the two.

Meaning is the cosine of the passage and, for a third, of the heading right above it. Words are the share of the question's rare
words that the passage has. Ranks are not mixed: a question that shares no rare word with its answer would be outvoted by passages
that share frequent ones. So words count only for a passage that has practically all of the rare ones, and then they count much: that
is somebody who asks for a name, a part number or a heading. Of a section and of a page one passage comes first, and the others
stand back a little. The figures are those with which `frontdesk bench retrieval` finds most.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple
from uuid import UUID

from sqlmodel import Session

from db import heading_vectors, lexical_search, passages, subjects, vector_search
from db.heading_vectors import last_heading
from db.passages import Place
from db.vector_search import Filter, Near
from nodes.contract import Embedder
from nodes.neighbours import context_of

Mode = Literal["hybrid", "vector", "lexical"]

CANDIDATES = 80  # by meaning; the heading lifts some from far down
NEAREST = 20  # of them are looked at for their words too
WORDED = 30  # by words; only those with most of them count
HEADING_WEIGHT = 0.5  # of the heading's cosine beside 1 of the passage's
ENOUGH_WORDS = 0.58  # 0.6 = all the rare words once in the text
ENOUGH_OF_BEST = 0.8  # of what the passage with most of them has
FEW_WORDS_WEIGHT = 0.001  # of less than that: they decide between equals and nothing else
WORDS_WEIGHT = 0.7  # how far they close the gap between the cosine and 1
ABOUT_WEIGHT = 0.6  # of the question with what it is about, beside 0.4 of the question alone
READ_BY_JUDGE = 20
# Taken off for every better passage of the same section and of the same page: five results are not five parts of one text.
SAME_SECTION, SAME_PAGE = 0.08, 0.02


@dataclass(frozen=True)
class SearchSettings:
    """What to look for and where; the defaults are those of production.

    `about` is what the material is about, in a word or two: customers seldom say it, and with it their questions are understood
    better; '' = what the searched websites say of themselves (see `with_subject`). `language` keeps to passages of it and of unknown language. `neighbours`: so many passages before and after each hit come
    along in its `context`; `parent`: the whole section of the hit does. `rerank`: more is found than is wanted, for a judge who
    sorts it (nodes.rerank).
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
    about: str = ""

    @property
    def read(self) -> int:
        """How many are found: a judge reads more than are wanted."""
        return max(self.limit, READ_BY_JUDGE) if self.rerank else self.limit


PRODUCTION = SearchSettings()


@dataclass(frozen=True)
class Hit:
    """A passage that fits. `score` is what the list is ordered by, 0 to 1.

    A rank of None = not among the candidates of that half; a score of None = that half did not look at it. A score may stand a little
    below what the halves say, for a passage whose section is there already.
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
    settings = with_subject(tx, settings)
    return find(tx, ask(embedder, text, settings), settings)


def with_subject(tx: Session, settings: SearchSettings) -> SearchSettings:
    """The settings with what the searched sources are about, where nobody said it; before `ask`."""
    if settings.about.strip() or settings.mode == "lexical":
        return settings
    return replace(settings, about=subjects.subject(tx, settings.sources))


def ask(embedder: Embedder, text: str, settings: SearchSettings = PRODUCTION) -> Question:
    """The question with its vector; nothing is embedded where nobody looks at it. Needs no transaction."""
    wanted = text.strip()
    if not wanted or settings.mode == "lexical":
        return Question(wanted, embedder.model)
    about = settings.about.strip()
    if not about:
        return Question(wanted, embedder.model, tuple(embedder.embed([wanted])[0]))
    # The form of a passage: its subject stands above it. The question alone counts too: where every passage is about the
    # subject, naming it tells them apart less well.
    plain, told = embedder.embed([wanted, f"{about}\n{wanted}"])
    mixed = [(1 - ABOUT_WEIGHT) * one + ABOUT_WEIGHT * other for one, other in zip(plain, told, strict=True)]
    return Question(wanted, embedder.model, tuple(mixed))


def find(tx: Session, question: Question, settings: SearchSettings = PRODUCTION) -> list[Hit]:
    """Like `search`, for a question that has its vector."""
    if not question.text:
        return []
    chosen = _chosen(_candidates(tx, question, settings), settings.read)
    best = [each for each in chosen if each.score >= settings.minimum_score]
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


def fused(
    cosine: float | None, heading: float | None = None, words: float | None = None, most_words: float = 0.0
) -> float:
    """One number of all that is known, 0 to 1; of words alone it is theirs. `most_words`: of the passage that has most of them."""
    if cosine is None:
        return words or 0.0
    near = max(0.0, cosine if heading is None else (cosine + HEADING_WEIGHT * heading) / (1 + HEADING_WEIGHT))
    if not words:
        return near
    enough = words >= max(ENOUGH_WORDS, ENOUGH_OF_BEST * most_words)
    return near + (1 - near) * (WORDS_WEIGHT if enough else FEW_WORDS_WEIGHT * words)


class _Candidate(NamedTuple):
    id: UUID
    place: Place
    score: float
    cosine: float | None
    vector_rank: int | None
    words: float | None
    lexical_rank: int | None


def _candidates(tx: Session, question: Question, settings: SearchSettings) -> list[_Candidate]:
    """Candidates of the halves that are asked, each with its score, best first."""
    only = Filter(settings.language, settings.sources, settings.source_types)
    near: list[Near] = []
    words: dict[UUID, float] = {}
    if settings.mode != "lexical":
        near = vector_search.nearest(tx, question.vector, question.model, CANDIDATES, only)
    by_cosine = _ranks({each.id: each.score for each in near})
    if settings.mode != "vector":
        worded = lexical_search.by_words(tx, question.text, question.model, WORDED, only, list(by_cosine)[:NEAREST])
        words = {each.id: each.score for each in worded}
    by_word = _ranks({id: score for id, score in words.items() if score > 0})
    if settings.mode == "hybrid":
        farther = [id for id in words if id not in by_cosine]
        near += vector_search.these(tx, question.vector, question.model, farther)
    cosines = {each.id: each.score for each in near}
    places = {each.id: Place(each.source_id, each.document, each.heading) for each in near} or passages.places(
        tx, list(words)
    )
    headings = _headings(tx, question, places.values()) if cosines else {}
    most_words = max(words.values(), default=0.0)
    found = [
        _Candidate(
            id,
            place,
            fused(cosines.get(id), headings.get(last_heading(place.heading)), words.get(id), most_words),
            cosines.get(id),
            by_cosine.get(id),
            words.get(id),
            by_word.get(id),
        )
        for id, place in places.items()
    ]
    return sorted(found, key=lambda each: (-each.score, each.id.int))


def _headings(tx: Session, question: Question, places: Iterable[Place]) -> dict[str, float]:
    names = {last_heading(place.heading) for place in places}
    return heading_vectors.cosines(tx, question.vector, question.model, list(names))


def _ranks(scores: Mapping[UUID, float]) -> dict[UUID, int]:
    return {id: rank for rank, (_, _, id) in enumerate(sorted((-score, id.int, id) for id, score in scores.items()), 1)}


def _chosen(found: Sequence[_Candidate], limit: int) -> list[_Candidate]:
    """The first ones, other sections and pages before more of the same."""
    sections, pages, chosen = Counter[Place](), Counter[tuple[UUID, str]](), list[_Candidate]()
    left = [(-each.score, number) for number, each in enumerate(found)]
    heapq.heapify(left)
    while left and len(chosen) < limit:
        lost, number = heapq.heappop(left)
        each, page = found[number], (found[number].place.source_id, found[number].place.document)
        score = each.score - SAME_SECTION * sections[each.place] - SAME_PAGE * pages[page]
        if score < -lost:  # better ones of its section or page were chosen since it was put there
            heapq.heappush(left, (-score, number))
            continue
        chosen.append(each._replace(score=max(0.0, score)))
        sections[each.place] += 1
        pages[page] += 1
    return chosen
