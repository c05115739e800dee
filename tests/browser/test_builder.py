"""The automation builder in a real browser, as somebody new uses it: from signing in to an answer in the web chat."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from db import users
from db.engine import configure, system
from db.records import Role
from flows import drafts, editing
from flows.automation import Automation
from flows.publish import publish
from tests.browser.window import CHROMIUM, PASSWORD, note_errors, pages, serving
from tests.flows.rig import FakeModel, Rig
from tests.ports import free_port, until

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install it, or name it in CHROMIUM_PATH")
OpenPage = Callable[..., Page]
MOST_CLICKS = 25
PEOPLE: dict[Role, str] = {"builder": "Ana Silva", "viewer": "Vic Lund"}
STEPS = ("May the AI answer?", "Recall conversation", "Search documents", "AI answer", "Send message")
REPLY = '{"reply": "On Saturday we open at ten.", "needs_person": false, "reason": "", "used_passages": []}'

# What stands out of the window on the right, also within components. Live parts and styles have no height.
WIDER = """() => {
  const every = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? every(e.shadowRoot) : [])]);
  return every(document.querySelector("[data-testid=stMain]"))
    .filter((e) => { const box = e.getBoundingClientRect(); return box.height > 0 && box.width > 0 && box.right > innerWidth + 1; })
    .map((e) => `${e.tagName}.${e.className}`);
}"""


@dataclass
class Desk:
    """The running pages over one database; the worker's part is moved along by hand."""

    address: str
    rig: Rig
    environment: dict[str, str]


@dataclass
class Walk:
    """A person at the page: every click is counted, and what it was for is written down with its time."""

    page: Page
    began: float = field(default_factory=time.monotonic)
    clicks: int = 0

    def click(self, what: str, where: Locator) -> None:
        where.click()
        self.clicks += 1
        print(f"{self.clicks:3}. {time.monotonic() - self.began:5.1f} s  {what}")

    def note(self, what: str) -> None:
        print(f"     {time.monotonic() - self.began:5.1f} s  {what}")


@pytest.fixture
def desk(database_url: str, home: Path) -> Iterator[Desk]:
    configure(database_url)
    rig = Rig(model=FakeModel(reply=REPLY))
    with system() as tx:
        for role, name in PEOPLE.items():
            user = users.create(tx, f"{role}@example.com", name, PASSWORD)
            users.add_member(tx, rig.workspace, user.id, role)
    environment = {"DATABASE_URL": database_url, "FRONTDESK_HOME": str(home)}
    with pages(database_url, home) as address:
        yield Desk(address, rig, environment)


@pytest.fixture
def open_page(chromium: Browser, desk: Desk) -> Iterator[OpenPage]:
    """Windows at the sign-in form by role; the test fails when one of them raised in the browser."""
    trouble: list[str] = []
    with ExitStack() as stack:

        def go(role: Role = "builder", path: str = "/automations") -> Page:
            context = stack.enter_context(closing(chromium.new_context(viewport={"width": 1440, "height": 900})))
            page = context.new_page()
            note_errors(page, trouble)
            page.goto(desk.address + path)
            page.get_by_label("E-mail").fill(f"{role}@example.com")
            page.get_by_label("Password").fill(PASSWORD)
            return page

        yield go
    assert trouble == []


def test_somebody_new_publishes_six_steps_that_answer_in_at_most_25_clicks(open_page: OpenPage, desk: Desk) -> None:
    with _door(desk) as address:
        page = open_page(path="/")
        walk = Walk(page)
        _build_and_publish(walk)
        page.goto(f"{address}/chat/{desk.rig.webchat}")
        page.get_by_label("Your message").fill("When do you open on Saturday?")
        page.get_by_role("button", name="Send").click()
        until(lambda: desk.rig.query("SELECT 1 FROM events_queue"), what="the message arrived")
        walk.note("a customer has written in the web chat")
        until(lambda: _is_answered(desk), what="the message is answered")
        expect(page.get_by_role("log")).to_contain_text("On Saturday we open at ten.")
    walk.note(f"the customer reads the answer, after {walk.clicks} clicks and no typed syntax")
    assert walk.clicks <= MOST_CLICKS


def _build_and_publish(walk: Walk) -> None:
    page = walk.page
    walk.click("Sign in", page.get_by_role("button", name="Sign in"))
    walk.click("Automations", page.get_by_role("link", name="Automations", exact=True).first)
    walk.click("New automation", page.get_by_role("button", name="New automation"))
    walk.click("Start from nothing", page.get_by_role("button", name="Start", exact=True))
    walk.click("Step 1: Message received", _in_palette(page, "Message received"))
    for number, title in enumerate(STEPS, 2):
        expect(_cards(page)).to_have_count(number - 1)
        walk.click("Add a step", page.locator("button.add"))
        walk.click(f"Step {number}: {title}", _in_palette(page, title))
    expect(_cards(page)).to_have_count(6)
    expect(page.get_by_text("Saved")).to_be_visible()
    walk.click("Publish", page.get_by_role("button", name="Publish", exact=True))
    walk.click("Publish now", page.get_by_role("button", name="Publish now"))
    expect(page.get_by_text("Live: version 1")).to_be_visible()
    walk.note("version 1 is live")


