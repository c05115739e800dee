"""The answerer for a workspace without a language model: it quotes the sentences that fit, and says that it quotes.

It understands nothing and never pretends to: a greeting gets a greeting, a question gets sentences of the documents, and what
the documents do not hold gets "I could not find that".
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import mul

from nodes.contract import Embedder
from nodes.material import Passage
from nodes.phrases import phrases
from nodes.words import plain

READ_PASSAGES = 5
ENOUGH = 0.38  # closeness that a sentence needs; measured on small-business documents with the built-in model
NEAR = 0.12  # a neighbour that is at most this much further away belongs to the answer
MAX_CHARACTERS = 420
MAX_SENTENCES = 3

_GREETINGS = (
    "hi hello hey there good morning afternoon evening day hola buenos buenas dias tardes noches que tal hallo guten tag morgen "
    "abend moin servus bonjour bonsoir salut ola oi bom boa dia tarde noite everyone team"
)
_THANKS = (
    "thanks thank you thx ty very much so a lot many great perfect cool super ok okay bye goodbye gracias muchas vale adios danke "
    "vielen dank schon tschuss merci beaucoup parfait obrigado obrigada muito valeu tchau"
)
_GREETING_WORDS = frozenset(_GREETINGS.split())
_CLOSING_WORDS = _GREETING_WORDS | frozenset(_THANKS.split())


@dataclass(frozen=True)
class Quote:
    """`found` = there is something to say that rests on the documents or needs none."""

    text: str
    found: bool
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True)
class _Sentence:
    passage: Passage
    place: int
    text: str
    asked_as: str  # what is compared with the question: headings and the question that an FAQ puts before the sentence


def quote(message: str, passages: Sequence[Passage], language: str, embedder: Embedder) -> Quote:
    """An answer out of sentences of the passages, in a frame in the language of the customer."""
    said = phrases(language)
    words = set(plain(message).split())
    if words and words <= _GREETING_WORDS:
        return Quote(said.greeting, found=True)
    if words and words <= _CLOSING_WORDS:
        return Quote(said.welcome, found=True)
    chosen = _choose(message, passages, embedder)
    if not chosen:
        return Quote(said.not_in_documents, found=False)
    return Quote(f"{said.documents_say} “{_joined(chosen)}”", found=True, passages=(chosen[0].passage,))


def _choose(message: str, passages: Sequence[Passage], embedder: Embedder) -> list[_Sentence]:
    """The best sentence with those of its neighbours that fit nearly as well, in the order of the document."""
    sentences = [sentence for passage in passages[:READ_PASSAGES] for sentence in _sentences(passage)]
    if not sentences or not message.strip():
        return []
    question, *vectors = embedder.embed([message, *(sentence.asked_as for sentence in sentences)])
    scores = [_closeness(question, vector) for vector in vectors]
    best = max(range(len(sentences)), key=scores.__getitem__)
    if scores[best] < ENOUGH:
        return []
    return _with_neighbours(sentences, scores, best)


def _with_neighbours(sentences: Sequence[_Sentence], scores: Sequence[float], best: int) -> list[_Sentence]:
    first = last = best

    def belongs(index: int) -> bool:
        return (
            0 <= index < len(sentences)
            and sentences[index].passage is sentences[best].passage
            and scores[index] >= max(ENOUGH, scores[best] - NEAR)
            and last - first + 1 < MAX_SENTENCES
            and sum(len(sentence.text) for sentence in sentences[first : last + 1]) + len(sentences[index].text)
            <= MAX_CHARACTERS
        )

    while True:
        if belongs(last + 1):
            last += 1
        elif belongs(first - 1):
            first -= 1
        else:
            return list(sentences[first : last + 1])


WRAPPED_AT = 50  # characters; a shorter line was ended by its writer, a longer one by the width of an editor
_MARKS = ".!?…:;)”"
_LINE_MARK = re.compile(r"^\s*(?:[-*+•]|\d+[.)]|>|#{1,6})\s+")
_OWN_LINE = re.compile(rf"{_LINE_MARK.pattern}|^\s*\|")
_RULE = re.compile(r"^[\s|:=*-]*$")
# A mark ends a sentence when something that may begin one follows: not after "9." in "9. May" or "e.g." in "e.g. this".
_END = re.compile(r"(?<=[.!?…])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\d\.)\s+(?=[^\sa-z])")


def _sentences(passage: Passage) -> Iterator[_Sentence]:
    """What can be quoted. A question of an FAQ is no answer, but it tells what the sentences after it answer."""
    topic, place = " ".join(passage.heading.split(" > ")[-2:]), 0
    asked = ""
    for text in _whole(passage.text):
        text = re.sub(r"^(?:[QA]|Question|Answer)[:.]\s+", "", text).strip()
        if text.endswith("?"):
            asked = text
        elif len(text) > 2:
            yield _Sentence(passage, place, text, f"{asked or topic} {text}".strip())
            place += 1


def _whole(text: str) -> list[str]:
    """The sentences of a passage without those that its edges cut in two."""
    blocks = list(_blocks(text))
    sentences = [sentence for block in blocks for sentence in _END.split(_unmarked(block)) if sentence]
    if sentences and sentences[0][0].islower():
        del sentences[0]
    # A row of a table or list needs no mark at its end, running text does.
    is_text = bool(blocks) and not _OWN_LINE.match(blocks[-1])
    if is_text and len(sentences) > 1 and sentences[-1][-1] not in _MARKS:
        del sentences[-1]
    return sentences


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, list items and rows of tables, each in one line."""
    lines = text.splitlines()
    block, head = "", list[str]()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if block and line.strip() and not _OWN_LINE.match(line) and len(block) >= WRAPPED_AT:
            block = f"{block} {line.strip()}"
            continue
        if block:
            yield block
        head = _cells(line) if _is_head(line, following) else head if "|" in line else []
        block = "" if _is_head(line, following) or _RULE.match(line) else _row(line, head)
    if block:
        yield block


def _is_head(line: str, following: str) -> bool:
    return "|" in line and "-" in following and bool(_RULE.match(following))


def _row(line: str, head: Sequence[str]) -> str:
    """A row of a table as words, each cell with the head of its column; any other line as it is."""
    if not line.strip().startswith("|"):
        return line.rstrip()
    name, *cells = _cells(line)
    if len(head) > 2:
        cells = [f"{column} {cell}" for column, cell in zip(head[1:], cells, strict=False) if cell]
    return f"| {name}: {', '.join(cells)}"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _unmarked(line: str) -> str:
    """A line of Markdown as plain text."""
    text = _LINE_MARK.sub("", line).removeprefix("| ")
    text = re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", r"\1 (\2)", text)
    return re.sub(r"(\*\*|__|`)", "", text).strip()


def _joined(sentences: Sequence[_Sentence]) -> str:
    """The sentences as one text; one that has no mark at its end (a line of a list) gets one."""
    ended = [text if text[-1] in _MARKS else f"{text}." for text in (sentence.text for sentence in sentences)]
    return " ".join(ended)


def _closeness(left: Sequence[float], right: Sequence[float]) -> float:
    """Cosine of two vectors."""
    lengths = math.sqrt(sum(map(mul, left, left)) * sum(map(mul, right, right)))
    return sum(map(mul, left, right)) / lengths if lengths else 0.0
