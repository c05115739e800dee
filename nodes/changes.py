"""What differs between two versions of a text, as facts that a person can check at a glance: prices, times and dates first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["price", "time", "date", "contact", "number", "text"]
ORDER: tuple[Kind, ...] = ("price", "time", "date", "contact", "number", "text")
MOST_UNITS = 4000  # sentences and table rows that are put side by side; beyond, only those that came and went are told
MOST_PAIRS = 2500  # of a changed stretch that are weighed against each other
LONGEST_UNIT = 400  # characters; longer sentences are looked at in pieces, so that no pattern takes long over one
ALIKE = 0.5  # from here on two sentences are two versions of one

_CURRENCY = r"[$€£¥₹]|\b(?:USD|EUR|GBP|CHF|AUD|CAD)\b|\b(?:dollars?|euros?|pounds?)\b"
_AMOUNT = r"\d+(?:[.,'\u202f\u00a0]\d+)*"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_DATES = (
    r"\d{4}-\d\d-\d\d",
    r"\d{1,2}[./]\d{1,2}[./]\d{2,4}",
    rf"{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?",
    rf"\d{{1,2}}(?:st|nd|rd|th|\.)?\s{_MONTH}(?:\s\d{{4}})?",
    _DAY,
)
# In this order: what was taken for a price is no number as well.
_FACTS: tuple[tuple[Kind, str], ...] = (
    ("contact", r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?://[^\s)>\]]+"),
    ("price", rf"(?:{_CURRENCY})\s?{_AMOUNT}|(?<![\d.,']){_AMOUNT}\s?(?:{_CURRENCY})"),
    ("date", rf"\b(?:{'|'.join(_DATES)})\b"),
    ("time", r"\b\d{1,2}[:.]\d{2}\s?(?:[ap]\.?m\b\.?)?|\b\d{1,2}\s?[ap]\.?m\b\.?|\b(?:noon|midnight)\b"),
    ("contact", r"(?<![\w.])\+?\d[\d ()/-]{6,}\d\b"),
    ("number", rf"{_AMOUNT}\s?%?"),
)
_PATTERNS = [(kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _FACTS]


@dataclass(frozen=True)
class Difference:
    """One thing that is different. `before` or `after` is '' where it came or went; for facts they are the facts alone."""

    kind: Kind
    where: str  # the headings it stands under
    before: str
    after: str
    sentence_before: str
    sentence_after: str

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        if not self.before:
            return f"{place}new: {self.after}"
        return f"{place}{self.before} → {self.after}" if self.after else f"{place}gone: {self.before}"


@dataclass(frozen=True)
class _Unit:
    where: str
    text: str


def compare(before: str, after: str) -> list[Difference]:
    """Every difference of two Markdown texts, the most important kinds first, within a kind in the order of the text."""
    old, new = _units(before), _units(after)
    found = [difference for pair in _pairs(old, new) for difference in _differences(*pair)]
    return sorted(found, key=lambda difference: ORDER.index(difference.kind))


def facts(text: str) -> list[tuple[Kind, str]]:
    """The facts of a text with their kinds, in their order."""
    found: list[tuple[int, Kind, str]] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            found.append((match.start(), kind, " ".join(match.group().split())))
        text = pattern.sub(lambda match: " " * len(match.group()), text)  # what is a price is no number as well
    return [(kind, fact) for _, kind, fact in sorted(found)]


def _units(text: str) -> list[_Unit]:
    """Sentences and table rows with the headings above them."""
    path: list[str] = []
    units: list[_Unit] = []
    for line in text.split("\n"):
        heading = re.fullmatch(r"(#{1,6})\s+(.+?)[\s#]*", line)
        if heading:
            path = [*path[: len(heading.group(1)) - 1], heading.group(2)]
        elif line.lstrip().startswith("|") and not re.fullmatch(r"[\s|:-]*", line):
            cells = [cell.strip() for cell in line.strip("| ").split("|")]
            where = " > ".join([*path, cells[0][:LONGEST_UNIT]] if len(cells) > 1 else path)
            units += [_Unit(where, part) for part in _pieces(" · ".join(cells))]
        elif line.strip():
            units += [_Unit(" > ".join(path), part) for part in _sentences(line)]
    return units


def _sentences(line: str) -> list[str]:
    line = " ".join(line.replace("**", "").split())
    parts = re.split(r"(?<=[.!?])\s+(?=[\"'(A-ZÀ-Þ0-9])", line)
    return [piece for part in parts for piece in _pieces(part)]


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces, cut at blanks where there are any."""
    while len(text) > LONGEST_UNIT:
        end = text.rfind(" ", 1, LONGEST_UNIT) + 1 or LONGEST_UNIT
        yield text[:end].strip()
        text = text[end:]
    if text:
        yield text


