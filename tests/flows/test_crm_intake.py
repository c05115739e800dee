"""What GoHighLevel tells: contacts, tags, blocks, occasions, and the app itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from db.engine import run, system
from flows.crm_intake import UNINSTALLED
from tests.flows.crm_rig import CUSTOMER, CrmRig, crm_rig, told
from tests.flows.rig import FakeModel

CONTACT = {
    "id": "ghl0Contact",
    "firstName": "Ana",
    "lastName": "Silva",
    "phone": "(415) 555-0123",
    "email": "Ana@Example.com",
}


@pytest.fixture
def rig(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CrmRig]:
    with crm_rig(monkeypatch, FakeModel()) as made:
        yield made


def an_automation(event: str, text: str = "Hello from us", **config: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "name": f"On {event} {uuid4().hex[:6]}",
        "steps": [
            {"id": "crm", "node": "crm_event@1", "config": {"event": event, **config}},
            {"id": "send", "node": "send_message@1", "config": {"text": text}},
        ],
    }


# --- contacts --------------------------------------------------------------------------------------------------------------


def test_a_contact_of_the_crm_is_known_here_with_its_addresses(rig: CrmRig) -> None:
    assert told(rig, "ContactCreate", **CONTACT, tags=["VIP"]) == ""
    contact = rig.contact()
    assert (contact["name"], contact["phone"], contact["email"]) == ("Ana Silva", CUSTOMER, "ana@example.com")
    assert contact["ghl_contact_id"] == "ghl0Contact"
    assert contact["crm"]["tags"] == ["vip"]
    assert {row["kind"] for row in rig.query("SELECT kind FROM identities")} == {"ghl", "phone", "email"}


def test_who_wrote_before_is_the_same_person(rig: CrmRig) -> None:
    rig.receive_sms("Hello")
    rig.take_in()
    told(rig, "ContactUpdate", **CONTACT)
    assert rig.contact()["name"] == "Ana Silva"


def test_two_people_who_share_a_mail_address_stay_two(rig: CrmRig) -> None:
    told(rig, "ContactCreate", **CONTACT)
    told(rig, "ContactCreate", id="ghl0Other", firstName="Ben", phone="+14155550999", email="ana@example.com")
    told(rig, "ContactCreate", id="ghl0Third", firstName="Cem", email="ana@example.com")
    names = {row["name"] for row in rig.query("SELECT name FROM contacts")}
    assert names == {"Ana Silva", "Ben", "Cem"}


def test_a_deleted_or_merged_contact_stays_here_and_takes_its_new_id(rig: CrmRig) -> None:
    told(rig, "ContactCreate", **CONTACT)
    told(rig, "ContactUpdate", **{**CONTACT, "id": "ghl0Master"})
    assert rig.contact()["ghl_contact_id"] == "ghl0Contact"
    told(rig, "ContactDelete", **CONTACT)
    assert rig.contact()["ghl_contact_id"] == "ghl0Master"
    assert told(rig, "ContactDelete", **CONTACT) == "Ignored: nobody here is this contact."


def test_a_change_there_drops_what_was_read(rig: CrmRig) -> None:
    told(rig, "ContactCreate", **CONTACT)
    for kind in ("TaskCreate", "TaskComplete", "OpportunityUpdate", "OpportunityStageUpdate", "ContactUpdate"):
        with system() as tx:
            run(tx, "UPDATE contacts SET crm_fetched_at = now()")
        told(
            rig,
            kind,
            **(CONTACT if kind == "ContactUpdate" else {"id": "x1", "contactId": "ghl0Contact", "title": "Call"}),
        )
        assert rig.contact()["crm_fetched_at"] is None, kind


def test_do_not_disturb_there_is_the_opt_out_here_and_back(rig: CrmRig) -> None:
    rig.receive_sms("Hello")
    rig.take_in()
    settings = {"SMS": {"status": "active"}, "WhatsApp": {"status": "inactive"}, "Email": {"status": "inactive"}}
    told(rig, "ContactDndUpdate", **CONTACT, dnd=False, dndSettings=settings)
    assert rig.contact()["opted_out_at"] is not None
    settings["SMS"] = {"status": "inactive"}
    told(rig, "ContactDndUpdate", **CONTACT, dnd=False, dndSettings=settings)
    assert rig.contact()["opted_out_at"] is None
    settings["Email"] = {"status": "permanent"}  # no conversation by e-mail
    told(rig, "ContactDndUpdate", **CONTACT, dnd=False, dndSettings=settings)
    assert rig.contact()["opted_out_at"] is None
    told(rig, "ContactDndUpdate", **CONTACT, dnd=True, dndSettings={})
    assert rig.contact()["opted_out_at"] is not None


def test_a_stop_word_that_is_on_its_way_there_is_not_undone_by_older_news(rig: CrmRig) -> None:
    rig.receive_sms("STOP")
    rig.take_in()
    settings = {name: {"status": "inactive"} for name in ("SMS", "WhatsApp", "Email")}
    assert "counts" in told(rig, "ContactDndUpdate", **CONTACT, dnd=False, dndSettings=settings)
    assert rig.contact()["opted_out_at"] is not None


# --- automations -----------------------------------------------------------------------------------------------------------


def test_a_new_tag_starts_an_automation_once_however_often_it_is_told(rig: CrmRig) -> None:
    rig.publish(an_automation("contact_tagged", tag="vip"))
    told(rig, "ContactCreate", **CONTACT)
    told(rig, "ContactTagUpdate", **CONTACT, tags=["vip", "lead"], webhookId="w1")
    rig.tell({"type": "ContactTagUpdate", **CONTACT, "tags": ["vip", "lead"]}, webhookId="w1")
    told(rig, "ContactUpdate", **CONTACT, tags=["vip", "lead"])
    told(rig, "ContactTagUpdate", **CONTACT, tags=["vip"])
    rig.settle()
    assert [(sent.to, sent.body) for sent in rig.twilio_twin.sent] == [(CUSTOMER, "Hello from us")]


def test_a_tag_that_was_read_before_its_event_came_is_news_all_the_same(rig: CrmRig) -> None:
    rig.publish(an_automation("contact_tagged", tag="vip"))
    told(rig, "ContactCreate", **CONTACT)
    with system() as tx:
        run(tx, """UPDATE contacts SET crm = crm || '{"tags": ["vip"]}'""")
    told(rig, "ContactTagUpdate", **CONTACT, tags=["vip"])
    assert len(rig.query("SELECT FROM runs")) == 1


OCCASIONS = [
    ("TaskComplete", {"id": "t1", "title": "Call back"}, "task_completed", {"task": "call"}),
    (
        "OpportunityStageUpdate",
        {"id": "o1", "pipelineId": "p1", "pipelineStageId": "s2"},
        "opportunity_stage",
        {"stage_id": "s2"},
    ),
    (
        "OpportunityStatusUpdate",
        {"id": "o1", "pipelineId": "p1", "status": "won"},
        "opportunity_status",
        {"status": "won"},
    ),
]


@pytest.mark.parametrize(("kind", "payload", "event", "config"), OCCASIONS, ids=[each[0] for each in OCCASIONS])
def test_what_happens_in_the_crm_starts_the_automation_that_waits_for_it(
    rig: CrmRig, kind: str, payload: dict[str, Any], event: str, config: dict[str, Any]
) -> None:
    rig.publish(an_automation(event, **config))
    rig.publish(an_automation("contact_updated"))
    told(rig, "ContactCreate", **CONTACT)
    told(rig, kind, contactId="ghl0Contact", **payload)
    reasons = [row["reason"] for row in rig.query("SELECT reason FROM decisions ORDER BY id")][-2:]
    assert sorted(reason == "It fired." for reason in reasons) == [False, True]
    rig.settle()
    assert len(rig.twilio_twin.sent) == 1


def test_a_cancelled_appointment_counts_once_whatever_events_tell_of_it(rig: CrmRig) -> None:
    rig.publish(an_automation("appointment_booked", "See you!"))
    rig.publish(an_automation("appointment_cancelled", "What a pity."))
    told(rig, "ContactCreate", **CONTACT)
    booked = {
        "id": "a1",
        "contactId": "ghl0Contact",
        "startTime": "2026-12-01T10:00:00-08:00",
        "appointmentStatus": "confirmed",
    }
    told(rig, "AppointmentCreate", appointment=booked)
    told(rig, "AppointmentUpdate", appointment={**booked, "appointmentStatus": "cancelled"})
    told(rig, "AppointmentDelete", appointment=booked)
    rig.settle()
    assert [sent.body for sent in rig.twilio_twin.sent] == ["See you!", "What a pity."]


def test_a_contact_that_nobody_knows_is_fetched_and_then_the_automation_starts(rig: CrmRig) -> None:
    rig.publish(an_automation("task_completed"))
    there = rig.ghl.add_contact(phone=CUSTOMER, firstName="Ana")
    rig.ghl.events.clear()
    assert "fetched" in told(rig, "TaskComplete", id="t1", contactId=there["id"], title="Call")
    rig.settle()
    rig.settle()
    assert [sent.to for sent in rig.twilio_twin.sent] == [CUSTOMER]
    assert rig.contact()["name"] == "Ana"


def test_a_workflow_gives_its_own_values(rig: CrmRig) -> None:
    document = an_automation("workflow", workflow="Recall")
    document["steps"][1]["config"] = {"text": "{{crm.values.offer}}"}
    rig.publish(document)
    told(rig, "ContactCreate", **CONTACT)
    call = {"contact_id": "ghl0Contact", "workflow": {"id": "w", "name": "Recall"}, "customData": {"offer": "10 % off"}}
    rig.tell(call, "/webhook/ghl/workflow")
    rig.settle()
    assert [sent.body for sent in rig.twilio_twin.sent] == ["10 % off"]


# --- the app ---------------------------------------------------------------------------------------------------------------


def test_uninstalling_the_app_forgets_its_tokens_and_says_what_to_do(rig: CrmRig) -> None:
    assert told(rig, "UNINSTALL") == UNINSTALLED
    [connection] = rig.query("SELECT state, state_reason, secrets FROM connections WHERE kind = 'ghl'")
    assert connection == {"state": "paused", "state_reason": UNINSTALLED, "secrets": None}
    rig.forget()
    rig.publish()
    rig.receive_sms("Hello")
    rig.settle()
    assert len(rig.twilio_twin.sent) == 1
    assert rig.crm_rows() == []
