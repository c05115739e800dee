"""The text of a PDF. What is set larger than the body counts as a heading; a PDF of pictures says that it has no text."""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from statistics import median_low
from typing import Any

from nodes.reading import CannotRead, Reading

MOST_PAGES = 5000
HEADING_SCALE = 1.15  # of the size of the body
LONGEST_HEADING = 120
NO_TEXT = "This PDF holds pictures of pages and no text. Run it through text recognition (OCR), then upload the result."


@dataclass(frozen=True)
class _Line:
    text: str
    size: float
    page: int


def read_pdf(content: bytes) -> Reading:
    """Raises CannotRead for a file that is broken, protected or without text."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        raise CannotRead(_sentence(str(error))) from error
    with closing(document):
        if len(document) > MOST_PAGES:
            raise CannotRead(
                f"The PDF has {len(document)} pages; {MOST_PAGES} can be read. Split it into several files."
            )
        lines = [line for number in range(len(document)) for line in _lines(document[number], number)]
        title = " ".join(document.get_metadata_value("Title").split())
        empty = len(document) - len({line.page for line in lines})
    if sum(len(line.text) for line in lines) < 20:
        raise CannotRead(NO_TEXT)
    note = f"{empty} of {len(document)} pages hold no text, probably pictures." if empty else ""
    return Reading(_markdown(_without_margins(lines)), title, note=note)


def _sentence(error: str) -> str:
    if "password" in error.lower():
        return "The PDF is protected by a password. Save it without one, then upload it again."
    return "The PDF is damaged and cannot be opened. Export it anew from the program that made it."


def _lines(page: Any, number: int) -> Iterator[_Line]:
    """Lines of a page with the size of their first letter in points."""
    import pypdfium2.raw as pdfium

    with closing(page), closing(page.get_textpage()) as text_page:
        text, place = text_page.get_text_range(), 0
        for raw in text.split("\n"):
            line = _readable(raw)
            if line:
                first = place + len(raw) - len(raw.lstrip())
                yield _Line(line, round(pdfium.FPDFText_GetFontSize(text_page, ctypes.c_int(first)), 1), number)
            place += len(raw) + 1


def _readable(raw: str) -> str:
    return " ".join(re.sub(r"[\ud800-\udfff\0-\x08\x0b\x0e-\x1f\ufeff]", "", raw.replace("\ufffe", "-")).split())


def _without_margins(lines: list[_Line]) -> list[_Line]:
    """Without headers and footers: the same words (numbers aside) on most pages."""
    pages = len({line.page for line in lines})
    if pages < 4:
        return lines
    seen = Counter(key for key, _ in {(_shape(line), line.page) for line in lines})
    return [line for line in lines if seen[_shape(line)] < max(3, pages * 0.6)]


def _shape(line: _Line) -> str:
    return re.sub(r"\d+", "#", line.text)


def _markdown(lines: list[_Line]) -> str:
    sizes = [line.size for line in lines for _ in range(1 + len(line.text) // 20)]
    body = median_low(sizes) if sizes else 0.0
    larger = sorted({line.size for line in lines if _is_heading(line, body)}, reverse=True)
    out: list[str] = []
    for line in lines:
        if _is_heading(line, body):
            out += ["", "#" * min(1 + larger.index(line.size), 4) + " " + line.text, ""]
        elif out and out[-1].endswith("-") and line.text[:1].islower() and len(out[-1]) > 1:
            out[-1] = out[-1][:-1] + line.text  # a word that the line end had cut
        else:
            out.append(line.text)
    return "\n".join(out).strip() + "\n"


def _is_heading(line: _Line, body: float) -> bool:
    return line.size > body * HEADING_SCALE and len(line.text) <= LONGEST_HEADING and any(map(str.isalpha, line.text))
