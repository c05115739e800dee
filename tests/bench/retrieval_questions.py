"""The questions of `frontdesk bench retrieval`: headings of the FAQ, and paraphrases that share next to no word with their answer."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from db.engine import one
from tests.bench.retrieval_corpus import Corpus, Section, plain

DATA = Path(__file__).parent / "data"
RARE_WORDS = 100
MOST_SHARED_WORDS = 2


class QuestionsInvalid(Exception):
    """A question names a section that the corpus does not have, or uses its words."""


@dataclass(frozen=True)
class Asked:
    """A question and the sections that answer it."""

    text: str
    sections: tuple[Section, ...]

    @property
    def places(self) -> frozenset[int]:
        return frozenset(place for section in self.sections for place in section.places)


def faq(sections: Sequence[Section]) -> list[Asked]:
    """The questions that are headings of the FAQ."""
    return [
        Asked(section.heading.rpartition(" > ")[2], (section,))
        for section in sections
        if section.page.startswith("faq/") and section.heading.endswith("?")
    ]


def paraphrases(sections: Sequence[Section]) -> tuple[list[Asked], list[Asked]]:
    """The half that may be tuned with, and the half that may not. Raises QuestionsInvalid."""
    asked = _read("retrieval_paraphrases.tsv", sections)
    return asked[0::2], asked[1::2]


def vague(sections: Sequence[Section]) -> list[Asked]:
    """Questions that do not even name their subject. Raises QuestionsInvalid."""
    return _read("retrieval_vague.tsv", sections)


def rare_words(corpus: Corpus, sections: Sequence[Section]) -> list[Asked]:
    """Words that stand in the text of a single section, like a part number in a catalogue; taken at random, always the same ones."""
    found: dict[str, set[int]] = {}
    for number, section in enumerate(sections):
        for place in section.places:
            for word in set(re.findall(r"[A-Za-z0-9]{6,}", corpus.cuts[place].chunk.text)):
                found.setdefault(word.lower(), set()).add(number)
    rare = sorted(word for word, where in found.items() if len(where) == 1)
    chosen = random.Random(7).sample(rare, RARE_WORDS)
    return [Asked(f"What is {word}?", (sections[next(iter(found[word]))],)) for word in chosen]


def _read(name: str, sections: Sequence[Section]) -> list[Asked]:
    lines = [line for line in (DATA / name).read_text().splitlines() if line and not line.startswith("#")]
    return [_parse(line, sections) for line in lines]


def _parse(line: str, sections: Sequence[Section]) -> Asked:
    text, _, answers = line.partition("\t")
    return Asked(text, tuple(_section(answer, sections) for answer in answers.split(" || ")))


def _section(answer: str, sections: Sequence[Section]) -> Section:
    page, _, heading = answer.partition(": ")
    for section in sections:
        if section.page == page and section.name.endswith(plain(heading)):
            return section
    raise QuestionsInvalid(f"The documentation has no section '{heading}' in {page}. Another version is installed?")


def shared_words(tx: Session, asked: Asked, corpus: Corpus) -> dict[str, list[str]]:
    """By section that shares too many: the stems that the question has in common with it, stop words left out."""
    found = {}
    for section in asked.sections:
        text = " ".join([section.heading, *(corpus.cuts[place].chunk.text for place in section.places)])
        row = one(tx, _SHARED, question=asked.text, text=text)
        if row is not None and len(row["words"]) > MOST_SHARED_WORDS:
            found[section.heading] = row["words"]
    return found


_SHARED = """
    SELECT ARRAY(SELECT unnest(tsvector_to_array(to_tsvector('english', %(question)s)))
                 INTERSECT SELECT unnest(tsvector_to_array(to_tsvector('english', %(text)s)))) AS words
"""
