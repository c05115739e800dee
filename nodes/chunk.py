"""A document cut into passages that can be found and read on their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from langchain_text_splitters import MarkdownHeaderTextSplitter, RecursiveCharacterTextSplitter

_LEVELS = [("#" * level, str(level)) for level in range(1, 7)]
# Best place to cut first. A sentence ends with its mark and the space, so that "9.30" stays whole.
_SEPARATORS = ["\n\n", "\n", ". ", "? ", "! ", "。", "; ", ", ", " ", ""]


@dataclass(frozen=True)
class Chunk:
    """A passage before it is stored. `heading` is the path "Title > Section > Sub", `position` counts from 0."""

    text: str
    heading: str
    position: int

    @property
    def embedding_text(self) -> str:
        """What to embed: without its heading a passage is found half as often."""
        return f"{self.heading}\n{self.text}".strip()


def split(text: str, title: str = "", chunk_chars: int = 900, overlap: float = 0.2) -> list[Chunk]:
    """Passages of at most `chunk_chars` characters, in order; none reaches over a heading.

    `overlap` is the largest share of a passage that may repeat the end of the one before it. A heading with nothing
    under it gives no passage of its own.
    """
    cutter = RecursiveCharacterTextSplitter(
        chunk_size=chunk_chars,
        chunk_overlap=int(chunk_chars * overlap),
        separators=_SEPARATORS,
        keep_separator="end",
    )
    pieces = [(piece, heading) for heading, body in _sections(text, title) for piece in cutter.split_text(body)]
    return [Chunk(piece, heading, position) for position, (piece, heading) in enumerate(pieces)]


def _sections(text: str, title: str) -> Iterator[tuple[str, str]]:
    """Every heading path with the text under it."""
    for section in MarkdownHeaderTextSplitter(_LEVELS).split_text(text):
        names = [_plain(section.metadata[level]) for _, level in _LEVELS if level in section.metadata]
        if title and names[:1] != [title]:
            names.insert(0, title)
        # The header splitter joins paragraphs with the mark of a line break; they are cut better as paragraphs.
        yield " > ".join(names), section.page_content.replace("  \n", "\n\n")


def _plain(heading: str) -> str:
    """The heading without closing marks (`## Prices ##`) and emphasis."""
    return re.sub(r"[*_`]+", "", heading.rstrip("# ")).strip()
