"""What a person does: it holds at once, is written down, and cannot be done by strangers."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from db.engine import run, system
from db.secrets import seal
from flows import actions
from flows.actions import ActionRefused
from flows.commit import pieces
from nodes.effects import SendMessage
from tests.db.builders import a_connection, a_user, a_workspace
from tests.fakes.smtp_twin import SmtpTwin
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModel, Rig


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin) -> Rig:
    rig = Rig(twin.base_url, FakeModel())
    rig.publish()
    rig.receive_sms("Hello?")
    rig.settle()
    return rig


@pytest.fixture
def ana(rig: Rig) -> UUID:
    return rig.user()


def conversation(rig: Rig) -> UUID:
    found: UUID = rig.conversation()["id"]
    return found


def notes(rig: Rig) -> list[str]:
    return [row["content"] for row in rig.query("SELECT content FROM messages WHERE direction = 'note' ORDER BY seq")]


def audited(rig: Rig) -> list[str]:
    return [row["action"] for row in rig.query("SELECT action FROM audit_log ORDER BY id")]


def test_taking_over_moves_the_pen_and_the_epoch(rig: Rig, ana: UUID) -> None:
    actions.take_over(rig.workspace, conversation(rig), ana)
    found = rig.conversation()
    assert (found["owner"], found["assignee_id"], found["owner_epoch"]) == ("human", ana, 1)
    assert notes(rig) == ["Ana Silva took over."]
    assert "conversation.taken_over" in audited(rig)


def test_giving_back_settles_the_handoff_and_leaves_a_marker(rig: Rig, ana: UUID) -> None:
    handoff = actions.create_handoff(rig.workspace, conversation(rig), "api_key:1", "customer_request", "Wants Ana.")
    actions.assign_handoff(rig.workspace, handoff, ana, f"user:{ana}")
    actions.resolve_handoff(rig.workspace, handoff, f"user:{ana}", "He comes on Friday.")
    assert rig.conversation()["owner"] == "ai"
    assert rig.query("SELECT state, resolution FROM handoffs") == [
        {"state": "resolved", "resolution": "He comes on Friday."}
    ]
    [marker] = rig.query("SELECT role, text FROM ai_conversation_memory")
    assert marker == {
        "role": "return_marker",
        "text": "A colleague (Ana Silva) took over and gave back: He comes on Friday.",
    }


def test_a_handoff_may_be_resolved_without_giving_back(rig: Rig, ana: UUID) -> None:
    handoff = actions.create_handoff(rig.workspace, conversation(rig), "api_key:1", "other", "")
    actions.assign_handoff(rig.workspace, handoff, ana, f"user:{ana}")
    actions.resolve_handoff(rig.workspace, handoff, f"user:{ana}", give_back=False)
    assert rig.conversation()["owner"] == "human"


def test_asking_twice_for_a_person_is_one_handoff(rig: Rig) -> None:
    first = actions.create_handoff(rig.workspace, conversation(rig), "api_key:1", "other", "")
    assert actions.create_handoff(rig.workspace, conversation(rig), "api_key:1", "other", "") == first
    assert rig.conversation()["owner_epoch"] == 1


def test_a_double_click_sends_once(rig: Rig, ana: UUID, twin: TwilioTwin) -> None:
    key = str(uuid4())
    sent = {actions.reply(rig.workspace, conversation(rig), ana, "We do.", key) for _ in range(2)}
    rig.deliver()
    assert len(sent) == 1
    assert [message.body for message in twin.sent[1:]] == ["We do."]


def test_a_reply_takes_the_pen(rig: Rig, ana: UUID) -> None:
    actions.reply(rig.workspace, conversation(rig), ana, "We do.", "1")
    assert rig.conversation()["assignee_id"] == ana


@pytest.mark.parametrize("text", ["", "   ", "x" * 20_001])
def test_an_impossible_reply_is_refused_in_words(rig: Rig, ana: UUID, text: str) -> None:
    with pytest.raises(ActionRefused, match="message"):
        actions.reply(rig.workspace, conversation(rig), ana, text, "1")


def test_who_is_no_member_cannot_take_the_pen(rig: Rig) -> None:
    with system() as tx:
        elsewhere = a_workspace(tx)
        stranger = a_user(tx, elsewhere)
        viewer = a_user(tx, rig.workspace, role="viewer")
    for person in (stranger, viewer):
        with pytest.raises(ActionRefused, match="may not answer"):
            actions.take_over(rig.workspace, conversation(rig), person)
    assert rig.conversation()["owner"] == "ai"


def test_a_conversation_of_another_workspace_does_not_exist(rig: Rig, ana: UUID) -> None:
    with system() as tx:
        elsewhere = a_workspace(tx)
    with pytest.raises(ActionRefused, match="does not exist"):
        actions.take_over(elsewhere, conversation(rig), ana)


def test_what_is_over_cannot_be_done_again(rig: Rig, ana: UUID) -> None:
    with pytest.raises(ActionRefused, match="already"):
        actions.give_back(rig.workspace, conversation(rig), ana)
    handoff = actions.create_handoff(rig.workspace, conversation(rig), "api_key:1", "other", "")
    actions.resolve_handoff(rig.workspace, handoff, "api_key:1")
    with pytest.raises(ActionRefused, match="resolved already"):
        actions.assign_handoff(rig.workspace, handoff, ana, "api_key:1")


def test_the_ai_switch_holds_and_is_written_down(rig: Rig, ana: UUID) -> None:
    actions.set_ai(rig.workspace, conversation(rig), ana, False)
    assert (rig.conversation()["ai_enabled"], rig.conversation()["owner_epoch"]) == (False, 1)
    actions.set_ai(rig.workspace, conversation(rig), ana, True)
    assert notes(rig) == ["Ana Silva switched the AI off.", "Ana Silva switched the AI on."]


def test_reading_clears_the_badge(rig: Rig, ana: UUID) -> None:
    assert rig.conversation()["unread"] == 1
    actions.mark_read(rig.workspace, conversation(rig), ana)
    assert rig.conversation()["unread"] == 0


def test_a_handoff_mails_the_agents_where_a_mail_server_is_connected(rig: Rig, ana: UUID) -> None:
    with SmtpTwin() as mail:
        with system() as tx:
            run(tx, "UPDATE users SET email = 'ana@desk.test' WHERE id = %(id)s", id=ana)
            a_connection(tx, rig.workspace, "email_smtp", secrets=seal({"url": f"{mail.url}?from=desk@example.com"}))
        actions.create_handoff(rig.workspace, conversation(rig), "api_key:1", "customer_request", "Wants Ana.")
        rig.deliver()
        [got] = mail.mails
    assert "Wants Ana." in got.message.get_content()


@pytest.mark.parametrize(
    ("text", "longest", "parts"), [("a b", 10, 1), ("word " * 50, 60, 5), ("x" * 100, 30, 4), ("ab\n" * 30, 40, 3)]
)
def test_a_long_text_is_cut_where_a_reader_would(text: str, longest: int, parts: int) -> None:
    cut = [piece.text for piece in pieces(SendMessage(text=text), longest)]
    assert len(cut) == parts
    assert all(len(piece) <= longest for piece in cut)
    assert "".join("".join(cut).split()) == "".join(text.split())
