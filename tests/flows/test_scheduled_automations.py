"""At its time an automation starts once, or once for each contact that fits, and never for who opted out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from db.engine import run, system
from flows.scheduled_automations import start
from tests.db.builders import a_contact
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import Rig

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def planned(rig: Rig, **config: Any) -> UUID:
    return rig.publish(
        {
            "format": 1,
            "name": "Monday",
            "steps": [
                {"id": "start", "node": "schedule@1", "config": {"when": "every Monday at 9:00", **config}},
                {"id": "say", "node": "send_message@1", "config": {"text": "Hi {{start.contact_name}}"}},
            ],
        }
    )


def with_tag(rig: Rig, name: str, phone: str, *tags: str, **columns: Any) -> UUID:
    with system() as tx:
        return a_contact(tx, rig.workspace, name=name, phone=phone, crm={"tags": list(tags)}, **columns)


def test_once_for_nobody_however_often_it_is_told(rig: Rig) -> None:
    automation = planned(rig)
    assert start(automation, NINE) == (1, "1 run was started.")
    assert start(automation, NINE)[0] == 0
    assert start(automation, NINE + timedelta(days=7))[0] == 1


def test_for_each_contact_with_the_tag_by_sms(rig: Rig, twin: TwilioTwin) -> None:
    automation = planned(rig, for_each="tagged", tag="VIP")
    with_tag(rig, "Nora", "+14155550101", "vip", "new")
    with_tag(rig, "Omar", "+14155550102", "new")
    with_tag(rig, "Pia", "+14155550103", "vip", opted_out_at=NINE)
    assert start(automation, NINE)[0] == 1
    rig.settle()
    assert [(message.to, message.body) for message in twin.sent] == [("+14155550101", "Hi Nora")]


def test_the_others_come_when_it_is_told_again(rig: Rig) -> None:
    automation = planned(rig, for_each="tagged", tag="vip", most=2)
    for place in range(3):
        with_tag(rig, f"Number {place}", f"+1415555011{place}", "vip")
    assert [start(automation, NINE)[0] for _ in range(3)] == [2, 1, 0]


def test_each_silence_is_met_once(rig: Rig, twin: TwilioTwin) -> None:
    automation = planned(rig, for_each="silent", silent_days=90)
    rig.receive_sms("Hello")
    rig.take_in()
    now = datetime.now(UTC)
    assert start(automation, now + timedelta(days=89))[0] == 0
    assert start(automation, now + timedelta(days=91))[0] == 1
    assert start(automation, now + timedelta(days=98))[0] == 0
    with system() as tx:
        run(tx, "UPDATE conversations SET last_inbound_at = now() + interval '200 days'")
    assert start(automation, now + timedelta(days=250))[0] == 0
    assert start(automation, now + timedelta(days=291))[0] == 1


def test_switched_off_or_deleted_it_says_so(rig: Rig) -> None:
    automation = planned(rig)
    with system() as tx:
        run(tx, "UPDATE automations SET enabled = false")
    assert start(automation, NINE) == (0, "The automation is switched off.")
    assert start(uuid4(), NINE) == (0, "The automation was deleted.")
