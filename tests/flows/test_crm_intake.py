"""What GoHighLevel tells: contacts, tags, blocks, occasions, messages typed there, and the app itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from db import views
from db.engine import run, system, transaction
from flows import actions
from flows.crm_intake import UNINSTALLED
from tests.flows.crm_rig import CUSTOMER, PROVIDER, CrmRig, crm_rig
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


def notes(rig: CrmRig) -> list[str]:
    return [row["note"] for row in rig.query("SELECT note FROM events_queue ORDER BY seq")]


def told(rig: CrmRig, kind: str, **payload: Any) -> str:
    rig.tell({"type": kind, **payload})
    rig.take_in()
    return notes(rig)[-1]


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


# --- messages that were typed there ----------------------------------------------------------------------------------------


def test_what_a_colleague_types_there_leaves_once_takes_the_pen_and_its_fate_is_told(rig: CrmRig) -> None:
    rig.publish()
    rig.receive_sms("When do you open?")
    rig.all_settled()
    rig.ghl.status_race = 2
    typed = rig.ghl.type_message(rig.there()["id"], "Ana here: at nine!", provider=PROVIDER)
    again = dict(rig.ghl.deliveries[0])
    rig.hear()
    for _ in range(3):
        rig.tell(again, "/webhook/ghl/outgoing")
    rig.all_settled()
    assert [sent.body for sent in rig.twilio_twin.sent] == ["We open at nine.", "Ana here: at nine!"]
    assert rig.conversation()["owner"] == "human"
    copies = [each for each in rig.ghl.message_list if each["body"] == "Ana here: at nine!"]
    assert [each["id"] for each in copies] == [typed["id"]]
    rig.receive_status("Ana here: at nine!", "delivered")
    rig.take_in()
    rig.hours_later()
    assert [(id, body["status"]) for id, body in rig.ghl.status_reports] == [(typed["id"], "delivered")]


def test_a_running_answer_does_not_leave_after_a_colleague_typed_there(rig: CrmRig) -> None:
    rig.publish()
    rig.receive_sms("When do you open?")
    rig.all_settled()
    with system() as tx:
        run(tx, "UPDATE conversations SET last_ai_reply_at = NULL")
    rig.receive_sms("And on Sunday?")
    rig.take_in()
    rig.execute()  # the answer is in line
    rig.ghl.type_message(rig.there()["id"], "Closed on Sunday.", provider=PROVIDER)
    rig.hear()
    rig.deliver()
    assert [sent.body for sent in rig.twilio_twin.sent] == ["We open at nine.", "Closed on Sunday."]


def test_500_typed_messages_with_retries_are_500_sends(rig: CrmRig) -> None:
    people = [f"+1415555{number:04}" for number in range(25)]
    for number in range(500):
        person = people[number % len(people)]
        payload = {"contactId": f"ghl{person[1:]}", "messageId": f"m{number}", "type": "SMS", "phone": person,
                   "message": f"Message {number}", "userId": "u1"}  # fmt: skip
        for _ in range(1 + number % 2):
            rig.tell(payload, "/webhook/ghl/outgoing")
    rig.take_in(together=True)
    rig.deliver()
    assert len(rig.twilio_twin.sent) == 500
    for place, person in enumerate(people):
        texts = [sent.body for sent in rig.twilio_twin.sent if sent.to == person]
        assert texts == [f"Message {number}" for number in range(place, 500, len(people))]


def test_to_somebody_who_never_wrote_it_goes_by_sms(rig: CrmRig) -> None:
    payload = {
        "contactId": "new1",
        "messageId": "m1",
        "type": "Custom",
        "phone": CUSTOMER,
        "message": "Hello",
        "userId": "u1",
    }
    rig.tell(payload, "/webhook/ghl/outgoing")
    rig.settle()
    assert [(sent.to, sent.body) for sent in rig.twilio_twin.sent] == [(CUSTOMER, "Hello")]


def test_what_a_workflow_of_the_crm_sends_leaves_the_pen_and_keeps_to_a_stop_word(rig: CrmRig) -> None:
    payload = {"contactId": "new1", "type": "SMS", "phone": CUSTOMER, "message": "Reminder"}
    rig.tell({**payload, "messageId": "m1"}, "/webhook/ghl/outgoing")
    rig.settle()
    assert rig.conversation()["owner"] == "ai"
    with system() as tx:
        run(tx, "UPDATE contacts SET opted_out_at = now()")
    rig.tell({**payload, "messageId": "m2"}, "/webhook/ghl/outgoing")
    rig.settle()
    assert len(rig.twilio_twin.sent) == 1
    assert [row["effect"]["status"] for row in rig.crm_rows()] == ["failed"]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ({"type": "Email", "emailTo": ["a@b.c"], "html": "<p>Hi</p>", "contactId": "c1"}, "no e-mails"),
        ({"type": "SMS", "contactId": "c1", "message": "Hi"}, "no conversation"),
        ({"type": "SMS", "contactId": "c1", "phone": CUSTOMER, "message": " "}, "neither a text nor a file"),
    ],
)
def test_what_cannot_be_sent_is_told_to_the_crm(rig: CrmRig, payload: dict[str, Any], why: str) -> None:
    rig.tell({**payload, "messageId": "m1", "userId": "u1"}, "/webhook/ghl/outgoing")
    rig.take_in()
    assert why in notes(rig)[-1]
    [row] = rig.crm_rows()
    assert (row["effect"]["status"], row["effect"]["crm_message"]) == ("failed", "m1")


def test_an_answer_over_a_channel_of_the_crm_itself_is_shown_here_and_takes_the_pen(rig: CrmRig) -> None:
    rig.desk.change(config={"provider_id": ""})
    there = rig.ghl.add_contact(phone=CUSTOMER)
    rig.receive_sms("Hello")
    rig.all_settled()
    message = {"contactId": there["id"], "messageId": "m9", "body": "Hi Ana", "messageType": "SMS"}
    told(rig, "OutboundMessage", **message, source="app", userId="u1")
    told(rig, "OutboundMessage", **message, source="app", userId="u1")
    [line] = rig.query("SELECT content, state, author FROM messages WHERE direction = 'out'")
    assert line == {"content": "Hi Ana", "state": "sent", "author": "human"}
    assert rig.conversation()["owner"] == "human"
    assert rig.twilio_twin.sent == []
    rig.tell({**message, "phone": CUSTOMER, "message": "Hi Ana", "userId": "u1"}, "/webhook/ghl/outgoing")
    rig.settle()  # the provider was to send it after all
    assert [sent.body for sent in rig.twilio_twin.sent] == ["Hi Ana"]
    assert len(rig.query("SELECT FROM messages WHERE direction = 'out'")) == 1


def test_an_answer_typed_there_takes_the_handoff_that_waits(rig: CrmRig) -> None:
    rig.receive_sms("Can I talk to somebody?")
    rig.all_settled()
    asked = actions.create_handoff(
        rig.workspace, rig.conversation()["id"], "system", "customer_request", "Asked for a person"
    )
    epoch = rig.conversation()["owner_epoch"]
    typed = {"contactId": rig.there()["id"], "type": "SMS", "phone": CUSTOMER, "message": "Ana here.", "userId": "u1"}
    rig.tell({**typed, "messageId": "m1"}, "/webhook/ghl/outgoing")
    rig.tell({**typed, "messageId": "m2", "message": "How can I help?"}, "/webhook/ghl/outgoing")
    rig.settle()
    assert taken(rig) == [(asked, "assigned", None)]
    assert rig.conversation()["owner_epoch"] == epoch + 1  # the last words of the AI do not leave after a person's
    with transaction(rig.workspace) as tx:
        assert views.conversation_list(tx, waiting=True) == []
    assert len(rig.query("SELECT FROM audit_log WHERE action = 'conversation.taken_over'")) == 1
    actions.give_back(rig.workspace, rig.conversation()["id"], rig.user())
    assert taken(rig) == [(asked, "resolved", None)]


def test_who_answers_there_unasked_has_the_conversation_without_a_handoff(rig: CrmRig) -> None:
    """Also where GHL sends by itself, and we only see it."""
    rig.desk.change(config={"provider_id": ""})
    there = rig.ghl.add_contact(phone=CUSTOMER)
    rig.receive_sms("Hello")
    rig.all_settled()
    told(rig, "OutboundMessage", contactId=there["id"], messageId="m9", body="Hi Ana", messageType="SMS", source="app")
    assert rig.conversation()["owner"] == "human"
    assert taken(rig) == []


def test_a_colleague_who_has_the_conversation_keeps_it_when_another_types_there(rig: CrmRig) -> None:
    rig.receive_sms("Hello")
    rig.all_settled()
    ben = rig.user("Ben")
    actions.take_over(rig.workspace, rig.conversation()["id"], ben)
    typed = {"contactId": rig.there()["id"], "type": "SMS", "phone": CUSTOMER, "message": "Ana here.", "userId": "u1"}
    rig.tell({**typed, "messageId": "m1"}, "/webhook/ghl/outgoing")
    rig.settle()
    assert rig.conversation()["assignee_id"] == ben
    assert taken(rig) == []


def taken(rig: CrmRig) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rig.query("SELECT id, state, assignee_id FROM handoffs ORDER BY created_at")]


def test_comments_among_colleagues_and_messages_of_programs_change_nothing(rig: CrmRig) -> None:
    told(rig, "ContactCreate", **CONTACT)
    base = {"contactId": "ghl0Contact", "messageId": "m1", "body": "psst"}
    assert "comment among colleagues" in told(
        rig, "OutboundMessage", **base, messageType="InternalComment", source="app"
    )
    assert "no person" in told(rig, "OutboundMessage", **base, messageType="SMS", source="workflow")
    assert "answered there" in told(rig, "InboundMessage", **base, messageType="SMS")
    assert rig.query("SELECT FROM messages") == []


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
