import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from queue import Queue
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from db import connections, contacts, conversations, messages, outbox
from db.conversations import ConversationRow
from db.engine import one, run, system, transaction
from tests.webhook_server.conftest import Site
from webhook_server.limits import CHAT_PER_MINUTE


class Browser:
    """A visitor with its token."""

    def __init__(self, site: Site) -> None:
        self.site = site
        made = site.http.post("/api/chat/visitors")
        assert made.status_code == 201
        self.visitor, self.token = made.json()["visitor"], made.json()["token"]
        self.headers = {"x-visitor-token": self.token}

    def write(self, text: str, message_id: str = "", **headers: str) -> httpx.Response:
        body = {"visitor": self.visitor, "message_id": message_id or str(uuid4()), "text": text, "name": ""}
        return self.site.http.post("/api/chat/messages", json=body, headers=self.headers | headers)

    def read(self, after: int = 0) -> httpx.Response:
        query: dict[str, str | int] = {"visitor": self.visitor, "after": after}
        return self.site.http.get("/api/chat/messages", params=query, headers=self.headers)

    @contextmanager
    def watching(self) -> Iterator["Queue[tuple[str, Any]]"]:
        """The events of the visitor's stream, as they come."""
        seen: Queue[tuple[str, Any]] = Queue()
        with (
            httpx.Client(base_url=self.site.base, timeout=20) as http,
            http.stream("GET", "/api/chat/stream", params={"visitor": self.visitor}, headers=self.headers) as answer,
        ):
            assert answer.status_code == 200
            thread = threading.Thread(target=_collect, args=(answer, seen), daemon=True)
            thread.start()
            yield seen
            self.site.state.hub.close_soon()
            thread.join(10)


def _collect(answer: httpx.Response, seen: "Queue[tuple[str, Any]]") -> None:
    name = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        if line.startswith("data: "):
            seen.put((name, json.loads(line.removeprefix("data: "))))


def arrive(site: Site, browser: Browser, text: str, message_id: str = "") -> ConversationRow:
    """What intake makes of a message."""
    with transaction(site.workspace) as tx:
        contact = contacts.resolve(tx, site.workspace, [("webchat", browser.visitor)], "")
        conversation, _ = conversations.find_or_create(
            tx, site.workspace, contact.id, site.webchat, "webchat", browser.visitor
        )
        provider_id = f"{browser.visitor}:{message_id or uuid4()}"
        messages.record_inbound(tx, conversation, provider_id, text, [], {}, datetime.now(UTC))
        return conversation


def answer(site: Site, conversation: ConversationRow, text: str, state: str = "delivered", **options: Any) -> UUID:
    with transaction(site.workspace) as tx:
        message = outbox.say(
            tx, conversation, options.pop("author", "ai"), {"text": text}, str(uuid4()), answers_up_to=0, **options
        )
        if state != "pending":
            messages.advance_state(tx, message, state)
        return message