def _pairs(old: Sequence[_Unit], new: Sequence[_Unit]) -> Iterator[tuple[_Unit | None, _Unit | None]]:
    """Versions of the same sentence; None beside one that came or went."""
    if len(old) + len(new) > MOST_UNITS:
        yield from _came_and_went(old, new)
        return
    # With its rule for what stands everywhere: without it equal rows by the thousand take minutes.
    matcher = SequenceMatcher(None, [unit.text for unit in old], [unit.text for unit in new])
    gone: list[_Unit] = []
    come: list[_Unit] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            for one, other in _matched(old[i1:i2], list(new[j1:j2])):
                if one is not None and other is not None:
                    yield one, other
                else:
                    gone += [one] if one else []
                    come += [other] if other else []
    yield from _matched(*_without_common(gone, come))  # what moved to another place


def _without_common(gone: Sequence[_Unit], come: Sequence[_Unit]) -> tuple[list[_Unit], list[_Unit]]:
    """Without what came elsewhere word for word."""
    both = Counter(unit.text for unit in gone) & Counter(unit.text for unit in come)

    def rest(units: Sequence[_Unit]) -> list[_Unit]:
        left, kept = both.copy(), []
        for unit in units:
            if left[unit.text] > 0:
                left[unit.text] -= 1
            else:
                kept.append(unit)
        return kept

    return rest(gone), rest(come)


def _came_and_went(old: Sequence[_Unit], new: Sequence[_Unit]) -> Iterator[tuple[_Unit | None, _Unit | None]]:
    texts_before, texts_after = {unit.text for unit in old}, {unit.text for unit in new}
    yield from ((unit, None) for unit in old if unit.text not in texts_after)
    yield from ((None, unit) for unit in new if unit.text not in texts_before)


def _matched(old: Sequence[_Unit], new: list[_Unit]) -> Iterator[tuple[_Unit | None, _Unit | None]]:
    weighed = len(old) * len(new) <= MOST_PAIRS
    for unit in old:
        best = max(new, key=lambda other: _likeness(unit, other), default=None) if weighed else None
        if best is None or _likeness(unit, best) < ALIKE:
            yield unit, None
        else:
            new.remove(best)
            yield unit, best
    yield from ((None, unit) for unit in new)


def _likeness(one: _Unit, other: _Unit) -> float:
    """Share of common words, numbers counting as one: a changed price leaves a sentence the same sentence."""
    words, others = (Counter(re.sub(r"\d[\d.,:]*", "0", unit.text.lower()).split()) for unit in (one, other))
    return 2 * (words & others).total() / max(1, words.total() + others.total())


def _differences(old: _Unit | None, new: _Unit | None) -> Iterator[Difference]:
    before, after = old.text if old else "", new.text if new else ""
    where = (new or old or _Unit("", "")).where
    if before == after:
        return
    if not before or not after:
        kinds = {kind for kind, _ in facts(before or after)}
        most = next((kind for kind in ORDER if kind in kinds), ORDER[-1])
        yield Difference(most, where, before, after, before, after)
        return
    gone, come = Counter(facts(before)), Counter(facts(after))
    gone, come = gone - come, come - gone
    for kind in ORDER:
        lost, won = (", ".join(fact for each, fact in side.elements() if each == kind) for side in (gone, come))
        if lost or won:
            yield Difference(kind, where, lost, won, before, after)
    if not gone and not come:
        yield Difference("text", where, before, after, before, after)
