"""The page CRM and the undo panel in a real browser, against the twin of GoHighLevel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from db.engine import configure, rows, transaction
from tests.browser.window import CHROMIUM, PHONE, an_office, pages, window
from tests.db.builders import a_contact, a_conversation, a_run, an_automation, an_outbox_row
from tests.fakes.ghl_twin import GhlTwin

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install it, or name it in CHROMIUM_PATH")
PATIENCE_MS = 30_000
SHOTS = os.environ.get("FRONTDESK_SCREENSHOTS", "")  # a folder for pictures of what the test sees


@dataclass(frozen=True)
class Office:
    address: str
    workspace: UUID
    twin: GhlTwin


@pytest.fixture
def office(database_url: str, home: Path) -> Iterator[Office]:
    configure(database_url)
    workspace = an_office("admin")
    more = {"FRONTDESK_PUBLIC_URL": "https://desk.example.com"}
    with GhlTwin() as twin, pages(database_url, home, GHL_BASE_URL=twin.base_url, **more) as address:
        yield Office(address, workspace, twin)


@pytest.fixture
def page(chromium: Browser, office: Office) -> Iterator[Page]:
    with window(chromium, office.address, "/crm") as page:
        page.set_default_timeout(PATIENCE_MS)
        expect(page.get_by_role("heading", name="GoHighLevel")).to_be_visible(timeout=PATIENCE_MS)
        yield page


def test_an_admin_connects_tests_and_copies_the_addresses(page: Page, office: Office) -> None:
    expect(page.get_by_text("Private Integrations → Create new")).to_be_visible(timeout=PATIENCE_MS)
    _shoot(page, "crm_empty")
    page.get_by_label("Location id").fill(office.twin.location_id)
    page.get_by_label("Private integration token").fill("pit-wrong")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("does not accept the token").first).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_label("Private integration token").fill(office.twin.token)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("Bright Smile Dental", exact=False).first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("no scope is missing")).to_be_visible(timeout=PATIENCE_MS)

    office.twin.deny("opportunities.write", "users.readonly")
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_text("These scopes are missing")).to_be_visible(timeout=PATIENCE_MS)
    missing = page.get_by_test_id("stAlertContentError")
    expect(missing).to_contain_text("opportunities.write")
    expect(missing).to_contain_text("users.readonly")
    expect(page.get_by_text("Nothing waits")).to_be_visible(timeout=PATIENCE_MS)
    _shoot(page, "crm_connected")

    page.get_by_role("tab", name="Addresses to paste").click()
    page.get_by_role("button", name="Make an address for workflows").click()
    expect(page.get_by_text("https://desk.example.com/webhook/ghl/workflow/")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("https://desk.example.com/webhook/ghl/outgoing")).to_be_visible(timeout=PATIENCE_MS)
    _shoot(page, "crm_addresses")

    page.set_viewport_size(PHONE)
    page.reload()
    expect(page.get_by_role("button", name="Test", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("When each part worked last")).to_be_visible(timeout=PATIENCE_MS)
    _shoot(page, "crm_phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_a_run_changed_is_undone_from_its_page(page: Page, office: Office) -> None:
    run = _changed_run(office)
    page.goto(f"{office.address}/runs?run={run}")
    page.get_by_text("What it changed").click()
    expect(page.get_by_text("Added the tag vip")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Undo…").click()
    expect(page.get_by_text("Remove the tag vip")).to_be_visible(timeout=PATIENCE_MS)
    _shoot(page, "undo")
    page.get_by_role("button", name="Undo these").click()
    expect(page.get_by_text("Is being taken back").first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Undo…")).to_have_count(0, timeout=PATIENCE_MS)
    with transaction(office.workspace) as tx:
        assert len(rows(tx, "SELECT FROM outbox WHERE effect->>'kind' = 'undo_change'")) == 2
    page.set_viewport_size(PHONE)
    page.reload()
    expect(page.get_by_text("Added the tag vip")).to_be_visible(timeout=PATIENCE_MS)
    _shoot(page, "undo_phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def _changed_run(office: Office) -> UUID:
    with transaction(office.workspace) as tx:
        contact = a_contact(
            tx, office.workspace, name="Nora Quill", crm={"tags": ["lead", "vip"], "fields": {"city": "Basel"}}
        )
        thread = a_conversation(tx, office.workspace, contact)
        automation = an_automation(tx, office.workspace, {"format": 1, "name": "New leads", "steps": []})
        run = a_run(tx, office.workspace, automation, thread, contact_id=contact, outcome="Answered.")
        of = {"order_key": f"crm:{contact}", "author": "system", "run_id": run, "state": "done"}
        tags = {"before": ["lead"], "after": ["lead", "vip"], "id": "", "alone": True}
        an_outbox_row(tx, office.workspace, thread, **of, effect={"kind": "change_tags", "add": ["vip"]}, result=tags)
        city = {"before": {"city": "Bern"}, "after": {"city": "Basel"}, "id": "", "alone": True}
        changed = {"kind": "update_contact", "fields": {"city": "Basel"}}
        an_outbox_row(tx, office.workspace, thread, **of, effect=changed, result=city)
    return run


def _shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png")
