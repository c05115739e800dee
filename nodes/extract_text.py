"""Plain text, Markdown and CSV, in whatever encoding they come."""

from __future__ import annotations

import codecs
import csv
import io
import re

from nodes.reading import CannotRead, Reading, cell, table

_MARKS = [(codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")]
# Codecs of Python that are no encodings of pages; some take time with the square of the length.
_NO_CHARSETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf_7"}
SAMPLE = 64 * 1024  # bytes that the guess of an encoding looks at
FEW_MARKED = 32  # bytes above 127


def decode(content: bytes, *announced: str) -> str:
    """The text of the bytes: by their mark, as announced, as UTF-8, else by a guess. Never fails; NUL characters are dropped."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _clean(content.decode(encoding, "replace"))
    wide = wide_encoding(content)
    for encoding in (wide, *announced, "utf-8"):
        text = None if encoding != wide and is_wide(encoding) else _strictly(content, encoding)
        if text is not None:
            return _clean(text)
    return _clean(content.decode(_guess(content), "replace"))


def wide_encoding(content: bytes) -> str:
    """UTF-16 or UTF-32 that does not say so, known by its zero bytes; '' = neither. Latin letters have them, and so have blanks and markup."""
    sample = content[: SAMPLE - SAMPLE % 4]
    if len(sample) < 16 or sample.count(0) <= len(sample) / 20:
        return ""
    zeros = [sample[place::4].count(0) * 4 / len(sample) for place in range(4)]
    if min(zeros[2], zeros[3]) > 0.9 or min(zeros[0], zeros[1]) > 0.9:
        return "utf-32-le" if zeros[3] > 0.9 else "utf-32-be"
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if min(even, odd) > 0.02 * max(even, odd):
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def is_wide(encoding: str) -> bool:
    """Whether it is announced as two or four bytes per letter, which a page that was understood so far cannot be."""
    return encoding.strip().lower().replace("_", "-").startswith(("utf-16", "utf16", "utf-32", "utf32", "ucs-"))


def _strictly(content: bytes, encoding: str) -> str | None:
    try:
        if encoding.strip().lower().replace("-", "_") in _NO_CHARSETS:
            return None
        # Browsers read what calls itself Latin-1 as Windows-1252, which is what it nearly always is.
        name = codecs.lookup(encoding.strip()).name if encoding.strip() else ""
        return content.decode("cp1252" if name in ("iso8859-1", "ascii") else name) if name else None
    except (LookupError, UnicodeError, ValueError):
        return None


def _guess(content: bytes) -> str:
    """A text with few marked letters is Western: there is too little in it for a guess by statistics."""
    sample = content[:SAMPLE]
    marked = sum(byte > 127 for byte in sample)
    if (marked < FEW_MARKED or marked < len(sample) * 0.15) and _strictly(content, "cp1252") is not None:
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return best.encoding if best else "cp1252"


def _clean(text: str) -> str:
    """Without what Postgres cannot hold and nobody can see, and with one kind of line end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return re.sub(r"[\ud800-\udfff\x01-\x08\x0b\x0e-\x1f\x7f\ufeff\u00ad\u200b]", "", text).replace("\f", "\n")


def read_text(content: bytes, charset: str) -> Reading:
    """Markdown or plain text as it is; the title is its first heading."""
    text = decode(content, charset)
    if not text.strip():
        raise CannotRead("The file holds no text.")
    heading = re.search(r"^#\s+(.+)$", text, re.MULTILINE)
    return Reading(text.strip() + "\n", heading.group(1).strip("# ") if heading else "")


def read_csv(content: bytes, charset: str) -> Reading:
    """The lines of a CSV file as a table."""
    text = decode(content, charset)
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:8192], ",;\t|")
    except csv.Error:
        dialect = csv.excel
    csv.field_size_limit(1_000_000)
    try:
        rows = [[cell(value) for value in row] for row in csv.reader(io.StringIO(text, newline=""), dialect)]
    except csv.Error as error:
        raise CannotRead(
            f"The file is no proper CSV table: {error}. Save it anew from your spreadsheet program."
        ) from error
    made = table(rows)
    if not made:
        raise CannotRead("The table is empty.")
    return Reading(made)