def test_cards_and_texts_are_changed_without_losing_anything(open_page: OpenPage, desk: Desk) -> None:
    automation = _draft(desk, ("message_received@1", "send_message@1", "wait@1", "notify@1"))
    page = _enter(open_page("builder", f"/automations?id={automation}"))
    expect(_cards(page)).to_have_count(4)

    # A result of an earlier step goes in where the cursor is, and what was typed last survives a click elsewhere.
    _card(page, "Send message").click()
    text = page.get_by_role("textbox", name="Text")
    text.click()
    page.keyboard.type("Hello")
    until(lambda: _texts(desk, automation) == ["Hello"], what="a pause in typing keeps the text", seconds=30)
    expect(page.get_by_text("to finish before")).to_have_count(0)  # nothing is missing any more, and the cursor stays
    page.keyboard.type(" , one moment.")
    for _ in range(len(", one moment.")):
        page.keyboard.press("ArrowLeft")
    insert = page.get_by_role("button", name="Insert a result into Text")
    insert.click()
    page.get_by_role("textbox", name="Name of the step").click()
    expect(page.locator("button.entry:visible")).to_have_count(0)
    insert.click()
    page.locator("button.entry", has_text="Contact name").click()
    page.keyboard.press("End")
    page.keyboard.type(" Soon!")
    _card(page, "Wait").click()
    until(
        lambda: _texts(desk, automation) == ["Hello {{message.contact_name}} , one moment. Soon!"],
        what="the text is kept",
        seconds=30,
    )

    # Moved by the menu, dragged with the mouse, switched off, and brought back by Undo.
    _menu(page, "Notify colleagues", "Move up")
    until(lambda: _order(desk, automation) == ["message", "send", "notify", "wait"], what="it is moved", seconds=30)
    expect(_cards(page).nth(2)).to_contain_text("Notify colleagues")  # drawn anew: nothing is replaced under the mouse
    _at_rest(page)
    _card(page, "Wait").drag_to(_card(page, "Send message"), target_position={"x": 60, "y": 4})
    until(lambda: _order(desk, automation) == ["message", "wait", "send", "notify"], what="it is dragged", seconds=30)
    _menu(page, "Wait", "Switch off")
    expect(page.locator(".card.off")).to_have_count(1)
    _menu(page, "Send message", "Remove")
    expect(_cards(page)).to_have_count(3)
    _at_rest(page)
    page.get_by_role("button", name="Undo").click()
    expect(_cards(page)).to_have_count(4)

    # A second builder: told plainly, nothing overwritten.
    _at_rest(page)
    with_theirs = editing.set_title(drafts.load(desk.rig.workspace, automation).document, "notify", "Tell the team")
    drafts.save(desk.rig.workspace, None, automation, with_theirs, drafts.load(desk.rig.workspace, automation).revision)
    expect(page.get_by_role("button", name="Show the newest")).to_be_visible()
    _menu(page, "Wait", "Remove")
    expect(page.get_by_text("your last change is not saved")).to_be_visible()
    assert _order(desk, automation) == ["message", "wait", "send", "notify"]
    page.get_by_role("button", name="Keep mine as a copy").click()
    expect(page.get_by_text("(my version)")).to_be_visible()
    expect(_cards(page)).to_have_count(3)
    assert drafts.load(desk.rig.workspace, automation).document == with_theirs

    viewer = _enter(open_page("viewer", f"/automations?id={automation}"))
    expect(_cards(viewer)).to_have_count(4)
    expect(viewer.locator("button.add, button.dots")).to_have_count(0)
    expect(viewer.get_by_role("button", name="Publish")).to_have_count(0)


def test_every_element_is_sent_whole(open_page: OpenPage, desk: Desk) -> None:
    """A reference to an element that the browser has outlives the container it belongs to when a run is overtaken."""
    sent: list[str | None] = []
    automation = _draft(desk, ("message_received@1", "send_message@1"))
    page = _enter(open_page("builder", f"/automations?id={automation}"))
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sent.append(_kind(frame))))
    page.reload()
    for title in ("Send message", "Message received", "Send message"):
        _card(page, title).click()
        _at_rest(page)
    assert {"delta", "script_finished"} <= set(sent)
    assert "ref_hash" not in sent


def _kind(frame: str | bytes) -> str | None:
    assert isinstance(frame, bytes)
    kind: str | None = ForwardMsg.FromString(frame).WhichOneof("type")
    return kind


