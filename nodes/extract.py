"""The text of a web page or a file as Markdown, with its headings and tables.

`extract` runs the parsers in this very process: give it what strangers wrote only through `nodes.extract_process`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from nodes.reading import CannotRead, Reading

MOST_TEXT = 5_000_000  # characters of one document; a long novel has one million

# What a person may upload, by the ending of the name.
KINDS = {
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".pptx": "pptx",
    ".xlsx": "sheet",
    ".xlsm": "sheet",
    ".xls": "sheet",
    ".ods": "sheet",
    ".csv": "csv",
    ".tsv": "csv",
    ".md": "text",
    ".markdown": "text",
    ".txt": "text",
    ".text": "text",
}
_CONTENT_TYPES = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "text/plain": "text",
    "text/markdown": "text",
    "text/csv": "csv",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "sheet",
    "application/vnd.ms-excel": "sheet",
    "application/vnd.oasis.opendocument.spreadsheet": "sheet",
}
READABLE = "Upload PDF, Word (.docx), PowerPoint (.pptx), Excel (.xlsx), CSV, HTML, Markdown or text files."


def kind_of(name: str, content_type: str = "") -> str | None:
    """How a document is read: by its content type, else by the ending of its name; None = not at all."""
    announced = _CONTENT_TYPES.get(content_type.partition(";")[0].strip().lower())
    return announced or KINDS.get(PurePosixPath(name).suffix.lower())


def extract(content: bytes, kind: str, name: str, charset: str = "") -> Reading:
    """Read a document of a kind of `kind_of`. Raises CannotRead."""
    if not content.strip():
        raise CannotRead("The file is empty.")
    reading = _READERS[_true_kind(content, kind, name)](content, name, charset)
    if len(reading.markdown) > MOST_TEXT:
        raise CannotRead(
            f"The file holds more than {MOST_TEXT // 1_000_000} million characters. Split it into several files."
        )
    return reading


def _true_kind(content: bytes, kind: str, name: str) -> str:
    """Look at the first bytes: a name can be wrong, and a login page can be sent in place of a PDF."""
    if content.startswith(b"\xd0\xcf\x11\xe0") and kind in ("docx", "pptx"):
        raise CannotRead(f"'{name}' is in the old format of Office, or it is protected by a password. {_SAVE_AS}")
    if kind == "pdf" and b"%PDF-" not in content[:1024]:
        raise CannotRead(
            f"'{name}' is called a PDF and is none: its first bytes say otherwise. Upload the original file."
        )
    if kind in ("docx", "pptx") and not content.startswith(b"PK"):
        raise CannotRead(f"'{name}' is not an Office file, whatever its name says. {_SAVE_AS}")
    if kind == "text" and content[:5] == b"%PDF-":
        return "pdf"
    if kind in ("text", "csv") and b"\0" in content[:4096] and not _is_wide(content):
        raise CannotRead(f"'{name}' is not text: it holds binary data. {READABLE}")
    return kind


def _is_wide(content: bytes) -> bool:
    """UTF-16, whose letters hold zero bytes; binary data has other bytes below the blank as well."""
    from nodes.extract_text import wide_encoding

    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    return bool(wide_encoding(content)) and not any(content[:4096].count(byte) for byte in (1, 2, 3, 5, 6, 8))


_SAVE_AS = "Save it anew as .docx, .pptx or PDF without a password, then upload that."


def _html(content: bytes, name: str, charset: str) -> Reading:
    from nodes.extract_html import read_html

    return read_html(content, charset, name)


def _pdf(content: bytes, name: str, charset: str) -> Reading:
    from nodes.extract_pdf import read_pdf

    return read_pdf(content)


def _docx(content: bytes, name: str, charset: str) -> Reading:
    from nodes.extract_office import read_docx

    return read_docx(content)


def _pptx(content: bytes, name: str, charset: str) -> Reading:
    from nodes.extract_office import read_pptx

    return read_pptx(content)


def _sheet(content: bytes, name: str, charset: str) -> Reading:
    from nodes.extract_office import read_sheet

    return read_sheet(content)


def _csv(content: bytes, name: str, charset: str) -> Reading:
    from nodes.extract_text import read_csv

    return read_csv(content, charset)


def _text(content: bytes, name: str, charset: str) -> Reading:
    from nodes.extract_text import read_text

    return read_text(content, charset)


# Each parser is imported when the first document of its kind comes.
_READERS: dict[str, Callable[[bytes, str, str], Reading]] = {
    "html": _html,
    "pdf": _pdf,
    "docx": _docx,
    "pptx": _pptx,
    "sheet": _sheet,
    "csv": _csv,
    "text": _text,
}
