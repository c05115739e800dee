"""From place to place in a real browser: links, the way back, reloads, and what is open meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from db.engine import configure, transaction
from db.live import publish
from tests.browser.window import CHROMIUM, PHONE, an_office, pages, window
from tests.db.builders import a_contact, a_conversation, a_message, a_run, an_automation

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install it, or name it in CHROMIUM_PATH")
DOCUMENT = {
    "format": 1,
    "name": "Front desk",
    "steps": [{"id": "message", "node": "message_received@1", "title": "A customer writes"}],
}


@dataclass(frozen=True)
class Site:
    """The running pages, and what can be opened on them."""

    address: str
    workspace: UUID
    automation: UUID
    conversation: UUID
    run: UUID


@pytest.fixture
def site(database_url: str, home: Path) -> Iterator[Site]:
    configure(database_url)
    workspace = an_office("admin")
    with transaction(workspace) as tx:
        contact = a_contact(tx, workspace, name="Nora Quill")
        conversation = a_conversation(tx, workspace, contact, unread=1)
        a_message(tx, workspace, conversation)
        automation = an_automation(tx, workspace, DOCUMENT, name="Front desk")
        run = a_run(tx, workspace, automation, conversation, outcome="Answered.", contact_id=contact)
    with pages(database_url, home) as address:
        yield Site(address, workspace, automation, conversation, run)


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    with window(chromium, site.address, f"/automations?id={site.automation}") as page:
        expect(page.get_by_text("A customer writes").first).to_be_visible(timeout=90_000)
        yield page


def test_the_link_of_the_page_one_is_on_leads_to_its_list(page: Page, site: Site) -> None:
    builder, listed = page.locator(".st-key-builder_head"), page.get_by_role("button", name="New automation")
    _link(page, "Automations").click()
    expect(listed).to_be_visible()
    expect(builder).to_have_count(0)
    page.wait_for_url("**/automations")

    page.go_back()
    expect(builder).to_be_visible()
    page.reload()
    expect(builder).to_be_visible()
    page.locator(".st-key-builder_head").get_by_role("button", name="All").click()
    expect(listed).to_be_visible()


def test_what_is_open_on_any_page_closes_by_its_link(page: Page, site: Site) -> None:
    _link(page, "Runs").click()
    page.locator("button.row", has_text="Nora Quill").click()
    expect(page.get_by_text("for Nora Quill")).to_be_visible()
    _link(page, "Runs").click()
    expect(page.get_by_text("Choose a run")).to_be_visible()
    expect(page.locator("button.row[aria-current=true]")).to_have_count(0)

    _link(page, "Conversations").click()
    page.get_by_role("list", name="Conversations").locator("button.row").click()
    thread = page.get_by_role("log", name="Messages")
    expect(thread).to_be_visible()
    with transaction(site.workspace) as tx:
        a_message(tx, site.workspace, site.conversation, "And on Monday?")
        publish(tx, site.workspace, "message", conversation=site.conversation)
    expect(thread).to_contain_text("And on Monday?")  # what is live does not close it
    _link(page, "Conversations").click()
    expect(page.get_by_text("Choose a conversation")).to_be_visible()
    page.wait_for_url("**/conversations")

    page.set_viewport_size(PHONE)
    page.goto(f"{site.address}/runs?run={site.run}")
    expect(page.get_by_text("for Nora Quill")).to_be_visible()
    page.get_by_test_id("stExpandSidebarButton").click()
    _link(page, "Runs").click()
    expect(page.locator("button.row", has_text="Nora Quill")).to_be_visible()
    expect(page.get_by_text("for Nora Quill")).to_have_count(0)


def test_on_a_phone_the_list_of_runs_comes_before_the_finer_filters(page: Page, site: Site) -> None:
    fields = [page.get_by_label(name, exact=True) for name in ("State", "Time", "Message", "Result")]
    _link(page, "Runs").click()
    expect(page.get_by_label("Contact", exact=True)).to_be_visible()
    more = page.get_by_role("button", name="More filters")
    for field in fields:
        expect(field).to_be_visible()
    expect(more).to_be_hidden()  # there is room for all at a desk

    page.set_viewport_size(PHONE)
    for field in fields:
        expect(field).to_be_hidden()
    more.click()
    page.get_by_label("Result", exact=True).fill("answered")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Fewer filters")).to_have_count(0)  # what is set is never out of sight
    for field in fields:
        expect(field).to_be_visible()
    page.get_by_label("Result", exact=True).fill("")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Fewer filters").click()
    for field in fields:
        expect(field).to_be_hidden()


def _link(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True)