def test_a_test_says_what_would_happen_and_nothing_leaves(open_page: OpenPage, desk: Desk) -> None:
    automation = _draft(desk, ("message_received@1", "send_message@1"), text="We open at nine.")
    page = _enter(open_page("builder", f"/automations?id={automation}"))
    _tab(page, "Test").click()
    page.get_by_label("What the customer writes").fill("When do you open?")
    page.get_by_role("button", name="Run the test").click()
    expect(page.get_by_text("Would send to Sam Sample by web chat").first).to_be_visible()
    page.get_by_role("button", name="Keep this result").last.click()
    expect(page.get_by_role("button", name="Release 1 kept")).to_be_visible()
    page.get_by_role("button", name="Run it again").click()
    expect(page.get_by_text("It would have done nothing").first).to_be_visible()  # a kept step is not run
    assert desk.rig.query("SELECT 1 FROM outbox") == []
    assert desk.rig.query("SELECT 1 FROM runs") == []


@pytest.mark.parametrize("width", [1440, 390])
def test_no_state_is_wider_than_the_window(open_page: OpenPage, desk: Desk, width: int) -> None:
    automation = _draft(desk, ("message_received@1", "gate@1", "generate@1", "send_message@1"), published=True)
    _draft(desk, ("message_received@1", "hand_off@1"))
    page = open_page("builder")
    page.set_viewport_size({"width": width, "height": 844})
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="New automation")).to_be_visible()
    _fits(page, "list")
    page.goto(f"{desk.address}/automations?new=1")
    expect(page.get_by_role("button", name="Use this").first).to_be_visible()
    _fits(page, "gallery")
    page.locator(".st-key-template_lead_capture").get_by_role("button", name="Use this").click()
    expect(_cards(page)).to_have_count(15)
    expect(_cards(page).first).to_be_in_viewport()  # far down was scrolled, and what is opened begins at its top
    page.goto(f"{desk.address}/automations?id={automation}")
    expect(_cards(page)).to_have_count(4)
    _fits(page, "steps")
    page.locator("button.add").click()
    _fits(page, "palette")
    page.get_by_label("Close").click()
    _card(page, "AI answer").click()
    expect(page.get_by_role("textbox", name="Tone")).to_be_visible()
    _fits(page, "form")
    for name, shown in (("Test", "Run a test"), ("Backtest", "No comparison yet"), ("Versions", "Version 1")):
        _tab(page, name).click()
        expect(page.get_by_text(shown)).to_be_visible()
        _fits(page, name.lower())


def _enter(page: Page) -> Page:
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("li.item").first).to_be_visible(timeout=90_000)  # the first page of the program
    return page


def _cards(page: Page) -> Locator:
    return page.locator("li.item")


def _card(page: Page, title: str) -> Locator:
    return page.locator("button.main").filter(has=_titled(page, title))


def _at_rest(page: Page) -> None:
    """What was done last is drawn. A person looks before the next click; a program must be told to."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def _menu(page: Page, title: str, entry: str) -> None:
    _at_rest(page)
    page.get_by_label(f"More for {title}").click()
    page.get_by_role("menuitem", name=entry).click()


def _in_palette(page: Page, title: str) -> Locator:
    return page.locator("button.node").filter(has=_titled(page, title))


def _titled(page: Page, title: str) -> Locator:
    return page.locator(".name", has_text=re.compile(f"^{re.escape(title)}$"))


def _tab(page: Page, name: str) -> Locator:
    return page.locator("[role=tab]", has_text=re.compile(rf"{name}\s*$"))


def _fits(page: Page, state: str) -> None:
    """Nothing of the page is wider than the window. With FRONTDESK_SCREENSHOTS it is also pictured, into that folder."""
    page.wait_for_load_state("networkidle")
    width = page.evaluate("window.innerWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width, state
    assert page.evaluate(WIDER) == [], state
    if folder := os.environ.get("FRONTDESK_SCREENSHOTS"):
        expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)
        page.screenshot(path=f"{folder}/builder-{state}-{width}.png")


def _draft(desk: Desk, nodes: tuple[str, ...], *, text: str = "", published: bool = False) -> UUID:
    document = Automation(name=f"Desk with {len(nodes)} steps")
    for node in nodes:
        document, made = editing.add_step(document, node, after=None)
        if text and node.startswith("send_message"):
            document = editing.set_config(document, made, "text", text)
    automation = drafts.create(desk.rig.workspace, None, name=document.name, document=document)
    if published:
        publish(desk.rig.workspace, automation, None, "The first one")
    return automation


def _order(desk: Desk, automation: UUID) -> list[str]:
    return [step.id for step in drafts.load(desk.rig.workspace, automation).document.steps]


def _texts(desk: Desk, automation: UUID) -> list[str]:
    steps = drafts.load(desk.rig.workspace, automation).document.steps
    return [step.config["text"] for step in steps if "text" in step.config]


@contextmanager
def _door(desk: Desk) -> Iterator[str]:
    """The webhook server with the web chat."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = ["-m", "uvicorn", "webhook_server.app:app", "--host", "127.0.0.1", "--port", str(port)]
    with serving(command, port, desk.environment | {"FRONTDESK_PUBLIC_URL": address}):
        yield address


def _is_answered(desk: Desk) -> bool:
    desk.rig.settle()
    return bool(desk.rig.query("SELECT 1 FROM messages WHERE direction = 'out' AND state = 'delivered'"))
