"""From a customer's message to the provider, through the real intake, engine and delivery."""

from __future__ import annotations

import pytest

from db.engine import system
from flows import actions
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModel, Rig


@pytest.fixture
def twin() -> object:
    with TwilioTwin() as twin:
        yield twin


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin, model: FakeModel) -> Rig:
    rig = Rig(twin.base_url, model)
    rig.publish()
    return rig


def test_a_signed_sms_is_answered_by_exactly_one_message(rig: Rig, twin: TwilioTwin) -> None:
    rig.receive_sms("When do you open?")
    rig.settle()
    [sent] = twin.sent
    assert (sent.to, sent.body) == ("+14155550123", "We open at nine.")
    [out] = rig.query("SELECT state, provider_message_id, author FROM messages WHERE direction = 'out'")
    assert out == {"state": "sent", "provider_message_id": sent.sid, "author": "ai"}


def test_the_same_message_ten_times_is_one_run_and_one_reply(rig: Rig, twin: TwilioTwin) -> None:
    stored = [rig.receive_sms("Hello?", message_sid="SM" + "a" * 32) for _ in range(10)]
    rig.settle()
    assert stored == [True] + [False] * 9
    assert len(rig.query("SELECT FROM runs")) == 1
    assert len(twin.sent) == 1


def test_quick_messages_are_one_turn_and_one_answer(rig: Rig, twin: TwilioTwin, model: FakeModel) -> None:
    for text in ("Hi", "how are you", "what does a tube cost?"):
        rig.receive_sms(text)
    rig.settle()
    assert len(twin.sent) == 1
    assert "Hi\nhow are you\nwhat does a tube cost?" in model.asked[0][-1].content


def test_a_newer_message_during_generation_drops_the_stale_draft(rig: Rig, twin: TwilioTwin, model: FakeModel) -> None:
    model.meanwhile = [lambda: rig.receive_sms("29 inch please") and rig.take_in()]
    rig.receive_sms("Do you sell tubes?")
    rig.settle()
    assert [row["state"] for row in rig.query("SELECT state FROM runs ORDER BY seq")] == ["superseded", "done"]
    assert len(twin.sent) == 1
    assert "Do you sell tubes?\n29 inch please" in model.asked[-1][-1].content


def test_nothing_of_the_ai_leaves_after_a_person_took_over(rig: Rig, twin: TwilioTwin) -> None:
    rig.receive_sms("When do you open?")
    rig.take_in()
    rig.execute()
    actions.take_over(rig.workspace, rig.conversation()["id"], rig.user())
    rig.deliver()
    assert twin.sent == []
    [out] = rig.query("SELECT state, error FROM messages WHERE direction = 'out'")
    assert out["state"] == "cancelled"
    assert "changed hands" in out["error"]


def test_an_answer_whose_model_call_ends_after_the_take_over_is_never_sent(
    rig: Rig, twin: TwilioTwin, model: FakeModel
) -> None:
    ana = rig.user()
    model.meanwhile = [lambda: actions.take_over(rig.workspace, rig.conversation()["id"], ana)]
    rig.receive_sms("When do you open?")
    rig.settle()
    assert len(model.asked) == 1
    assert twin.sent == []
    [run] = rig.query("SELECT state, outcome FROM runs")
    assert run["state"] == "cancelled"
    assert "took over" in run["outcome"]


def test_a_person_answers_and_gives_back(rig: Rig, twin: TwilioTwin, model: FakeModel) -> None:
    ana = rig.user()
    rig.receive_sms("When do you open?")
    rig.take_in()
    conversation = rig.conversation()["id"]
    first = actions.reply(rig.workspace, conversation, ana, "At nine, see you!", "key-1")
    assert actions.reply(rig.workspace, conversation, ana, "At nine, see you!", "key-1") == first
    rig.settle()
    assert [sent.body for sent in twin.sent] == ["At nine, see you!"]
    actions.give_back(rig.workspace, conversation, ana, "He comes on Friday.")
    rig.receive_sms("And on Sunday?")
    with system() as tx:
        tx.connection().exec_driver_sql("UPDATE conversations SET last_ai_reply_at = NULL")
    rig.settle()
    assert [sent.body for sent in twin.sent] == ["At nine, see you!", "We open at nine."]


def test_a_wish_for_a_person_opens_a_handoff_and_tells_the_customer(
    rig: Rig, twin: TwilioTwin, model: FakeModel
) -> None:
    model.reply = '{"reply": "", "needs_person": true, "reason": "It is about a bill.", "used_passages": []}'
    rig.receive_sms("My bill is wrong")
    rig.settle()
    [handoff] = rig.query("SELECT state, reason FROM handoffs")
    assert handoff["state"] == "pending"
    assert len(twin.sent) == 1
    assert rig.conversation()["owner"] == "human"
    rig.receive_sms("Hello?")
    rig.settle()
    assert len(twin.sent) == 1


SPEAKS_AND_HANDS_OVER = {
    "format": 1,
    "name": "Speaks and hands over",
    "steps": [
        {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
        {"id": "first", "node": "send_message@1", "config": {"text": "One moment."}},
        {"id": "person", "node": "hand_off@1"},
        {"id": "last", "node": "send_message@1", "config": {"text": "Have a nice day."}},
    ],
}


@pytest.fixture
def speaking(database_url: str, twin: TwilioTwin) -> Rig:
    rig = Rig(twin.base_url)
    rig.publish(SPEAKS_AND_HANDS_OVER)
    rig.receive_sms("I want to speak to a person")
    rig.take_in()
    rig.execute()
    return rig


def test_a_run_that_asks_for_a_person_still_says_all_it_has_to_say(speaking: Rig, twin: TwilioTwin) -> None:
    speaking.deliver()
    assert [sent.body for sent in twin.sent][::2] == ["One moment.", "Have a nice day."]
    assert len(twin.sent) == 3


@pytest.mark.parametrize("what", ["take over", "switch off"])
def test_but_not_once_a_person_has_acted(speaking: Rig, twin: TwilioTwin, what: str) -> None:
    conversation, ana = speaking.conversation()["id"], speaking.user()
    if what == "take over":
        actions.take_over(speaking.workspace, conversation, ana)
    else:
        actions.set_ai(speaking.workspace, conversation, ana, False)
    speaking.deliver()
    assert twin.sent == []


def test_stop_is_kept_and_never_answered(rig: Rig, twin: TwilioTwin) -> None:
    rig.receive_sms("STOP")
    rig.receive_sms("When do you open?")
    rig.settle()
    assert twin.sent == []
    [opted_out] = rig.query("SELECT opted_out_at IS NOT NULL AS out FROM contacts")
    assert opted_out["out"]
    reasons = [row["reason"] for row in rig.query("SELECT reason FROM decisions ORDER BY id")]
    assert "stop word" in reasons[0]
