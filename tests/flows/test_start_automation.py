"""An automation starts another for the same message, once, and a circle of them ends."""

from __future__ import annotations

from typing import Any

from db.engine import run, system
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import Rig


def named(name: str, *steps: dict[str, Any], keywords: tuple[str, ...] = ()) -> dict[str, Any]:
    trigger = {
        "id": "message",
        "node": "message_received@1",
        "config": {"wait_for_more": 0, "keywords": list(keywords)},
    }
    return {"format": 1, "name": name, "steps": [trigger, *steps]}


def test_the_second_sees_the_message_of_the_first(rig: Rig, twin: TwilioTwin) -> None:
    echo = {"id": "say", "node": "send_message@1", "config": {"text": "You wrote: {{message.text}}"}}
    second = rig.publish(named("Second", echo, keywords=("never",)))
    rig.publish(named("First", {"id": "go", "node": "run_automation@1", "config": {"automation": str(second)}}))
    rig.receive_sms("Where are you?")
    rig.settle()
    assert [message.body for message in twin.sent] == ["You wrote: Where are you?"]


def test_a_circle_ends(rig: Rig) -> None:
    itself = {"id": "go", "node": "run_automation@1", "config": {"automation": "later"}}
    automation = rig.publish(named("Circle", itself))
    with system() as tx:
        run(
            tx,
            "UPDATE automation_versions SET document = jsonb_set(document, '{steps,1,config,automation}', to_jsonb(%(id)s::text))",
            id=str(automation),
        )
    rig.receive_sms("Hello")
    rig.settle()
    states = [row["state"] for row in rig.query("SELECT state FROM runs ORDER BY seq")]
    assert states == ["done"] * 5 + ["failed"]


def test_one_that_is_switched_off_is_not_started(rig: Rig) -> None:
    second = rig.publish(named("Second", keywords=("never",)))
    with system() as tx:
        run(tx, "UPDATE automations SET enabled = false")
    rig.publish(named("First", {"id": "go", "node": "run_automation@1", "config": {"automation": str(second)}}))
    rig.receive_sms("Hello")
    rig.settle()
    assert len(rig.query("SELECT id FROM runs")) == 1
