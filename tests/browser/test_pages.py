"""The real pages in a real browser: sign in, watch a message arrive, take over, answer, give back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from db.engine import configure, rows, system, transaction
from db.live import publish
from tests.browser.window import CHROMIUM, PHONE, an_office, pages, window
from tests.db.builders import a_contact, a_conversation, a_message
from tests.ports import until

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install it, or name it in CHROMIUM_PATH")


@dataclass(frozen=True)
class Desk:
    """The running pages and one conversation of the AI."""

    address: str
    workspace: UUID
    conversation: UUID


@pytest.fixture
def desk(database_url: str, home: Path) -> Iterator[Desk]:
    configure(database_url)
    workspace = an_office("admin")
    conversation = _seed(workspace)
    with ExitStack() as running:
        address = running.enter_context(pages(database_url, home))
        yield Desk(address, workspace, conversation)
        began = time.monotonic()
    assert time.monotonic() - began < 8  # an open live stream does not hold the server up


@pytest.fixture
def page(chromium: Browser, desk: Desk) -> Iterator[Page]:
    with window(chromium, desk.address, "/conversations", 1280, 800) as page:
        expect(page.locator("button.row", has_text="Nora Quill")).to_be_visible(timeout=90_000)
        yield page


def test_a_conversation_from_the_first_message_to_the_give_back(page: Page, desk: Desk) -> None:
    page.locator("button.row", has_text="Nora Quill").click()
    thread = page.get_by_role("log", name="Messages")
    expect(thread).to_contain_text("Are you open on Sunday?")

    asked = _requests(page)
    _customer_writes(desk, "And on Monday?")
    expect(thread).to_contain_text("And on Monday?", timeout=5_000)
    assert asked == []  # the change came by itself: the page asked for nothing

    page.get_by_role("button", name="Take over").click()
    expect(thread).to_contain_text("Ana Silva took over.")
    assert _conversation(desk)["owner"] == "human"

    field = page.get_by_label("Reply by Web chat")
    field.fill("On Monday from nine.")
    page.get_by_role("button", name="Send").dblclick()
    expect(thread.locator(".message.out.human")).to_have_count(1)
    until(lambda: _replies(desk) == ["On Monday from nine."], what="one reply")
    expect(field).to_have_value("")

    page.get_by_role("button", name="Give back").click()
    page.get_by_label("What should the AI know?").fill("She comes on Monday.")
    page.get_by_role("button", name="Give back to the AI").click()
    expect(thread).to_contain_text("gave the conversation back to the AI")
    assert _conversation(desk)["owner"] == "ai"


def test_a_change_is_on_the_page_at_once(page: Page, desk: Desk) -> None:
    row = page.locator("button.row", has_text="Nora Quill")
    delays = []
    for number in range(5):
        text = f"Message number {number}"
        _customer_writes(desk, text)
        began = time.monotonic()
        expect(row).to_contain_text(text, timeout=5_000)
        delays.append(time.monotonic() - began)
    assert sorted(delays)[2] < 1.5, delays  # far below any polling interval, on a busy machine too


def test_a_draft_survives_a_look_at_another_conversation(page: Page, desk: Desk) -> None:
    with transaction(desk.workspace) as tx:
        other = a_conversation(tx, desk.workspace, a_contact(tx, desk.workspace, name="Tom Becker"))
        a_message(tx, desk.workspace, other)
        publish(tx, desk.workspace, "message", conversation=other)
    page.locator("button.row", has_text="Nora Quill").click()
    page.get_by_label("Reply by Web chat").fill("Half a sentence")
    page.locator("button.row", has_text="Tom Becker").click()
    expect(page.get_by_label("Reply by Web chat")).to_have_value("")
    page.locator("button.row", has_text="Nora Quill").click()
    expect(page.get_by_label("Reply by Web chat")).to_have_value("Half a sentence")


def test_what_was_opened_stays_open_when_the_address_comes_late(page: Page, desk: Desk) -> None:
    page.evaluate("history.pushState = history.replaceState = () => {}")  # a report still brings the old address
    page.locator("button.row", has_text="Nora Quill").click()
    thread = page.get_by_role("log", name="Messages")
    expect(thread).to_contain_text("Are you open on Sunday?")
    _customer_writes(desk, "And on Monday?")
    expect(thread).to_contain_text("And on Monday?")


def test_a_reply_that_gets_lost_on_its_way_to_the_page_is_told_again(page: Page, desk: Desk) -> None:
    lost: list[str | bytes] = []

    def lossy(browser_end: WebSocketRoute) -> None:
        server_end = browser_end.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            if not lost and b"On Monday from nine." in (message if isinstance(message, bytes) else message.encode()):
                lost.append(message)
            else:
                server_end.send(message)

        browser_end.on_message(pass_on)

    page.route_web_socket("**/_stcore/stream*", lossy)
    page.reload()
    page.locator("button.row", has_text="Nora Quill").click()
    page.get_by_label("Reply by Web chat").fill("On Monday from nine.")
    page.get_by_role("button", name="Send").click()
    thread = page.get_by_role("log", name="Messages")
    expect(thread.locator(".message.out.human[data-id]")).to_have_count(1)  # what only the browser knows has no id
    expect(thread.locator(".message.out.human")).to_have_count(1)
    assert len(lost) == 1
    assert _replies(desk) == ["On Monday from nine."]


def test_a_narrow_screen_shows_the_list_or_the_thread(page: Page) -> None:
    page.set_viewport_size(PHONE)
    row = page.locator("button.row", has_text="Nora Quill")
    row.click()
    expect(page.get_by_role("log", name="Messages")).to_be_visible()
    expect(row).to_be_hidden()
    page.get_by_role("button", name="Back to the list").click()
    expect(row).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_a_customer_writes_never_becomes_markup(page: Page, desk: Desk) -> None:
    _customer_writes(desk, "<img src=x onerror=\"document.title='owned'\"> <b>bold</b>")
    page.locator("button.row", has_text="Nora Quill").click()
    thread = page.get_by_role("log", name="Messages")
    expect(thread).to_contain_text("<b>bold</b>")
    assert thread.locator("img, b").count() == 0
    assert page.title() != "owned"


def test_signing_out_leads_to_the_sign_in_form(page: Page) -> None:
    page.get_by_role("button", name="Ana Silva").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/auth/sign-in")
    page.go_back()
    expect(page.get_by_label("Password")).to_be_visible()


def _seed(workspace: UUID) -> UUID:
    with transaction(workspace) as tx:
        conversation = a_conversation(
            tx, workspace, a_contact(tx, workspace, name="Nora Quill"), last_message_preview="Are you open?"
        )
        a_message(tx, workspace, conversation)
    return conversation


def _customer_writes(desk: Desk, text: str) -> None:
    with transaction(desk.workspace) as tx:
        a_message(tx, desk.workspace, desk.conversation, text)
        rows(
            tx,
            "UPDATE conversations SET last_message_preview = %(text)s, unread = unread + 1, last_message_at = now()"
            " WHERE id = %(id)s RETURNING 1",
            text=text,
            id=desk.conversation,
        )
        publish(tx, desk.workspace, "message", conversation=desk.conversation)


def _requests(page: Page) -> list[str]:
    """The requests that the page makes from now on."""
    made: list[str] = []
    page.on("request", lambda request: made.append(request.url))
    return made


def _conversation(desk: Desk) -> dict[str, object]:
    with system() as tx:
        return dict(rows(tx, "SELECT owner, assignee_id FROM conversations WHERE id = %(id)s", id=desk.conversation)[0])


def _replies(desk: Desk) -> list[str]:
    with system() as tx:
        return [row["content"] for row in rows(tx, "SELECT content FROM messages WHERE author = 'human' ORDER BY seq")]
