"""Templates in the pages: a builder chooses an approved one and sees what would be sent, at the width of a desk; an agent sends
one where free text is not taken any more, at the width of a phone. Nothing stands out of the window at either width."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from db import connections
from db.engine import configure, transaction
from flows import drafts, editing
from flows.accounts import Accounts
from flows.automation import Automation
from flows.delivery import Delivery
from flows.history import versions
from tests.browser.test_builder import WIDER
from tests.browser.window import CHROMIUM, PHONE, an_office, pages, window
from tests.db.builders import a_contact, a_conversation, a_message
from tests.fakes.ghl_twin import GhlTwin
from tests.fakes.twilio_twin import ACCOUNT_SID, AUTH_TOKEN, OUR_NUMBER, TwilioTwin
from tests.flows.crm_desk import by_token
from tests.ports import until

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install it, or name it in CHROMIUM_PATH")
DESK: ViewportSize = {"width": 1440, "height": 900}
LEA = "+14155550123"
BODY = "Hello {{1}}, your {{2}} is ready. Reply here with any question."
SAVED = "Hi {{contact.first_name}}, thanks for writing to {{location.name}}!"
FOLD = "When WhatsApp's 24 hours are over"


@dataclass
class Desk:
    """The running pages, the two providers, a draft and a conversation that is closed."""

    address: str
    workspace: UUID
    twilio: TwilioTwin
    automation: UUID
    conversation: UUID

    @property
    def sends(self) -> dict[str, Any]:
        """The settings of the step that sends."""
        document = drafts.load(self.workspace, self.automation).document
        return next(dict(step.config) for step in document.steps if step.id == "send")


@pytest.fixture
def twilio() -> Iterator[TwilioTwin]:
    with TwilioTwin() as twin:
        twin.add_template("bike_ready", BODY, variables={"1": "Lea", "2": "city bike"})
        twin.add_template("spring_offer", "20% off, {{1}}!", approval="rejected", reason="It is marketing.")
        yield twin
        assert twin.refused == []


@pytest.fixture
def ghl() -> Iterator[GhlTwin]:
    with GhlTwin() as twin:
        twin.add_template("Welcome", body=SAVED)
        yield twin
        assert twin.refused == []


@pytest.fixture
def desk(database_url: str, home: Path, twilio: TwilioTwin, ghl: GhlTwin) -> Iterator[Desk]:
    configure(database_url)
    workspace = an_office("builder")
    by_token(ghl, workspace)
    document = Automation(name="Bikes")
    for node in ("message_received@1", "send_message@1"):
        document, _ = editing.add_step(document, node, after=None)
    automation = drafts.create(workspace, None, name=document.name, document=document)
    conversation = _closed_conversation(workspace, twilio)
    with pages(database_url, home) as address:
        yield Desk(address, workspace, twilio, automation, conversation)


def _closed_conversation(workspace: UUID, twilio: TwilioTwin) -> UUID:
    at = datetime.now(UTC) - timedelta(hours=30)
    config = {"account_sid": ACCOUNT_SID, "from_number": OUR_NUMBER, "base_url": twilio.base_url}
    with transaction(workspace) as tx:
        number = connections.create(tx, workspace, "twilio", "Shop", config, {"auth_token": AUTH_TOKEN}, True)
        lea = a_contact(tx, workspace, name="Lea Moser", phone=LEA)
        made = a_conversation(tx, workspace, lea, number.id, channel="whatsapp", address=LEA, last_inbound_at=at)
        a_message(tx, workspace, made, "Is my bike ready?", created_at=at)
    return made


def test_a_builder_fills_an_approved_template_and_sees_what_would_be_sent(chromium: Browser, desk: Desk) -> None:
    with window(chromium, desk.address, f"/automations?id={desk.automation}", **DESK) as page:
        page.locator("li.item button.main", has_text="Send message").click(timeout=90_000)
        _takes_a_saved_text(page, desk)
        _chooses_and_fills(page, desk)
        preview = page.locator("[class*=st-key-preview]")
        expect(preview).to_contain_text("Hello Contact name, your city bike is ready.")
        assert "{" not in page.locator(".st-key-step_form").inner_text()
        _fits(page)
        _publishes(page, desk)
        _tries(page)


def _takes_a_saved_text(page: Page, desk: Desk) -> None:
    """GoHighLevel's fields become results of earlier steps; what nobody gives is named."""
    page.get_by_role("button", name="Saved texts").click()
    _choose(page, page.get_by_role("combobox", name="Saved text of GoHighLevel"), "Welcome · SMS")
    expect(page.get_by_text("No earlier step gives [location name]")).to_be_visible()
    page.get_by_role("button", name="Copy it into the field").click()
    expect(page.get_by_role("textbox", name="Text", exact=True)).to_contain_text("Message received: Contact name")
    assert desk.sends["text"] == "Hi {{message.contact_name}}, thanks for writing to [location name]!"


