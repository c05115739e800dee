"""An admin forgets a contact on a phone: nothing goes without the word, and with it the list stands there again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from db.engine import configure, rows, system, transaction
from tests.browser.window import CHROMIUM, PHONE, an_office, pages, window
from tests.db.builders import a_contact, a_conversation, a_message

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install it, or name it in CHROMIUM_PATH")


@pytest.fixture
def page(chromium: Browser, database_url: str, home: Path) -> Iterator[Page]:
    configure(database_url)
    workspace = an_office("admin")
    with transaction(workspace) as tx:
        for name in ("Nora Quill", "Tom Becker"):
            a_message(tx, workspace, a_conversation(tx, workspace, a_contact(tx, workspace, name=name)))
    with (
        pages(database_url, home) as address,
        window(chromium, address, "/conversations", PHONE["width"], PHONE["height"]) as page,
    ):
        yield page


def names() -> list[str]:
    with system() as tx:
        return [row["name"] for row in rows(tx, "SELECT name FROM contacts ORDER BY name")]


def test_an_admin_forgets_a_contact_by_typing_the_word(page: Page) -> None:
    row = page.locator("button.row", has_text="Nora Quill")
    expect(row).to_be_visible(timeout=90_000)
    row.click()
    page.get_by_role("button", name="More").click()
    page.get_by_text("Forget this contact").click()
    field, button = page.get_by_label("Type forget to confirm"), page.get_by_role("button", name="Forget for good")

    button.click()
    expect(page.get_by_text("Type forget into the field first")).to_be_visible()
    assert names() == ["Nora Quill", "Tom Becker"]

    field.fill("forget")
    button.click()
    expect(page.get_by_text("The contact is forgotten.")).to_be_visible()
    expect(page.locator("button.row", has_text="Tom Becker")).to_be_visible()
    expect(row).to_have_count(0)
    assert names() == ["Tom Becker"]
