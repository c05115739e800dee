"""Text out of every kind of file, and a clear sentence where none can be had. Everything goes through the other process."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator

import pytest

from nodes.extract import kind_of
from nodes.extract_process import Extractor
from nodes.extract_text import decode
from nodes.reading import CannotRead, Reading


@pytest.fixture(scope="module")
def extractor() -> Iterator[Extractor]:
    with Extractor() as made:
        yield made


def read(extractor: Extractor, content: bytes, name: str) -> Reading:
    kind = kind_of(name)
    assert kind is not None
    return extractor.extract(content, kind, name)


def refusal(extractor: Extractor, content: bytes, name: str, seconds: float = 60) -> str:
    kind = kind_of(name)
    assert kind is not None
    with pytest.raises(CannotRead) as refused:
        extractor.extract(content, kind, name, seconds=seconds)
    return str(refused.value)


def a_docx() -> bytes:
    import docx

    document = docx.Document()
    document.add_heading("Price list", 0)
    document.add_heading("Repairs", 1)
    document.add_paragraph("Everything includes a test ride.")
    document.add_paragraph("Bring the key", style="List Bullet")
    table = document.add_table(2, 2)
    for row, cells in enumerate([("Service", "Price"), ("Wash | rinse", "$15")]):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    document.add_paragraph("After the table.")
    return saved(document)


def saved(document: object) -> bytes:
    target = io.BytesIO()
    document.save(target)  # type: ignore[attr-defined]
    return target.getvalue()


def a_pdf(lines: list[tuple[int, str]], *, password: str = "", picture: bool = False) -> bytes:
    """A small PDF by hand: (size in points, text) from top to bottom on one page."""
    drawn, place = [], 760
    for size, text in lines:
        drawn.append(f"BT /F1 {size} Tf 72 {place} Td ({text}) Tj ET")
        place -= size + 14
    stream = "\n".join(drawn).encode() if not picture else b"0.5 g 72 72 400 600 re f"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Title(Handbook of the shop)>>",
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj" % number + body + b"endobj\n"
    start = len(out)
    out += b"xref\n0 7\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % each for each in places)
    encrypt = (
        b"/Encrypt<</Filter/Standard/V 1/R 2/O(%b)/U(%b)/P -4>>/ID[(a)(a)]" % (b"o" * 32, b"u" * 32)
        if password
        else b""
    )
    out += b"trailer<</Size 7/Root 1 0 R/Info 6 0 R%b>>\nstartxref\n%d\n%%%%EOF" % (encrypt, start)
    return bytes(out)


def test_a_word_file_keeps_headings_lists_and_tables_in_their_order(extractor: Extractor) -> None:
    assert read(extractor, a_docx(), "prices.docx").markdown == (
        "# Price list\n\n# Repairs\n\nEverything includes a test ride.\n\n- Bring the key\n\n"
        "| Service | Price |\n|---|---|\n| Wash \\| rinse | $15 |\n\nAfter the table.\n"
    )


def test_slides_become_sections_with_their_notes(extractor: Extractor) -> None:
    import pptx

    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = "Opening hours"
    slide.placeholders[1].text = "Monday nine to six\nTuesday closed"
    slide.notes_slide.notes_text_frame.text = "Except on holidays."
    expected = "## Opening hours\n\n- Monday nine to six\n- Tuesday closed\n\nExcept on holidays.\n"
    assert read(extractor, saved(presentation), "hours.pptx").markdown == expected


def test_every_sheet_becomes_a_table(extractor: Extractor) -> None:
    import xlsxwriter

    sheets: dict[str, list[list[object]]] = {
        "Prices": [["Service", "Price"], ["Wash", 15], ["Chain", 35.5]],
        "Empty": [],
        "Team": [["Ana"]],
    }
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    found = read(extractor, target.getvalue(), "shop.xlsx").markdown
    assert (
        found
        == "## Prices\n\n| Service | Price |\n|---|---|\n| Wash | 15 |\n| Chain | 35.5 |\n\n## Team\n\n| Ana |\n|---|\n"
    )


def test_what_is_set_larger_in_a_pdf_is_a_heading(extractor: Extractor) -> None:
    body = "We repair bicycles of every make in our workshop on Main Street."
    found = read(
        extractor, a_pdf([(24, "Handbook"), (11, body), (16, "Prices"), (11, "A wash costs $15."), (11, body)]), "a.pdf"
    )
    assert found.title == "Handbook of the shop"
    assert found.markdown == f"# Handbook\n\n{body}\n\n## Prices\n\nA wash costs $15.\n{body}\n"


def test_a_pdf_of_pictures_says_that_it_has_no_text(extractor: Extractor) -> None:
    assert "pictures of pages and no text" in refusal(extractor, a_pdf([], picture=True), "scan.pdf")


def test_a_protected_pdf_says_so(extractor: Extractor) -> None:
    assert "protected by a password" in refusal(extractor, a_pdf([(11, "secret")], password="x"), "secret.pdf")


def test_csv_with_semicolons_in_a_western_encoding(extractor: Extractor) -> None:
    found = read(extractor, "Leistung;Preis\nWäsche;15 €\n".encode("cp1252"), "preise.csv")
    assert found.markdown == "| Leistung | Preis |\n|---|---|\n| Wäsche | 15 € |"


@pytest.mark.parametrize(
    ("content", "announced", "expected"),
    [
        ("Grüße".encode(), "", "Grüße"),
        ("Grüße".encode("cp1252"), "", "Grüße"),
        ("Grüße".encode("cp1252"), "utf-8", "Grüße"),
        ("Grüße".encode("utf-16"), "", "Grüße"),
        (b"\xef\xbb\xbfGr\xc3\xbc\xc3\x9fe", "latin-1", "Grüße"),
        ("“quoted” – 15 €".encode("cp1252"), "iso-8859-1", "“quoted” – 15 €"),
        ("Мы открываемся в девять часов утра каждый день недели, кроме воскресенья.".encode("cp1251"), "",
         "Мы открываемся в девять часов утра каждый день недели, кроме воскресенья."),
        ("営業時間は九時からです。".encode("shift_jis"), "shift_jis", "営業時間は九時からです。"),
        (b"a\0b\r\nc", "nonsense", "ab\nc"),
    ],
)  # fmt: skip
def test_text_comes_out_whatever_its_encoding(content: bytes, announced: str, expected: str) -> None:
    assert decode(content, announced) == expected


def a_zip(parts: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.fixture(scope="module")
def zip_bomb() -> bytes:
    return a_zip({"word/document.xml": bytes(400_000_000)})


@pytest.mark.parametrize("name", ["bomb.docx", "bomb.pptx", "bomb.xlsx"])
def test_a_zip_bomb_is_not_opened(extractor: Extractor, zip_bomb: bytes, name: str) -> None:
    began = time.monotonic()
    assert "unpacks from 0.4 MB to 400.0 MB" in refusal(extractor, zip_bomb, name)
    assert time.monotonic() - began < 10


def test_a_bomb_of_entities_does_nothing(extractor: Extractor) -> None:
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    xml = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "lol">{lol}]><w:document xmlns:w="x"><w:body>&l9;</w:body></w:document>'
    types = b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
    said = refusal(extractor, a_zip({"word/document.xml": xml.encode(), "[Content_Types].xml": types}), "lol.docx")
    assert "damaged" in said
    page = xml.replace("w:document", "html").replace("w:body", "body").encode()
    assert len(read(extractor, page, "lol.html").markdown) < 1000


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.txt", "is empty"),
        (b"  \n ", "a.md", "is empty"),
        (b"\x7fELF\0\0\0", "a.txt", "binary data"),
        (b"<html>Sign in</html>", "a.pdf", "is none"),
        (b"%PDF-1.7\n" + b"\xff" * 5000, "a.pdf", "damaged"),
        (b"PK\x03\x04" + b"x" * 500, "a.docx", "damaged"),
        (b"PK\x03\x04" + b"x" * 500, "a.xlsx", "damaged"),
        (b"plain text", "a.docx", "not an Office file"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 5000, "a.docx", "old format"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 5000, "a.xls", "damaged"),
        (b"<html><body></body></html>", "a.html", ""),
    ],
)
def test_what_cannot_be_read_says_why(extractor: Extractor, content: bytes, name: str, said: str) -> None:
    if said:
        assert said in refusal(extractor, content, name)
    else:
        assert read(extractor, content, name).markdown == ""


def test_a_parser_that_takes_too_long_is_ended_and_the_next_document_is_read() -> None:
    with Extractor() as extractor:
        assert "was not read within 0 seconds" in refusal(extractor, b"<p>x" * 2_000_000, "slow.html", seconds=0.3)
        assert read(extractor, b"Next.", "next.txt").markdown == "Next.\n"


def test_a_parser_that_takes_too_much_memory_dies_alone() -> None:
    with Extractor(memory_bytes=700_000_000) as extractor:
        assert "memory" in refusal(extractor, b"<div><p>x</p></div>" * 8_000_000, "large.html")
        assert read(extractor, b"Next.", "next.txt").markdown == "Next.\n"


def test_a_page_says_where_it_leads_and_what_it_wishes(extractor: Extractor) -> None:
    page = b"""<html lang="de-AT"><head><title> Our  prices </title><base href="/shop/"><link rel="canonical" href="/prices">
        <meta name="ROBOTS" content="NoFollow, max-snippet:5"></head><body><a href="a#x">A</a><a href="a#x">again</a>
        <a href="javascript:go()">no</a><a rel="nofollow" href="b">no</a><a href="http://[bad">no</a><a href="//other.test/c">C</a></body>"""
    found = extractor.extract(page, "html", "http://x.test/old/page")
    assert (found.title, found.language, found.canonical) == ("Our prices", "de", "http://x.test/prices")
    assert found.links == ("http://x.test/shop/a#x", "http://other.test/c")
    assert (found.may_index, found.may_follow) == (True, False)


def test_menus_footers_and_scripts_are_no_content(extractor: Extractor) -> None:
    words = "We repair bicycles of every make in our workshop on Main Street, usually on the same day. " * 6
    page = f"""<html><body><header><nav>Home Shop</nav></header><div id="c"><h1>Repairs</h1><p>{words}</p><h2>Prices</h2>
        <table><tr><th>Service</th><th>Price</th></tr><tr><td>Wash</td><td>$15</td></tr></table><p>{words}</p></div>
        <script>var secret = 1</script><footer>Imprint</footer></body></html>"""
    found = read(extractor, page.encode(), "repairs.html").markdown
    assert found.startswith("# Repairs\n") and "## Prices" in found and "| Wash | $15 |" in found
    assert not any(word in found for word in ("Home", "secret", "Imprint"))