def _chooses_and_fills(page: Page, desk: Desk) -> None:
    page.get_by_text(FOLD).click()
    expect(page.get_by_text("Spring offer (en): refused by WhatsApp: It is marketing.")).to_be_visible()
    _choose(page, page.get_by_role("combobox", name="Approved template"), "Bike ready (en)")
    page.get_by_role("button", name="Insert a result into Blank 1").click()
    page.locator(".menu:not([hidden]) button.entry", has_text="Contact name").click()
    otherwise = page.get_by_role("textbox", name="Blank 1, where that is empty")
    otherwise.fill("there")
    page.get_by_role("textbox", name="Blank 2", exact=True).click()
    page.keyboard.type("city bike")
    otherwise.click()
    until(lambda: [_told(blank) for blank in desk.sends["template"]["blanks"]] == [("{{message.contact_name}}", "there"), ("city bike", "")], what="the blanks are kept", seconds=30)  # fmt: skip


def _told(blank: dict[str, str]) -> tuple[str, str]:
    return blank["value"].strip(), blank["otherwise"]


def _publishes(page: Page, desk: Desk) -> None:
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("button", name="Publish now").click()
    until(lambda: _versions(desk) == 1, what="version 1 is live", seconds=30)
    page.keyboard.press("Escape")


def _versions(desk: Desk) -> int:
    with transaction(desk.workspace) as tx:
        return len(versions(tx, desk.automation))


def _tries(page: Page) -> None:
    page.get_by_role("tab", name="science icon Test").click()
    page.get_by_label("What the customer writes").fill("Is it ready?")
    _choose(page, page.get_by_role("combobox", name="Arrives by"), "WhatsApp")
    page.get_by_role("button", name="Run the test").click()
    would = page.get_by_text("after 24 hours without a message of theirs the approved template").first
    expect(would).to_contain_text("your city bike is ready")
    _fits(page)


def test_an_agent_sends_an_approved_template_where_free_text_is_not_taken(chromium: Browser, desk: Desk) -> None:
    desk.twilio.closed_windows.add(f"whatsapp:{LEA}")
    with window(chromium, desk.address, f"/conversations?c={desk.conversation}", **PHONE) as page:
        page.get_by_role("button", name="Send an approved template").click(timeout=90_000)
        _choose(page, page.get_by_role("combobox", name="Template"), "Bike ready (en)")
        page.get_by_role("textbox", name="Blank 1").fill("Lea")
        page.get_by_role("textbox", name="Blank 2").fill("city bike")
        expect(page.locator(".st-key-approved_preview")).to_contain_text("Hello Lea, your city bike is ready.")
        _fits(page)
        page.get_by_role("button", name="Send it").click()
        bubble = page.get_by_role("log", name="Messages").locator(".message.out.human")
        expect(bubble).to_contain_text("Hello Lea, your city bike is ready.")
        expect(bubble).to_contain_text("Approved template “Bike ready”")
        _deliver()
        expect(bubble.locator(".state.sent")).to_be_visible()  # the page hears of it by itself
        _fits(page)
    [sent] = desk.twilio.sent
    assert (sent.to, bool(sent.content_sid)) == (f"whatsapp:{LEA}", True)


def _deliver() -> None:
    """The worker's part."""
    delivery = Delivery("a test", 60, Accounts())
    for ready in delivery.claim(10):
        delivery.perform(ready)


def _fits(page: Page) -> None:
    """Nothing stands out of the window, at neither width."""
    now = page.viewport_size
    assert now is not None
    for size in (DESK, PHONE, now):
        page.set_viewport_size(size)
        page.wait_for_function(f"({WIDER})().length === 0")


def _choose(page: Page, menu: Locator, option: str) -> None:
    menu.scroll_into_view_if_needed()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    menu.click()
    page.get_by_role("option", name=option, exact=True).click()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
