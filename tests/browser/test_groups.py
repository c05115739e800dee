"""A group of steps says its conditions once to the eye, and all of them to whoever only hears the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from db.engine import configure
from flows import drafts
from flows.templates import template
from tests.browser.window import CHROMIUM, an_office, pages, window

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install it, or name it in CHROMIUM_PATH")
OPEN, WISH = "Only if nothing blocks", "Unless a person is asked for now"


def test_a_group_says_its_conditions_once_to_the_eye_and_whole_to_the_ear(
    chromium: Browser, database_url: str, home: Path
) -> None:
    configure(database_url)
    draft = drafts.create(an_office("viewer"), None, name="Desk", document=template("front_desk").document)
    with pages(database_url, home) as address, window(chromium, address, f"/automations?id={draft}", width=390) as page:
        expect(page.locator("li.item")).to_have_count(9, timeout=90_000)
        expect(page.locator(".asked", has_text=OPEN)).to_have_count(1)
        expect(page.locator(".asked", has_text=WISH)).to_have_count(1)
        for title in ("Who is it?", "What was said before", "Write the answer"):
            expect(page.get_by_role("button", name=f"{title} {OPEN} · {WISH}")).to_have_count(1)
        expect(page.locator("li.item.last .name")).to_have_text(
            ["A customer writes", "May the AI answer?", "Write the answer", "Send the answer", "Ask a colleague"]
        )
