"""What comes out of a page or a file, and the sentence where nothing can."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """The text of a document as Markdown. The last four fields are those of a web page."""

    markdown: str
    title: str = ""
    language: str = ""  # ISO 639-1 where the document says it
    note: str = ""  # what a person should know: pages without text, for example
    links: tuple[str, ...] = ()
    canonical: str = ""
    may_index: bool = True  # the page's own robots tag
    may_follow: bool = True


class CannotRead(Exception):
    """There is no text to be had; the message is a sentence with the remedy."""


def cell(value: object) -> str:
    """A value as the text of a table cell."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str("" if value is None else value).split()).replace("|", "\\|")


def table(rows: list[list[str]]) -> str:
    """A Markdown table; the first row is its header. Empty rows and columns at the end are left out."""
    kept = [row for row in rows if any(row)]
    if not kept:
        return ""
    width = max(max(place for place, text in enumerate(row, 1) if text) for row in kept)
    lines = ["| " + " | ".join((row + [""] * width)[:width]) + " |" for row in kept]
    return "\n".join([lines[0], "|" + "---|" * width, *lines[1:]])
