"""Automations that start without a message: once per occasion, where the contact can be reached, and with a reason where not."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from db.engine import system, transaction
from db.runs import Run
from flows import occasions
from nodes.contract import Occasion
from tests.db.builders import a_contact, an_event
from tests.flows.rig import Rig

TAGGED = Occasion("crm", event="contact_tagged", data={"tag": "vip"})


def on_tag(tag: str, name: str = "Welcome") -> dict[str, Any]:
    return {
        "format": 1,
        "name": name,
        "steps": [
            {"id": "crm", "node": "crm_event@1", "config": {"event": "contact_tagged", "tag": tag}},
            {"id": "send", "node": "send_message@1", "config": {"text": "You got {{crm.tag}}."}},
        ],
    }


@pytest.fixture
def rig(database_url: str) -> Rig:
    return Rig()


def a_person(rig: Rig, **columns: Any) -> UUID:
    with transaction(rig.workspace) as tx:
        return a_contact(tx, rig.workspace, **columns)


def offer(rig: Rig, occasion: Occasion = TAGGED, key: str = "event-1", **told: Any) -> list[UUID]:
    with transaction(rig.workspace) as tx:
        return occasions.offer(tx, rig.workspace, occasion, key=key, **told)


def test_it_starts_every_automation_that_is_meant_and_no_other(rig: Rig) -> None:
    meant = [rig.publish(on_tag("vip", "One")), rig.publish(on_tag("", "Two"))]
    rig.publish(on_tag("lead", "Three"))
    rig.publish()
    assert len(offer(rig, contact_id=a_person(rig, phone="+14155550123"))) == 2
    started = {row["automation_id"] for row in rig.query("SELECT automation_id FROM runs")}
    assert started == set(meant)


def test_told_twice_it_starts_nothing_the_second_time(rig: Rig) -> None:
    rig.publish(on_tag("vip"))
    person = a_person(rig, phone="+14155550123")
    assert len(offer(rig, contact_id=person)) == 1
    assert offer(rig, contact_id=person) == []
    assert len(offer(rig, key="event-2", contact_id=person)) == 1


def test_the_run_knows_what_happened_and_speaks_in_the_newest_conversation(rig: Rig) -> None:
    rig.publish(on_tag("vip"))
    rig.receive_sms("Hello")
    rig.take_in()
    conversation = rig.conversation()
    offer(rig, contact_id=conversation["contact_id"])
    claimed: list[Run] = rig.claim_runs()
    assert [(each.conversation_id, each.trigger["event"]) for each in claimed] == [
        (conversation["id"], "contact_tagged")
    ]
    assert claimed[0].trigger["data"] == {"tag": "vip"}


def test_somebody_who_never_wrote_is_written_to_by_sms(rig: Rig) -> None:
    rig.publish(on_tag("vip"))
    offer(rig, contact_id=a_person(rig, phone="+14155550199"))
    assert (rig.conversation()["channel"], rig.conversation()["address"]) == ("sms", "+14155550199")
    rig.execute()
    [message] = rig.query("SELECT content, state FROM messages")
    assert message == {"content": "You got vip.", "state": "pending"}


def test_without_any_way_to_the_contact_the_run_says_so(rig: Rig) -> None:
    rig.publish(on_tag("vip"))
    offer(rig, contact_id=a_person(rig))
    [outcome] = rig.execute()
    assert outcome.state == "failed"
    assert "conversation" in outcome.sentence


def test_each_automation_says_why_it_did_not_start(rig: Rig) -> None:
    rig.publish(on_tag("lead", "Leads"))
    with system() as tx:
        event = an_event(tx, rig.workspace, rig.webchat)
    assert offer(rig, event_id=event) == []
    [decision] = rig.query("SELECT reason, fired FROM decisions")
    assert decision["reason"] == "It starts with a tag that a contact gets, and the tag is another."
    assert not decision["fired"]


def test_one_automation_alone_can_be_asked(rig: Rig) -> None:
    first, second = rig.publish(on_tag("vip", "One")), rig.publish(on_tag("vip", "Two"))
    offer(rig, only=second, contact_id=a_person(rig, phone="+14155550123"))
    assert [row["automation_id"] for row in rig.query("SELECT automation_id FROM runs")] == [second]
    assert first != second


def test_a_switched_off_automation_is_not_asked(rig: Rig) -> None:
    automation = rig.publish(on_tag("vip"))
    with system() as tx:
        tx.connection().exec_driver_sql(f"UPDATE automations SET enabled = false WHERE id = '{automation}'")
    assert offer(rig, contact_id=a_person(rig, phone="+14155550123")) == []
