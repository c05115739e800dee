"""What a colleague types in GoHighLevel leaves once and takes the pen; what only passes by there changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from db import views
from db.engine import run, system, transaction
from flows import actions
from tests.flows.crm_rig import CUSTOMER, PROVIDER, CrmRig, crm_rig, notes, told
from tests.flows.rig import FakeModel


@pytest.fixture
def rig(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CrmRig]:
    with crm_rig(monkeypatch, FakeModel()) as made:
        yield made


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
    told(rig, "ContactCreate", id="ghl0Contact", firstName="Ana", lastName="Silva", phone="(415) 555-0123")
    base = {"contactId": "ghl0Contact", "messageId": "m1", "body": "psst"}
    assert "comment among colleagues" in told(
        rig, "OutboundMessage", **base, messageType="InternalComment", source="app"
    )
    assert "no person" in told(rig, "OutboundMessage", **base, messageType="SMS", source="workflow")
    assert "answered there" in told(rig, "InboundMessage", **base, messageType="SMS")
    assert rig.query("SELECT FROM messages") == []
