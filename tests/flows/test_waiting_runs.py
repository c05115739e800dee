"""A run that asks waits for the answer: nobody else gets it, nothing is said twice, and a person who takes over ends it."""

from __future__ import annotations

from typing import Any

import pytest

from db import run_waits
from db.engine import run, system, transaction
from flows import actions
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModel, Rig

ASKING: dict[str, Any] = {
    "format": 1,
    "name": "Asks for the address",
    "steps": [
        {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
        {"id": "mail", "node": "ask@1", "config": {"question": "Your e-mail address?", "kind": "email", "tries": 2}},
        {
            "id": "thanks",
            "node": "send_message@1",
            "config": {"text": "Thanks, {{mail.value}}."},
            "when": [{"value": "mail.answered", "is": True}],
        },
    ],
}


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin) -> Rig:
    made = Rig(twin.base_url, FakeModel())
    made.publish(ASKING)
    return made


def hurry(rig: Rig) -> None:
    """The moment that a customer is given to write more is over; the limit per contact too."""
    with system() as tx:
        run(tx, "UPDATE runs SET due_at = now() WHERE due_at > now() AND woken_by IS NOT NULL")
    rig.settle()


def texts(twin: TwilioTwin) -> list[str]:
    return [message.body for message in twin.sent]


def state(rig: Rig) -> list[tuple[str, list[str]]]:
    return [(row["state"], row["waiting_for"]) for row in rig.query("SELECT state, waiting_for FROM runs ORDER BY seq")]


def test_the_question_is_sent_and_the_run_waits_for_the_answer(rig: Rig, twin: TwilioTwin) -> None:
    rig.receive_sms("Hello")
    rig.settle()
    assert texts(twin) == ["Your e-mail address?"]
    assert state(rig) == [("waiting", ["message"])]


def test_the_answer_goes_to_the_run_that_asked_and_starts_no_other(rig: Rig, twin: TwilioTwin) -> None:
    rig.receive_sms("Hello")
    rig.settle()
    rig.receive_sms("ana@example.com")
    rig.take_in()
    hurry(rig)
    assert texts(twin) == ["Your e-mail address?", "Thanks, ana@example.com."]
    assert state(rig) == [("done", [])]
    [_, told] = rig.query("SELECT fired, reason FROM decisions ORDER BY id")
    assert told == {"fired": True, "reason": "It answers a question of this automation, which goes on with it."}


def test_quick_messages_are_one_answer(rig: Rig, twin: TwilioTwin) -> None:
    rig.receive_sms("Hello")
    rig.settle()
    rig.receive_sms("of course")
    rig.receive_sms("it is ana@example.com")
    rig.take_in()
    hurry(rig)
    assert texts(twin)[1:] == ["Thanks, ana@example.com."]


def test_each_time_it_asks_again_is_a_message_of_its_own(rig: Rig, twin: TwilioTwin) -> None:
    rig.receive_sms("Hello")
    rig.settle()
    for reply in ("what?", "no"):
        rig.receive_sms(reply)
        rig.take_in()
        hurry(rig)
    assert len(texts(twin)) == 2
    assert "does not look like an e-mail address" in texts(twin)[1]
    [step] = rig.query("SELECT state, output FROM run_steps WHERE step_id = 'mail'")
    assert (step["state"], step["output"]["gave_up"]) == ("done", True)


def test_a_person_who_took_over_gets_the_message_and_the_run_says_nothing_more(rig: Rig, twin: TwilioTwin) -> None:
    rig.receive_sms("Hello")
    rig.settle()
    actions.take_over(rig.workspace, rig.conversation()["id"], rig.user())
    rig.receive_sms("ana@example.com")
    rig.settle()
    hurry(rig)
    assert texts(twin) == ["Your e-mail address?"]


def test_a_worker_that_dies_after_the_answer_loses_nothing(rig: Rig, twin: TwilioTwin) -> None:
    rig.receive_sms("Hello")
    rig.settle()
    rig.receive_sms("ana@example.com")
    rig.take_in()
    with system() as tx:
        run(tx, "UPDATE runs SET due_at = now()")
    assert len(rig.claim_runs()) == 1
    with system() as tx:  # it is never heard of again
        run(tx, "UPDATE runs SET state = 'waiting', lease_until = NULL, due_at = now() WHERE state = 'running'")
    rig.settle()
    assert texts(twin)[1:] == ["Thanks, ana@example.com."]


def test_only_what_it_waits_for_wakes_a_run(rig: Rig) -> None:
    rig.receive_sms("Hello")
    rig.settle()
    [waiting] = rig.query("SELECT id, contact_id FROM runs")
    with transaction(rig.workspace) as tx:
        assert not run_waits.wake(tx, waiting["id"], "approval", {"kind": "approval", "approved": True})
        assert run_waits.wake_all(tx, "handoff_resolved", {}, waiting["contact_id"], None) == 0
        assert run_waits.wake(tx, waiting["id"], "message", {"kind": "message", "text": "a@b.ch", "seq": 1})
        assert not run_waits.wake(tx, waiting["id"], "message", {"kind": "message", "text": "a@b.ch", "seq": 1})
