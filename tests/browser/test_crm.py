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
from tests.browser.window import CHROMIUM, PHONE, an_office, pages, serving, window
from tests.db.builders import a_contact, a_conversation, a_run, an_automation, an_outbox_row
from tests.fakes.ghl_twin import GhlTwin
from tests.ports import free_port

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install it, or name it in CHROMIUM_PATH")
PATIENCE_MS = 30_000
SHOTS = os.environ.get("FRONTDESK_SCREENSHOTS", "")  # a folder for pictures of what the test sees


@dataclass(frozen=True)
class Office:
    address: str
    workspace: UUID
    twin: GhlTwin
    public_port: int
    environment: dict[str, str]


@pytest.fixture
def office(database_url: str, home: Path) -> Iterator[Office]:
    """The pages, and the webhook server's address where GHL would reach it."""
    configure(database_url)
    workspace, port = an_office("admin"), free_port()
    with GhlTwin() as twin:
        more = {"FRONTDESK_PUBLIC_URL": f"http://127.0.0.1:{port}", "GHL_BASE_URL": twin.base_url}
        with pages(database_url, home, **more) as address:
            yield Office(
                address, workspace, twin, port, {"DATABASE_URL": database_url, "FRONTDESK_HOME": str(home), **more}
            )


@pytest.fixture
def door(office: Office) -> Iterator[Office]:
    """The webhook server runs too, and GHL shows its page of consent."""
    office.twin.asks = True
    command = ["-m", "uvicorn", "webhook_server.app:app", "--host", "127.0.0.1", "--port", str(office.public_port)]
    with serving(command, office.public_port, office.environment):
        yield office


@pytest.fixture
def page(chromium: Browser, office: Office) -> Iterator[Page]:
    with window(chromium, office.address, "/crm") as page:
        page.set_default_timeout(PATIENCE_MS)
        expect(page.get_by_role("heading", name="GoHighLevel")).to_be_visible()
        yield page


def test_an_admin_connects_tests_and_copies_the_addresses(page: Page, office: Office) -> None:
    expect(page.get_by_text("Private Integrations → Create new")).to_be_visible()
    _shoot(page, "crm_empty")
    page.get_by_label("Location id").fill(office.twin.location_id)
    page.get_by_label("Private integration token").fill("pit-wrong")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("does not accept the token").first).to_be_visible()
    page.get_by_label("Private integration token").fill(office.twin.token)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("Bright Smile Dental", exact=False).first).to_be_visible()
    expect(page.get_by_text("no scope is missing")).to_be_visible()

    office.twin.deny("opportunities.write", "users.readonly")
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_text("These scopes are missing")).to_be_visible()
    missing = page.get_by_test_id("stAlertContentError")
    expect(missing).to_contain_text("opportunities.write")
    expect(missing).to_contain_text("users.readonly")
    expect(page.get_by_text("Nothing waits")).to_be_visible()
    _shoot(page, "crm_connected")

    public = f"http://127.0.0.1:{office.public_port}"
    page.get_by_role("tab", name="Addresses to paste").click()
    page.get_by_role("button", name="Make an address for workflows").click()
    expect(page.get_by_text(f"{public}/webhook/ghl/workflow/")).to_be_visible()
    expect(page.get_by_text(f"{public}/webhook/ghl/outgoing")).to_be_visible()
    _shoot(page, "crm_addresses")

    page.set_viewport_size(PHONE)
    page.reload()
    expect(page.get_by_role("button", name="Test", exact=True)).to_be_visible()
    expect(page.get_by_text("When each part worked last")).to_be_visible()
    _shoot(page, "crm_phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("agency", [False, True], ids=["a location signs in", "an agency signs in"])
def test_an_admin_signs_in_at_ghl_chooses_the_location_and_tests_it(page: Page, door: Office, agency: bool) -> None:
    page.get_by_role("tab", name="By signing in (full)").click()
    page.get_by_label("Client id").fill(door.twin.client_id)
    page.get_by_label("Client secret").fill(door.twin.client_secret)
    page.get_by_role("textbox", name="Install link").fill(f"{door.twin.base_url}/v2/oauth/chooselocation")
    page.get_by_role("button", name="Keep the app").click()
    expect(page.get_by_text("The app is kept.")).to_be_visible()
    _shoot(page, "crm_app")
    if agency:
        page.get_by_text("I sign in as an agency").click()
    page.get_by_role("button", name="Sign in at GoHighLevel").click()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Go on to GoHighLevel").click()
    there = opened.value
    expect(there.get_by_role("heading", name="Choose a location")).to_be_visible()
    there.get_by_label("Location").select_option(label="Bright Smile Dental")
    there.get_by_role("button", name="Allow and install").click()
    expect(there.get_by_role("heading", name="Almost done" if agency else "GoHighLevel is connected")).to_be_visible()
    expect(there.locator("body")).to_have_css(
        "background-color", "rgb(245, 247, 249)"
    )  # its policy lets its style through
    _shoot(there, f"crm_back_{agency}")
    there.close()
    if agency:  # the page has heard of it by itself, without a reload
        expect(page.get_by_text("Your agency has signed in.")).to_be_visible()
        page.get_by_role("button", name="Show the locations of the agency").click()
        _shoot(page, "crm_choose")
        page.get_by_role("button", name="Use this location").click()
    expect(page.get_by_text("Bright Smile Dental", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_text("no scope is missing")).to_be_visible()
    _shoot(page, f"crm_signed_in_{agency}")
    assert door.twin.codes == {}  # the code was exchanged, once


def test_what_a_run_changed_is_undone_from_its_page(page: Page, office: Office) -> None:
    run = _changed_run(office)
    page.goto(f"{office.address}/runs?run={run}")
    page.get_by_text("What it changed").click()
    expect(page.get_by_text("Added the tag vip")).to_be_visible()
    page.get_by_role("button", name="Undo…").click()
    expect(page.get_by_text("Remove the tag vip")).to_be_visible()
    _shoot(page, "undo")
    page.get_by_role("button", name="Undo these").click()
    expect(page.get_by_text("Is being taken back").first).to_be_visible()
    expect(page.get_by_role("button", name="Undo…")).to_have_count(0)
    with transaction(office.workspace) as tx:
        assert len(rows(tx, "SELECT FROM outbox WHERE effect->>'kind' = 'undo_change'")) == 2
    page.set_viewport_size(PHONE)
    page.reload()
    expect(page.get_by_text("Added the tag vip")).to_be_visible()
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