def test_a_message_goes_through_the_webhook_door_and_is_kept_once(site: Site) -> None:
    browser = Browser(site)

    answers = [browser.write("Hello", "message-0001") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    (event,) = site.events()
    assert (event["type"], event["connection_id"]) == ("webchat.message", site.webchat)
    assert "x-visitor-token" not in event["payload"]["headers"]


def test_a_foreign_token_opens_nothing(site: Site) -> None:
    mine, theirs = Browser(site), Browser(site)
    mine.visitor = theirs.visitor

    assert mine.write("Hello").status_code == 403
    assert mine.read().status_code == 403
    stream = site.http.get("/api/chat/stream", params={"visitor": theirs.visitor}, headers=mine.headers)
    assert stream.status_code == 403
    assert site.events() == []


def test_the_history_has_what_was_delivered_and_nothing_that_may_still_be_cancelled(site: Site) -> None:
    browser = Browser(site)
    conversation = arrive(site, browser, "Are you open?", "message-0001")
    answer(site, conversation, "Yes.", explanation={"quoted": True})
    answer(site, conversation, "Not sent yet", "pending")
    answer(site, conversation, "Taken back", "cancelled")
    with transaction(site.workspace) as tx:
        messages.record_note(tx, conversation, "For colleagues only")

    shown = browser.read().json()["messages"]

    assert [(m["from"], m["text"], m["quoted"]) for m in shown] == [
        ("visitor", "Are you open?", False),
        ("automatic", "Yes.", True),
    ]
    assert shown[0]["client_id"] == "message-0001"
    assert [m["text"] for m in browser.read(shown[0]["seq"]).json()["messages"]] == ["Yes."]


def test_the_stream_tells_arrival_typing_answer_and_who_joined(site: Site) -> None:
    browser = Browser(site)
    conversation = arrive(site, browser, "Are you open?")
    with browser.watching() as seen:
        assert [m["text"] for m in seen.get(timeout=10)[1]["messages"]] == ["Are you open?"]
        assert seen.get(timeout=10) == ("status", {"typing": False, "owner": "ai", "person": ""})

        with transaction(site.workspace) as tx:
            message = outbox.say(tx, conversation, "ai", {"text": "Yes."}, str(uuid4()), answers_up_to=0)
        assert seen.get(timeout=10)[1]["typing"] is True

        with transaction(site.workspace) as tx:
            run(tx, "UPDATE outbox SET state = 'done'")
            messages.advance_state(tx, message, "delivered")
        assert [m["text"] for m in seen.get(timeout=10)[1]["messages"]] == ["Yes."]
        assert seen.get(timeout=10)[1]["typing"] is False

        with transaction(site.workspace) as tx:
            conversations.move_pen(tx, conversation, "human", site.user)
        assert seen.get(timeout=10) == ("status", {"typing": False, "owner": "human", "person": "Ana Silva"})


def test_a_stream_hears_nothing_of_another_conversation(site: Site) -> None:
    mine, theirs = Browser(site), Browser(site)
    conversation = arrive(site, mine, "Mine")
    other = arrive(site, theirs, "Theirs")
    with mine.watching() as seen:
        seen.get(timeout=10), seen.get(timeout=10)
        answer(site, other, "For them")
        answer(site, conversation, "For me")

        assert [m["text"] for m in seen.get(timeout=10)[1]["messages"]] == ["For me"]


def test_the_page_is_escaped_and_may_be_framed_only_where_allowed(site: Site) -> None:
    with system() as tx:
        run(
            tx,
            "UPDATE workspaces SET settings = %(s)s",
            s={"chat": {"title": '<script>"x"', "welcome": "Hi & welcome", "accent": "red;}"}},
        )
        connections.update(tx, site.webchat, config={"allowed_origins": ["https://shop.example", "https://x;y"]})

    page = site.http.get(f"/chat/{site.webchat}")

    assert '<script>"x"' not in page.text and "Hi &amp; welcome" in page.text and "red;}" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'self' https://shop.example") and "unsafe" not in policy


def test_another_site_may_call_only_where_allowed(site: Site) -> None:
    preflight = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    assert site.http.options("/api/chat/messages", headers=preflight).headers["access-control-allow-origin"] == "*"
    with system() as tx:
        connections.update(tx, site.webchat, config={"allowed_origins": "https://shop.example"})
    site.state.accounts.forget()

    allowed = site.http.post("/api/chat/visitors", headers={"Origin": "https://shop.example"})
    refused = site.http.post("/api/chat/visitors", headers={"Origin": "https://evil.example"})
    own = site.http.post("/api/chat/visitors", headers={"Origin": site.base})

    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    assert (refused.status_code, own.status_code) == (403, 201)
    assert "access-control-allow-credentials" not in allowed.headers


def test_a_visitor_who_writes_too_much_waits(site: Site) -> None:
    browser = Browser(site)
    answers = [browser.write("Hello") for _ in range(CHAT_PER_MINUTE + 1)]

    assert [answer.status_code for answer in answers[:-1]] == [200] * CHAT_PER_MINUTE
    assert answers[-1].status_code == 429 and "Try again in" in answers[-1].json()["error"]["message"]


@pytest.mark.parametrize("path", ["/chat", "/widget.js", "/static/chat.js", "/static/chat.css", "/static/chat-view.js"])
def test_the_files_of_the_chat_are_served(site: Site, path: str) -> None:
    assert site.http.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/static/chat.html", "/static/..%2Fapp.py", "/chat/00000000-0000-4000-8000-000000000000"]
)
def test_nothing_else_is_served(site: Site, path: str) -> None:
    assert site.http.get(path).status_code == 404


def test_no_script_puts_text_into_markup(site: Site) -> None:
    for name in ("widget.js", "static/chat.js", "static/chat-view.js", "static/chat-store.js"):
        assert "innerHTML" not in site.http.get(f"/{name}").text


def test_a_wrong_token_leaves_one_audit_row_a_minute_and_then_has_to_wait(site: Site) -> None:
    browser = Browser(site)
    browser.headers = {"x-visitor-token": "guessed"}
    answers = [browser.read().status_code for _ in range(20)] + [browser.write("Hi").status_code for _ in range(15)]

    assert answers[:30] == [403] * 30
    assert set(answers[31:]) == {429}
    assert site.audit_rows("chat.refused") == 1
    with system() as tx:
        found = one(tx, "SELECT workspace_id, actor, subject FROM audit_log WHERE action = 'chat.refused'")
    assert found == {
        "workspace_id": site.workspace, "actor": "address:127.0.0.1", "subject": f"connection:{site.webchat}",
    }  # fmt: skip
    assert Browser(site).write("Hello").status_code == 200, "who holds the token is not locked out by a neighbour"
