"""Automations start with what happens in a conversation beside messages, once for each time it happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from db.engine import run, system
from flows import actions, conversation_events
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import Rig


def on(event: str, text: str, **config: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "name": f"On {event}",
        "steps": [
            {"id": "start", "node": "conversation_event@1", "config": {"event": event, **config}},
            {"id": "say", "node": "send_message@1", "config": {"text": text}},
        ],
    }


def texts(twin: TwilioTwin) -> list[str]:
    return [message.body for message in twin.sent]


def later(rig: Rig, minutes: int) -> int:
    started = conversation_events.sweep(datetime.now(UTC) + timedelta(minutes=minutes))
    rig.settle()
    return started


def test_a_settled_handoff_starts_one_and_is_told_with_its_note(rig: Rig, twin: TwilioTwin) -> None:
    rig.publish(on("handoff_resolved", "How did we do? {{start.note}}"))
    rig.receive_sms("Hello")
    rig.settle()
    conversation, ana = rig.conversation()["id"], rig.user()
    handoff = actions.create_handoff(rig.workspace, conversation, f"user:{ana}", "other", "Please call")
    actions.assign_handoff(rig.workspace, handoff, ana, f"user:{ana}")
    actions.resolve_handoff(rig.workspace, handoff, f"user:{ana}", "Bike is ready.")
    rig.settle()
    assert texts(twin) == ["How did we do? Bike is ready."]


def test_a_take_over_starts_one_whose_words_do_not_reach_the_customer(rig: Rig, twin: TwilioTwin) -> None:
    rig.publish(on("taken_over", "A colleague is here."))
    rig.receive_sms("Hello")
    rig.settle()
    actions.take_over(rig.workspace, rig.conversation()["id"], rig.user())
    rig.settle()
    assert texts(twin) == []
    assert rig.query("SELECT state FROM outbox") == [{"state": "cancelled"}]


def test_silence_of_the_customer_starts_one_once(rig: Rig, twin: TwilioTwin) -> None:
    rig.publish()
    rig.publish(on("customer_silent", "Still there?", minutes=30))
    rig.receive_sms("When are you open?")
    rig.settle()
    assert later(rig, 29) == 0
    assert later(rig, 31) == 1
    assert texts(twin)[1:] == ["Still there?"]
    assert later(rig, 32) == 0, "the same silence"


def test_what_it_says_itself_does_not_begin_another_silence(rig: Rig, twin: TwilioTwin) -> None:
    rig.publish()
    rig.publish(on("customer_silent", "Still there?", minutes=30))
    rig.receive_sms("When are you open?")
    rig.settle()
    later(rig, 31)
    with system() as tx:  # the reminder was said half an hour ago too
        run(tx, "UPDATE messages SET created_at = created_at - interval '31 minutes'")
        run(tx, "UPDATE conversations SET last_message_at = last_message_at - interval '31 minutes'")
    assert later(rig, 0) == 0


def test_a_customer_whom_nobody_answered(rig: Rig) -> None:
    rig.publish(on("nobody_answered", "Sorry for the wait.", minutes=30))
    rig.receive_sms("When are you open?")
    rig.settle()
    assert later(rig, 31) == 1


def test_old_silence_is_history(rig: Rig) -> None:
    rig.publish(on("nobody_answered", "Sorry for the wait.", minutes=30))
    rig.receive_sms("When are you open?")
    rig.settle()
    assert later(rig, 60 * 24) == 0


def test_who_opted_out_is_left_alone(rig: Rig) -> None:
    rig.publish(on("nobody_answered", "Sorry for the wait.", minutes=30))
    rig.receive_sms("When are you open?")
    rig.receive_sms("STOP")
    rig.settle()
    assert later(rig, 31) == 0


def test_a_run_may_wait_for_it(rig: Rig, twin: TwilioTwin) -> None:
    waiting = {
        "format": 1,
        "name": "Waits for the end",
        "steps": [
            {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
            {"id": "wait", "node": "wait@1", "config": {"until": "event", "event": "given_back", "minutes": 60}},
            {"id": "ok", "node": "set_values@1", "config": {"values": [{"name": "a", "value": "{{wait.happened}}"}]}},
        ],
    }
    rig.publish(waiting)
    rig.receive_sms("Hello")
    rig.settle()
    conversation, ana = rig.conversation()["id"], rig.user()
    actions.take_over(rig.workspace, conversation, ana)
    actions.give_back(rig.workspace, conversation, ana)
    rig.settle()
    [step] = rig.query("SELECT output FROM run_steps WHERE step_id = 'wait'")
    assert step["output"]["happened"] is True
