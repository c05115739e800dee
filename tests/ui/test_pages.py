"""Every page draws, for an empty workspace and for a busy one, and shows no more than the role allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from streamlit.runtime import context
from streamlit.testing.v1 import AppTest

from db import connections, users
from db.engine import rows, system, transaction
from db.records import Role
from tests.db.builders import a_contact, a_conversation, a_handoff, a_message, a_run, a_step, an_automation
from tests.fakes.twilio_twin import ACCOUNT_SID, AUTH_TOKEN, TwilioTwin
from tests.ui.conftest import Office
from ui import cookies, inbox

ROUTER = Path(__file__).parents[2] / "ui" / "router.py"
PAGES = ("home", "conversations", "handoffs", "runs", "automations", "settings")
DOCUMENT = {
    "format": 1,
    "name": "Front desk",
    "steps": [
        {"id": "message", "node": "message_received@1"},
        {"id": "gate", "node": "gate@1", "title": "May it answer?"},
        {"id": "send", "node": "send_message@1", "when": [{"value": "gate.may_answer", "is": True}]},
    ],
}


@dataclass
class Browser:
    """What Streamlit knows of a browser; its tests cannot send cookies themselves."""

    cookies: dict[str, str]


@pytest.fixture
def visit(office: Office, monkeypatch: pytest.MonkeyPatch) -> Any:
    def go(page: str, role: Role = "admin", **query: str) -> AppTest:
        browser = Browser({cookies.SESSION: office.token(role)})
        monkeypatch.setattr(context, "_get_client_context", lambda: browser)
        test = AppTest.from_file(str(ROUTER), default_timeout=30).run()
        for name, value in query.items():
            test.query_params[name] = value
        return test.switch_page(f"app_pages/{page}.py").run()

    return go


@pytest.fixture
def busy(office: Office) -> dict[str, UUID]:
    """A conversation with a request for a person, a run with its journal, and a connection that does not work."""
    with transaction(office.workspace) as tx:
        contact = a_contact(tx, office.workspace, name="Nora Quill", phone="+14155550123")
        conversation = a_conversation(tx, office.workspace, contact, channel="whatsapp", owner="human", unread=1)
        a_message(tx, office.workspace, conversation, "Can I *talk* to somebody?")
        handoff = a_handoff(tx, office.workspace, conversation, priority="urgent", summary="Wants a refund.")
        automation = an_automation(tx, office.workspace, DOCUMENT, name="Front desk")
        run = a_run(tx, office.workspace, automation, conversation, outcome="Answered.", contact_id=contact)
        a_step(tx, office.workspace, run, "gate", 1, node="gate@1", output={"may_answer": True, "reason": ""})
        made = connections.create(tx, office.workspace, "twilio", "Main number", {"account_sid": "AC1"}, {"auth_token": "hush"}, True)  # fmt: skip
        connections.pause(tx, made.id, "Twilio does not accept the auth token.")
    return {"conversation": conversation, "handoff": handoff, "run": run}


def told(test: AppTest) -> str:
    """Everything that the page says in words."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "warning", "info", "error", "success")
    return "\n".join(str(getattr(element, "value", "")) for kind in kinds for element in test.get(kind))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_an_empty_workspace_draws(visit: Any, page: str) -> None:
    assert not visit(page).exception


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_a_busy_workspace_draws(visit: Any, busy: dict[str, UUID], page: str) -> None:
    assert not visit(page, c=str(busy["conversation"]), run=str(busy["run"])).exception


def test_without_a_conversation_one_is_led_to_the_web_chat(visit: Any) -> None:
    test = visit("conversations")
    assert "No conversations yet" in told(test)
    assert "Choose a conversation" not in told(test)
    [link] = test.get("link_button")
    assert (link.proto.label, link.proto.url.endswith("/chat")) == ("Open the web chat", True)


def test_with_conversations_one_is_asked_to_choose(visit: Any, busy: dict[str, UUID]) -> None:
    test = visit("conversations")
    assert "Choose a conversation" in told(test)
    assert not test.get("link_button")


def test_home_names_what_is_wrong_and_what_to_do(visit: Any, busy: dict[str, UUID]) -> None:
    text = told(visit("home"))
    assert "Main number is paused" in text
    assert "does not accept the auth token" in text
    assert "No language model is connected" in text


def test_settings_never_show_a_secret(visit: Any, busy: dict[str, UUID]) -> None:
    test = visit("settings")
    assert "hush" not in told(test) + "".join(str(field.value) for field in test.text_input)


def test_a_connection_is_tested_with_a_button(visit: Any, busy: dict[str, UUID], office: Office) -> None:
    def press(test: AppTest) -> str:
        next(button for button in test.button if button.label == "Test").click().run()
        return told(test)

    with TwilioTwin() as twin:
        values = {"account_sid": ACCOUNT_SID, "from_number": "+14155550123", "base_url": twin.base_url}
        with transaction(office.workspace) as tx:
            [made] = connections.of_kind(tx, "twilio")
            connections.update(tx, made.id, config=values, secrets={"auth_token": AUTH_TOKEN})
        assert "It works." in press(visit("settings"))
        twin.account_status = "suspended"
        assert "account is suspended" in press(visit("settings"))


