"""Passages by words: those that share a question's rare words, whatever the question means.

The counting is in the database (migrations 0007 and 0014): triggers keep in how many passages each word stands, one function ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from db.engine import rows
from db.records import record
from db.vector_search import EVERYWHERE, Filter

BUDGET = 500  # passages that are read and scored for one question: about 2 ms; twice as many found no more
MOST_CHARACTERS = 2000  # of a question; a longer one names nothing in particular


@dataclass(frozen=True)
class Worded:
    """A passage and how much of the question's words it has. `score`: 0 = none of them, 1 = all of them, in its heading."""

    id: UUID
    score: float


def by_words(
    tx: Session, question: str, model: str, limit: int, only: Filter = EVERYWHERE, also: Sequence[UUID] = ()
) -> list[Worded]:
    """The passages that share most with a question, best first; passages of `also` come along with their score, also if it is 0."""
    found = rows(
        tx,
        """SELECT id, score FROM lexical_search(%(question)s, %(model)s, %(language)s, %(sources)s::uuid[], %(types)s::text[],
               %(also)s::uuid[], %(most)s, %(budget)s) ORDER BY score DESC, id""",
        question=question[:MOST_CHARACTERS].replace("\0", " "),
        model=model,
        language=only.language,
        sources=list(only.sources),
        types=list(only.source_types),
        also=list(also),
        most=limit,
        budget=BUDGET,
    )
    return [record(Worded, row) for row in found]
