"""Every state of the builder and of the Runs page, each reached as a person would: for pictures, and to be looked over."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, TimeoutError, expect

from flows import editing
from tests.browser.shop import Shop
from tests.browser.window import sign_in

SENTENCE = "When somebody asks for a price, answer from our documents and tag them as a lead."


@dataclass
class Tour:
    """One window that goes from state to state."""

    page: Page
    shop: Shop
    address: str

    def enter(self, who: str, path: str, shown: str) -> None:
        """Sign in, and come to a page on which this text stands."""
        self.page.context.clear_cookies()
        self.page.goto(self.address + path)
        sign_in(self.page, who)
        self.see(shown, timeout=90_000)  # it may be the first page of the program

    def see(self, text: str, timeout: float | None = None) -> None:
        expect(self.page.get_by_text(text).locator("visible=true").first).to_be_visible(timeout=timeout)

    def go(self, to: str) -> None:
        """To another page by its link; where that is folded away, by its address, which is slower."""
        link = self.page.get_by_role("link", name=to, exact=True).first
        box = link.bounding_box()
        if box is not None and box["x"] >= 0:
            self.clear()
            link.click()
        else:
            self.page.goto(f"{self.address}/{to.lower()}")

    def list(self) -> None:
        back = self.button("All").or_(self.button("All automations"))
        if back.is_visible():
            self.clear()
            back.click()
        else:
            self.go("Automations")
        expect(self.page.locator("[class*='st-key-open-']").first).to_be_visible()

    def clear(self) -> None:
        """Nothing lies open above the page."""
        self.page.keyboard.press("Escape")
        self.rest()

    def builder(self, automation: object, tab: str = "Build") -> None:
        self.list()
        self.page.locator(f".st-key-open-{automation} button").click()
        self.tab(tab)
        if tab == "Build":
            expect(self.page.locator("li.item, .palette").first).to_be_visible()

    def runs(self) -> None:
        if "/runs" not in self.page.url:
            self.go("Runs")
        elif self.button("Back to the list").is_visible():
            self.button("Back to the list").click()
        expect(self.page.locator("button.row").first).to_be_visible()

    def choose(self, contact: str) -> None:
        self.rest()
        self.page.locator("button.row", has_text=contact).first.click()
        self.see(f"for {contact}")
        self.rest()

    def pick(self, label: str, option: str) -> None:
        menu = self.page.get_by_role("combobox", name=label)
        menu.scroll_into_view_if_needed()
        self.rest()
        menu.click()
        self.page.get_by_role("option", name=option, exact=True).click()
        self.rest()

    def tab(self, name: str) -> None:
        self.page.locator("[role=tab]", has_text=re.compile(rf"{name}\s*$")).first.click()

    def publish(self) -> None:
        self.clear()
        self.page.get_by_test_id("stPopover").filter(has_text="Publish").get_by_role("button").first.click()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=re.compile(rf"(^|\s){re.escape(name)}$"))

    def press(self, name: str) -> None:
        """Only what is there to stay: what an earlier drawing left is there too for a moment."""
        self.rest()
        self.button(name).click()

    def card(self, title: str) -> None:
        """The settings of a step. On a phone the list of steps comes back first."""
        back = self.button("All steps")
        if back.is_visible():
            back.click()
        name = self.page.locator(".name", has_text=re.compile(f"^{re.escape(title)}$"))
        self.page.locator("li.item button.main").filter(has=name).click()
        self.rest()

    def rest(self) -> None:
        """Everything is drawn, and nothing moves any more."""
        expect(self.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(self.page.locator("[data-testid=stSkeleton], [data-stale=true]")).to_have_count(0)
        with suppress(TimeoutError):  # a page that is live asks for something now and then
            self.page.wait_for_load_state("networkidle", timeout=2_000)


def _list(on: Tour) -> None:
    on.list()
    on.see("Price questions")


def _gallery(on: Tour) -> None:
    on.press("New automation")
    on.see("Use this")


def _sentence(on: Tour) -> None:
    on.tab("Describe it")
    on.page.get_by_label("What should happen?").fill(SENTENCE)


def _empty(on: Tour) -> None:
    on.tab("Templates")
    on.press("Start")
    expect(on.page.locator(".palette")).to_be_visible()


def _steps(on: Tour) -> None:
    on.builder(on.shop.front)


def _palette(on: Tour) -> None:
    on.page.locator("button.add").click()
    on.page.get_by_label("Search for a step").fill("tag")


def _form(on: Tour) -> None:
    on.page.get_by_label("Close").click()
    on.card("Write the answer")
    expect(on.page.get_by_text("Tone").first).to_be_visible()


def _problem(on: Tour) -> None:
    on.builder(on.shop.unfinished)
    on.card("Condition")
    expect(on.page.locator(".st-key-step_form .problem").first).to_be_visible()


def _menu(on: Tour) -> None:
    on.card("Notify colleagues")
    on.page.get_by_role("button", name="Insert a result into Text").click()
    expect(on.page.locator("button.entry:visible").first).to_be_visible()
    on.page.locator("button.entry:visible").nth(4).scroll_into_view_if_needed()


def _conditions(on: Tour) -> None:
    on.builder(on.shop.front)
    on.card("Write the answer")
    on.page.get_by_text("Runs", exact=True).last.scroll_into_view_if_needed()


def _publish(on: Tour) -> None:
    on.publish()
    expect(on.button("Publish now")).to_be_visible()


def _not_yet(on: Tour) -> None:
    on.card("Tag contact")
    on.publish()
    on.see("Not yet: 4 things are open")


def _published(on: Tour) -> None:
    on.clear()
    on.tab("Build")
    on.publish()
    on.page.get_by_label("Note (optional)").fill("A first thank-you")
    on.press("Publish now")
    on.see("Version 1 is live")
    on.page.mouse.wheel(0, -9999)


def _template(on: Tour) -> None:
    on.builder(on.shop.quick)
    on.card("Send message")
    on.page.get_by_text("When WhatsApp's 24 hours are over").click()
    on.pick("Approved template", "Next visit (en)")
    on.page.get_by_role("button", name="Insert a result into Blank 1").click()
    on.page.locator(".menu:not([hidden]) button.entry", has_text="Contact name").click()
    otherwise = on.page.get_by_role("textbox", name="Blank 1, where that is empty")
    otherwise.fill("there")
    otherwise.blur()
    on.see("What the customer gets then")
    on.rest()
    otherwise.scroll_into_view_if_needed()


def _sample(on: Tour) -> None:
    on.builder(on.shop.quick, "Test")
    on.page.get_by_text("The sample", exact=True).click()
    expect(on.page.get_by_text("The example that each step brings along.")).to_be_visible()
    on.press("Run the test")
    expect(on.page.get_by_text("Run it again")).to_be_visible()


def _past(on: Tour) -> None:
    on.page.get_by_text("A past message", exact=True).click()
    on.page.locator("button.row", has_text="Peter Ott").click()
    expect(on.page.get_by_text("Would send to Peter Ott").first).to_be_visible()


def _by_hand(on: Tour) -> None:
    change = on.page.get_by_role("button", name="Change what it got").last
    change.evaluate("e => e.scrollIntoView({block: 'center'})")  # so that there is room for what opens
    change.click()
    expect(on.button("Run on from here with this")).to_be_visible()


def _compared(on: Tour) -> None:
    on.builder(on.shop.front, "Backtest")
    expect(on.page.get_by_text("Draft", exact=True).first).to_be_visible()


def _review(on: Tour) -> None:
    on.page.get_by_role("button", name="Review").first.click()
    expect(on.page.get_by_label("Note (optional)")).to_be_visible()


def _gate(on: Tour) -> None:
    on.clear()
    on.page.get_by_text("Publish only when nothing is worse").click()
    on.publish()
    on.see("nobody has looked at that yet")


def _comparing(on: Tour) -> None:
    on.shop.half_done()
    on.builder(on.shop.front, "Backtest")
    on.see("Comparing: 14 of 37")


def _versions(on: Tour) -> None:
    on.tab("Versions")
    on.page.get_by_text("What changed since version 1").click()
    on.rest()


def _back(on: Tour) -> None:
    on.page.get_by_role("button", name="Go back to this").click()
    expect(on.button("Yes, go back")).to_be_visible()


def _newer(on: Tour) -> None:
    on.builder(on.shop.offers)
    on.card("A customer writes")
    name = on.page.get_by_role("textbox", name="Name of the step")
    name.fill("Somebody writes")
    on.page.keyboard.press("Tab")
    expect(on.page.get_by_text("Saved")).to_be_visible()
    _rename(on, "message", "A price is asked for")
    expect(on.page.get_by_role("button", name="Show the newest")).to_be_visible()
    name.fill("Somebody asks")
    on.page.keyboard.press("Tab")
    expect(on.page.get_by_text("your last change is not saved")).to_be_visible()


def _rename(on: Tour, step: str, title: str) -> None:
    on.shop.edit(on.shop.offers, lambda doc: editing.set_title(doc, step, title), by=on.shop.people["admin"])


def _template_reply(on: Tour) -> None:
    on.page.goto(f"{on.address}/conversations?c={on.shop.closed}")
    on.page.get_by_role("button", name="Send an approved template").click()
    on.pick("Template", "Next visit (en)")
    blank = on.page.get_by_role("textbox", name="Blank 1")
    blank.fill("Ida")
    blank.blur()
    on.see("Hello Ida, it is time")


def _approvals(on: Tour) -> None:
    on.go("Handoffs")
    on.see("Waiting for approval")


def _changed(on: Tour) -> None:
    on.page.get_by_label("The text", exact=True).fill("Good morning Tom, for children a cleaning costs 75 CHF.")
    on.page.keyboard.press("Tab")
    expect(on.button("Approve with changes")).to_be_visible()


def _runs(on: Tour) -> None:
    on.runs()


def _many(on: Tour) -> None:
    on.page.get_by_role("button", name=re.compile("Let failed runs go on")).click()
    expect(on.page.get_by_role("button", name=re.compile(r"^Let \d go on"))).to_be_visible()


def _run(on: Tour) -> None:
    on.clear()
    on.choose("Mia Keller")
    expect(on.page.get_by_text("Answered, and no person was needed.").locator("visible=true").first).to_be_visible()


def _prompt(on: Tour) -> None:
    on.page.get_by_test_id("stExpander").filter(has_text="Write the answer").first.click()
    on.page.get_by_text("What the model was asked").first.click()
    on.page.get_by_text("What it answered").first.scroll_into_view_if_needed()


def _passages(on: Tour) -> None:
    on.page.get_by_test_id("stExpander").filter(has_text="What the documents say").first.click()
    on.page.get_by_text("A cleaning with polish").first.scroll_into_view_if_needed()


def _diagram(on: Tour) -> None:
    on.tab("Diagram")
    expect(on.page.locator(".diagram")).to_be_visible()


def _undo(on: Tour) -> None:
    on.runs()
    on.choose("Nora Quill")
    on.page.get_by_text("What it changed in the CRM").click()
    on.press("Undo…")
    expect(on.button("Undo these")).to_be_visible()


def _nothing(on: Tour) -> None:
    on.runs()
    on.page.get_by_text("Not started", exact=True).click()
    expect(on.page.get_by_text("an arrival could not be taken in")).to_be_visible()


def _why(on: Tour) -> None:
    on.page.get_by_role("button", name="Every reason").first.click()
    expect(on.page.get_by_role("dialog")).to_be_visible()


def _no_run_fits(on: Tour) -> None:
    on.clear()
    on.page.get_by_text("Runs", exact=True).locator("visible=true").last.click()
    on.page.get_by_label("Contact", exact=True).fill("nobody of this name")
    on.page.keyboard.press("Enter")
    expect(on.page.get_by_text("No runs fit")).to_be_visible()


def _viewer(on: Tour) -> None:
    on.enter("viewer", "/automations", "Price questions")


def _read_only(on: Tour) -> None:
    on.builder(on.shop.front)
    on.card("Write the answer")
    on.see("Your role may look")


def _viewer_backtest(on: Tour) -> None:
    on.tab("Backtest")
    on.see("The answer reads differently")


def _viewer_run(on: Tour) -> None:
    on.runs()
    on.choose("Jon Brandt")
    on.see("the model did not answer in time")


def _viewer_approval(on: Tour) -> None:
    on.go("Handoffs")
    on.see("Waiting for approval")


def _no_automation(on: Tour) -> None:
    on.enter("newcomer", "/automations", "No automation yet")


def _no_run(on: Tour) -> None:
    on.go("Runs")
    on.see("No runs yet")


def _no_reason(on: Tour) -> None:
    on.page.get_by_text("Not started", exact=True).click()
    on.see("Nothing was left out")


def _no_conversation(on: Tour) -> None:
    on.go("Conversations")
    on.see("No conversations yet")


def _no_handoff(on: Tour) -> None:
    on.go("Handoffs")
    on.see("Nobody is waiting")


STATES: tuple[tuple[str, Callable[[Tour], None]], ...] = (
    ("list", _list),
    ("gallery", _gallery),
    ("sentence", _sentence),
    ("empty", _empty),
    ("steps", _steps),
    ("palette", _palette),
    ("form", _form),
    ("problem", _problem),
    ("reference-menu", _menu),
    ("publish-not-yet", _not_yet),
    ("conditions", _conditions),
    ("publish", _publish),
    ("template", _template),
    ("test-sample", _sample),
    ("test-past", _past),
    ("test-edit", _by_hand),
    ("published", _published),
    ("backtest", _compared),
    ("backtest-review", _review),
    ("backtest-gate", _gate),
    ("backtest-running", _comparing),
    ("versions", _versions),
    ("versions-back", _back),
    ("conflict", _newer),
    ("template-reply", _template_reply),
    ("approvals", _approvals),
    ("approvals-edited", _changed),
    ("runs", _runs),
    ("runs-bulk", _many),
    ("run", _run),
    ("run-prompt", _prompt),
    ("run-passages", _passages),
    ("run-diagram", _diagram),
    ("run-undo", _undo),
    ("why-list", _nothing),
    ("why", _why),
    ("runs-empty", _no_run_fits),
    ("viewer-list", _viewer),
    ("viewer-builder", _read_only),
    ("viewer-backtest", _viewer_backtest),
    ("viewer-run", _viewer_run),
    ("viewer-approval", _viewer_approval),
    ("nothing-automations", _no_automation),
    ("nothing-runs", _no_run),
    ("nothing-not-started", _no_reason),
    ("nothing-conversations", _no_conversation),
    ("nothing-handoffs", _no_handoff),
)
