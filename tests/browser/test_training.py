"""The Training page in a real browser: teach a business from nothing, watch it being learned, correct it, ask it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from db import views
from db.engine import configure, transaction
from flows.job import Tools
from flows.models import builtin_embedder
from flows.trainer import Trainer
from tests.browser.window import CHROMIUM, an_office, pages, window
from tests.fakes.site_twin import SiteTwin

VIEWS = {  # and what shows that one is drawn, with a source and a passage open
    "Sources": "button:has-text('Read again now')",
    "Passages": "button:has-text('Switch on')",
    "Changes": "text=No changes yet",
    "Map": "[data-testid=stVegaLiteChart] :is(canvas, svg)",
    "Test a question": "text=By meaning: 1st",
}
PAGES = 12
FORMS = {
    "Website": "Its pages are read, and read again on a schedule.",
    "Files": "PDF, Word, PowerPoint, Excel, CSV, HTML, Markdown or text.",
    "Text": "Write or paste what customers ask about.",
    "Q & A": "Found by the question, answered word for word.",
}
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install it, or name it in CHROMIUM_PATH")


@dataclass(frozen=True)
class School:
    """The running pages of a workspace that knows nothing yet, a trainer, and a website to learn from."""

    address: str
    workspace: UUID
    site: SiteTwin


@pytest.fixture
def school(database_url: str, home: Path) -> Iterator[School]:
    configure(database_url)
    workspace = an_office("builder")
    trainer = Trainer(lambda: Tools(lambda _: builtin_embedder(), lease_seconds=5.0), show=False)
    trainer.start()
    try:
        with pages(database_url, home) as address, _site() as site:
            yield School(address, workspace, site)
    finally:
        trainer.stop()


@pytest.fixture
def page(chromium: Browser, school: School) -> Iterator[Page]:
    with window(chromium, school.address, "/training") as page:
        page.set_default_timeout(20_000)
        expect(page.get_by_text("Teach the front desk your business.")).to_be_visible(timeout=90_000)
        yield page


def test_a_business_is_taught_corrected_and_asked(page: Page, school: School, tmp_path: Path) -> None:
    _teach_a_text(page)
    _teach_pairs(page)
    _teach_files(page)
    _teach_a_website(page, school)
    _correct_a_passage(page, school)
    _ask(page)
    _look_at_both_widths(page, tmp_path)


def _teach_a_text(page: Page) -> None:
    _form(page, "Text")
    page.get_by_role("textbox", name="Name", exact=True).fill("Holidays")
    page.get_by_role("textbox", name="Text").fill("## Holidays\nWe are closed between Christmas and New Year.")
    page.get_by_role("textbox", name="Name", exact=True).click()
    expect(page.get_by_text("1 passage that the AI will find")).to_be_visible()
    page.get_by_role("button", name="Save the text").click()
    expect(_row(page, "Holidays")).to_contain_text("Ready", timeout=90_000)


def _teach_pairs(page: Page) -> None:
    _form(page, "Q & A")
    page.get_by_text("Paste many").click()
    text = page.get_by_role("textbox", name="Questions and answers")
    text.fill("Do you rent bikes?\nYes, from $20 a day.\n\nDo you sell bikes?\nNo, we rent and repair.")
    text.press("Control+Enter")
    expect(page.get_by_text("2 pairs understood")).to_be_visible()
    page.get_by_role("button", name="Save the pairs").click()
    expect(_row(page, "Questions and answers")).to_contain_text("2 questions, 2 passages")


def _teach_files(page: Page) -> None:
    _form(page, "Files")
    files: list[FilePayload] = [
        {"name": "tyres.md", "mimeType": "text/markdown", "buffer": b"# Tyres\n\nA new tyre costs $35.\n"},
        {"name": "photo.png", "mimeType": "image/png", "buffer": b"not a text"},
    ]
    page.locator("input[type=file]").set_input_files(files)
    expect(page.get_by_text("tyres.md 31 bytes · Learned: 1 passage")).to_be_visible()
    expect(page.get_by_text("'photo.png' is of a kind that cannot be read.")).to_be_visible()


def _teach_a_website(page: Page, school: School) -> None:
    _form(page, "Website")
    page.get_by_label("Address of the website").fill(school.site.url("/"))
    when = page.get_by_role("textbox", name="Read it again")
    when.press_sequentially("every Mon", delay=20)
    expect(page.get_by_text("Every Monday at 6:00. Next: Mon")).to_be_visible()  # while it is typed
    page.get_by_label("Name (optional)").fill("Our website")
    page.get_by_role("button", name="Show what would be read").click()
    expect(page.get_by_text(f"{PAGES + 2} pages that its start page leads to")).to_be_visible()
    page.get_by_role("button", name="Start reading").click()
    row = _row(page, "Our website")
    expect(row.get_by_role("progressbar")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(row).to_contain_text("looked at, 1 failed")  # it gets on ...
    expect(row).to_contain_text("Ready, 1 failed", timeout=90_000)
    assert asked == []  # ... by itself: the page asks for nothing
    expect(page.get_by_text("answered with an error of its own (500)").first).to_be_visible()
    with transaction(school.workspace) as tx:
        [line] = views.training_list(tx, search="Our website")
    assert line.config["schedule"]["cron"] == "0 6 * * 1"


def _correct_a_passage(page: Page, school: School) -> None:
    page.get_by_role("tab", name="Passages").click()
    page.get_by_role("textbox", name="Search").press_sequentially("christm", delay=20)
    expect(page.locator("button.row")).to_have_count(1)
    page.locator("button.row").click()
    page.get_by_role("textbox", name="Text").fill("Closed from 24 December to 2 January.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Back to the document's text")).to_be_visible()
    search = page.get_by_role("textbox", name="Search")
    search.fill("Rental number 7")
    expect(page.locator("button.row")).to_have_count(1)
    page.locator("button.row").click()
    expect(page.get_by_role("textbox", name="Heading")).to_have_value("Rental 7")
    expect(page.get_by_role("button", name="Back to the document's text")).to_have_count(0)  # of the passage before
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("button", name="Switch on")).to_be_visible()
    with transaction(school.workspace) as tx:
        assert [each.text for each in views.passage_list(tx, shown="edited")] == [
            "Closed from 24 December to 2 January."
        ]
        assert len(views.passage_list(tx, shown="off")) == 1
    search.fill("")


def _ask(page: Page) -> None:
    page.get_by_role("tab", name="Test a question").click()
    question = page.get_by_role("textbox", name="Question, as a customer would ask it")
    question.fill("are you there on new year's eve?")
    question.press("Enter")
    first = page.locator(".st-key-hit\\:1, .st-key-hit-1")
    expect(first).to_contain_text("Closed from 24 December to 2 January.", timeout=90_000)
    expect(first).to_contain_text("By meaning: 1st")
    expect(page.get_by_text("As soon as a customer asks something")).to_be_visible()


def _look_at_both_widths(page: Page, folder: Path) -> None:
    """Nothing reaches over the edge, in any view."""
    for width, height in ((1440, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for view, drawn in VIEWS.items():
            page.get_by_role("tab", name=view).click()
            expect(page.locator(drawn).first).to_be_visible()
            page.screenshot(path=folder / f"{view} {width}.png")
            widths = "[document.documentElement, document.querySelector('[data-testid=stMain]')].map((e) => e.scrollWidth - e.clientWidth)"
            assert page.evaluate(widths) == [0, 0], (view, width)


def _form(page: Page, kind: str) -> None:
    """Open the form for something new: from the empty page, or beside the list."""
    add = page.get_by_role("button", name="Add", exact=True)
    expect(add.first).to_be_visible()
    add.first.click()
    expect(page.get_by_role("radiogroup", name="Add")).to_be_visible()
    page.get_by_role("radiogroup", name="Add").get_by_text(kind).click()
    expect(page.get_by_text(FORMS[kind])).to_be_visible()


def _row(page: Page, name: str) -> Locator:
    return page.locator(".st-key-pane_sources button.row", has=page.locator(".title", has_text=name))


def _site() -> SiteTwin:
    site = SiteTwin()
    links = [f"/page-{number}" for number in range(PAGES)]
    for number, link in enumerate(links):
        text = f"<p>Rental number {number} costs ${20 + number} a day at our shop on Main Street.</p>"
        site.page(link, f"Rental {number}", text + "<p>We are glad to help you with it on every day of the week.</p>")
    site.fail("/broken", 500)
    site.page("/", "Corner Cycles", "<p>We repair and rent bicycles on Main Street.</p>", links=["/broken", *links])
    return site
