"""Word, PowerPoint and table files. Each is a zip archive, so its true size is looked at before anything unpacks it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from nodes.reading import CannotRead, Reading, cell, table

MOST_UNPACKED = 300_000_000  # bytes of all parts together
MOST_RATIO = 200  # unpacked to packed; text of Office packs 5 to 20 times
MOST_PARTS = 20_000
MOST_ROWS = 100_000
DAMAGED = "The file is damaged and cannot be opened. Save it anew from the program that made it."


def read_docx(content: bytes) -> Reading:
    """Headings by their style, paragraphs, lists and tables, in their order."""
    _check_archive(content)
    import docx
    from docx.opc.exceptions import OpcError

    try:
        document = docx.Document(io.BytesIO(content))
        parts = [part for block in document.iter_inner_content() for part in _block(block)]
        title = document.core_properties.title or ""
    except (OpcError, KeyError, ValueError, AttributeError, SyntaxError, zipfile.BadZipFile) as error:
        raise CannotRead(DAMAGED) from error
    return _reading(parts, title)


def _block(block: Any) -> Iterator[str]:
    """Markdown of a paragraph or a table."""
    if hasattr(block, "rows"):
        yield table([[cell(each.text) for each in _once(row.cells)] for row in block.rows])
        return
    text, style = block.text.strip(), (block.style.name if block.style is not None else "") or ""
    if not text:
        return
    heading = re.fullmatch(r"Heading (\d)", style)
    if heading or style == "Title":
        yield "#" * (min(int(heading.group(1)), 6) if heading else 1) + " " + " ".join(text.split())
    elif style.startswith("List") or block._p.pPr is not None and block._p.pPr.numPr is not None:
        yield "- " + text
    else:
        yield text


def _once(cells: Any) -> list[Any]:
    """Cells of a row; one that spans several columns is listed for each of them."""
    kept: list[Any] = []
    for each in cells:
        if not kept or each._tc is not kept[-1]._tc:
            kept.append(each)
    return kept


def read_pptx(content: bytes) -> Reading:
    """Every slide as a section: its title, its texts and tables, and the notes of the speaker."""
    _check_archive(content)
    import pptx
    from pptx.exc import PythonPptxError

    try:
        presentation = pptx.Presentation(io.BytesIO(content))
        parts = [part for number, slide in enumerate(presentation.slides, 1) for part in _slide(slide, number)]
        title = presentation.core_properties.title or ""
    except (PythonPptxError, KeyError, ValueError, AttributeError, SyntaxError, zipfile.BadZipFile) as error:
        raise CannotRead(DAMAGED) from error
    return _reading(parts, "" if title == "PowerPoint Presentation" else title)


def _slide(slide: Any, number: int) -> Iterator[str]:
    named = slide.shapes.title
    heading = " ".join(named.text_frame.text.split()) if named is not None else ""
    body = [
        part for shape in slide.shapes if named is None or shape.shape_id != named.shape_id for part in _shape(shape)
    ]
    if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None and notes.text.strip():
        body.append(notes.text.strip())
    if heading or body:
        yield f"## {heading or f'Slide {number}'}"
    yield from body


def _shape(shape: Any) -> Iterator[str]:
    if hasattr(shape, "shapes"):  # a group
        for inner in shape.shapes:
            yield from _shape(inner)
    elif getattr(shape, "has_table", False):
        yield table([[cell(each.text) for each in row.cells] for row in shape.table.rows])
    elif shape.has_text_frame and shape.text_frame.text.strip():
        lines = [paragraph.text.strip() for paragraph in shape.text_frame.paragraphs if paragraph.text.strip()]
        yield "\n".join(f"- {line}" for line in lines) if len(lines) > 1 else lines[0]


def read_sheet(content: bytes) -> Reading:
    """Every sheet that holds something, as a table under its name."""
    if content.startswith(b"PK"):
        _check_archive(content)
    from python_calamine import CalamineError, CalamineWorkbook

    parts: list[str] = []
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        for name in workbook.sheet_names:
            rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=True, nrows=MOST_ROWS)
            if made := table([[cell(value) for value in row] for row in rows]):
                parts += [f"## {' '.join(name.split())}", made]
    except (CalamineError, OSError, ValueError) as error:
        protected = "assword" in str(error)
        raise CannotRead(
            "The file is protected by a password. Save it without one." if protected else DAMAGED
        ) from error
    return _reading(parts, "")


def _reading(parts: list[str], title: str) -> Reading:
    text = "\n\n".join(part for part in parts if part.strip())
    if not text:
        raise CannotRead("The file holds no text. Pictures are not read; put what matters into words.")
    return Reading(text + "\n", " ".join(title.split()))


def _check_archive(content: bytes) -> None:
    """Raise CannotRead for a file that would unpack to more than any document holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            encrypted = any(part.flag_bits & 1 for part in parts)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise CannotRead(DAMAGED) from error
    if encrypted:
        raise CannotRead("The file is protected by a password. Save it without one, then upload it again.")
    if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED or unpacked > MOST_RATIO * max(len(content), 100_000):
        raise CannotRead(
            f"The file unpacks from {_megabytes(len(content))} to {_megabytes(unpacked)}, which no real document does. It was not opened."
        )


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB"