def test_an_admin_removes_a_colleague_but_never_the_last_admin(visit: Any, office: Office) -> None:
    def remove(role: Role) -> list[str]:
        test = visit("settings")
        next(button for button in test.button if button.key == f"remove:{office.people[role]}").click().run()
        return [toast.value for toast in test.toast]

    assert remove("agent") == ["The person is removed."]
    assert "Make somebody else an admin first" in remove("admin")[0]
    with system() as tx:
        assert {member.role for member in users.members(tx)} == {"admin", "viewer"}


@pytest.mark.parametrize("picked", ["Unread", "Waiting", "Mine", "AI"])
def test_a_filter_of_conversations_finds_its_own(office: Office, picked: str) -> None:
    me, colleague = office.people["agent"], office.people["admin"]
    with transaction(office.workspace) as tx:
        made = {
            "Unread": a_conversation(tx, office.workspace, owner="human", assignee_id=colleague, unread=1),
            "Waiting": a_conversation(tx, office.workspace, owner="human"),
            "Mine": a_conversation(tx, office.workspace, owner="human", assignee_id=me),
            "AI": a_conversation(tx, office.workspace),
        }
        assert [line.id for line in inbox.find(tx, picked, "", me, 50)] == [made[picked]]
        assert len(inbox.find(tx, "All", "", me, 50)) == 4


def test_the_search_of_runs_draws(visit: Any, busy: dict[str, UUID]) -> None:
    test = visit("runs")
    contact, result = (
        next(field for field in test.text_input if field.label == name) for name in ("Contact", "Result")
    )
    assert not contact.set_value("quill").run().exception
    assert not result.set_value("answered").run().exception


def test_a_role_gets_its_own_pages_and_no_buttons_beyond_it(visit: Any, busy: dict[str, UUID]) -> None:
    assert "Assign to me" in [button.label for button in visit("handoffs", "agent").button]
    assert "Assign to me" not in [button.label for button in visit("handoffs", "viewer").button]
    with pytest.raises(ValueError):  # not even registered for an agent
        visit("settings", "agent")


def test_assigning_a_handoff_takes_the_conversation_over(visit: Any, busy: dict[str, UUID], office: Office) -> None:
    test = visit("handoffs", "agent")
    next(button for button in test.button if button.label == "Assign to me").click().run()
    with system() as tx:
        [row] = rows(tx, "SELECT owner, assignee_id FROM conversations WHERE id = %(id)s", id=busy["conversation"])
    assert (row["owner"], row["assignee_id"]) == ("human", office.people["agent"])


def test_a_role_that_was_lowered_meanwhile_does_nothing(visit: Any, busy: dict[str, UUID], office: Office) -> None:
    test = visit("handoffs", "agent")
    with system() as tx:
        rows(tx, "UPDATE memberships SET role = 'viewer' WHERE user_id = %(u)s RETURNING 1", u=office.people["agent"])
    next(button for button in test.button if button.label == "Assign to me").click().run()
    with system() as tx:
        [row] = rows(tx, "SELECT state FROM handoffs WHERE id = %(id)s", id=busy["handoff"])
    assert row["state"] == "pending"


def test_an_admin_forgets_a_contact_once_the_word_is_typed(visit: Any, busy: dict[str, UUID], office: Office) -> None:
    def press(test: AppTest, word: str) -> list[str]:
        test.text_input(key=f"forget_word:{busy['conversation']}").set_value(word)
        test.button(key=f"forget:{busy['conversation']}").click().run()
        return [toast.value for toast in test.toast]

    assert "Type forget into the field first" in press(visit("conversations", c=str(busy["conversation"])), "yes")[0]
    assert press(visit("conversations", c=str(busy["conversation"])), "Forget") == ["The contact is forgotten."]
    with transaction(office.workspace) as tx:
        assert rows(tx, "SELECT id FROM contacts") == []


def test_who_is_no_admin_cannot_forget_a_contact(visit: Any, busy: dict[str, UUID]) -> None:
    keys = {button.key for button in visit("conversations", "agent", c=str(busy["conversation"])).button}
    assert f"take:{busy['conversation']}" in keys
    assert f"forget:{busy['conversation']}" not in keys


def test_a_conversation_of_another_workspace_is_not_there(visit: Any, busy: dict[str, UUID]) -> None:
    assert "does not exist in this workspace" in told(visit("conversations", c=str(uuid4())))


def test_an_ended_session_shows_nothing(visit: Any, busy: dict[str, UUID], office: Office) -> None:
    test = visit("handoffs", "agent")
    with system() as tx:
        rows(tx, "DELETE FROM sessions RETURNING 1")
    test.run()
    assert "You are signed out." in told(test)
    assert "Wants a refund" not in told(test)


def test_a_run_is_told_in_words(visit: Any, busy: dict[str, UUID]) -> None:
    test = visit("runs", run=str(busy["run"]))
    text = told(test) + "".join(str(part.label) for part in test.expander)
    assert "May it answer" in text
    assert "Answered" in text
