"""Files and pages that are made to break a reader: each ends soon, within its memory, with a sentence or with its text."""

from __future__ import annotations

import io
import time
import zipfile
import zlib
from collections.abc import Iterator

import pytest

from nodes.changes import compare
from nodes.chunk import split
from nodes.extract_process import Extractor
from tests.nodes.test_extract import a_docx, a_pdf, a_zip, read, refusal


@pytest.fixture(scope="module")
def extractor() -> Iterator[Extractor]:
    with Extractor() as made:
        yield made


def with_parts(archive: bytes, parts: dict[str, bytes]) -> bytes:
    """An archive with more in it."""
    target = io.BytesIO(archive)
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as opened:
        for name, content in parts.items():
            opened.writestr(name, content)
    return target.getvalue()


def test_an_archive_within_a_document_is_not_opened(extractor: Extractor) -> None:
    inner = a_zip({"bomb": bytes(50_000_000)})
    outer = a_zip({f"{number}.zip": inner for number in range(100)})
    found = read(extractor, with_parts(a_docx(), {"word/embeddings/archive.zip": outer}), "prices.docx")
    assert "Everything includes a test ride." in found.markdown


@pytest.mark.parametrize("name", ["bomb.docx", "bomb.pptx", "bomb.xlsx"])
def test_an_archive_that_lies_about_its_size_is_not_believed(extractor: Extractor, name: str) -> None:
    folder = {"bomb.docx": "word/document.xml", "bomb.pptx": "ppt/presentation.xml", "bomb.xlsx": "xl/workbook.xml"}
    size = 400_000_000
    bomb = a_zip({"[Content_Types].xml": b"<Types/>", folder[name]: bytes(size)})
    lying = bomb.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lying != bomb
    began = time.monotonic()
    assert refusal(extractor, lying, name)
    assert time.monotonic() - began < 20


def test_a_sheet_with_a_cell_in_its_last_corner_ends_alone(extractor: Extractor) -> None:
    import xlsxwriter

    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet("Prices")
        sheet.write(0, 0, "Wash")
        sheet.write(1_048_575, 16_383, "far away")
    began = time.monotonic()
    said = refusal(extractor, target.getvalue(), "corner.xlsx")
    assert "memory" in said or "was not read within" in said
    assert time.monotonic() - began < 60
    assert read(extractor, b"Next.", "next.txt").markdown == "Next.\n"


def test_a_pdf_whose_page_unpacks_without_end_is_given_up(extractor: Extractor) -> None:
    drawn = zlib.compress(b"BT /F1 9 Tf 72 72 Td (x) Tj ET\n" * 10_000_000, 9)
    plain = a_pdf([(11, "placeholder")])
    head, _, rest = plain.partition(b"4 0 obj")
    _, _, tail = rest.partition(b"endobj\n")
    bomb = head + b"4 0 obj<</Filter/FlateDecode/Length %d>>stream\n%b\nendstreamendobj\n" % (len(drawn), drawn) + tail
    began = time.monotonic()
    said = refusal(extractor, bomb, "bomb.pdf", seconds=10)
    assert "memory" in said or "was not read within" in said or "damaged" in said or "no text" in said
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "page",
    [
        b"<script" * 500_000,
        b"<a" + b"b" * 3_000_000,
        b"<p>" + b"<!--" * 500_000,
        b"<table>" * 30_000 + b"<td>We do open on holidays.",
        b"<p>" + b"&amp" * 500_000,
        b"<div class='" + b"nav-" * 500_000 + b"'>x",
    ],
    ids=["scripts", "a long name", "comments", "tables", "entities", "a long class"],
)
def test_a_page_that_is_made_to_keep_a_parser_busy_ends(extractor: Extractor, page: bytes) -> None:
    from nodes.reading import CannotRead

    began = time.monotonic()
    try:
        found = extractor.extract(page, "html", "http://x.test/", seconds=20)
        assert b"holidays" not in page or "We do open on holidays." in found.markdown
    except CannotRead as error:
        assert "was not read within" in str(error) or "empty" in str(error) or "memory" in str(error)
    assert time.monotonic() - began < 25


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1.1." * 20_000, "1,1," * 20_000),
        ("| 0 |\n" * 1900, "| 0 |\n" * 1990),
        ("a.b." * 50_000 + "@", "a" * 200_000),
    ],
    ids=["digits", "equal rows", "half an address"],
)
def test_a_comparison_of_texts_that_are_made_to_take_long_ends(before: str, after: str) -> None:
    began = time.monotonic()
    compare(before, after)
    assert time.monotonic() - began < 15


def test_a_heading_of_blanks_is_cut_at_once() -> None:
    began = time.monotonic()
    split("# " + " " * 1_000_000 + "\nWe open at nine.")
    assert time.monotonic() - began < 5
