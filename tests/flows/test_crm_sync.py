"""Messages of ours in the CRM: each once, in order, without an echo, and however the CRM behaves the customer is answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from db import events
from db.engine import run, system, transaction
from db.outbox import OutboxRow
from db.views.crm import waiting
from flows import actions, crm_sync
from flows.crm_typed import CrmTooEarly
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.crm_rig import CUSTOMER, PROVIDER, CrmRig, crm_rig
from tests.flows.rig import FakeModel, Rig


@pytest.fixture
def rig(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CrmRig]:
    with crm_rig(monkeypatch, FakeModel()) as made:
        made.publish()
        yield made


def test_question_and_answer_stand_in_the_crm_each_once(rig: CrmRig) -> None:
    rig.receive_sms("When do you open?")
    rig.all_settled()
    assert rig.thread() == [("inbound", "When do you open?"), ("outbound", "We open at nine.")]
    assert [each["conversationProviderId"] for each in rig.ghl.message_list] == [PROVIDER, PROVIDER]
    assert len(rig.twilio_twin.sent) == 1
    assert rig.ghl.refused == []
    assert rig.there()["phone"] == CUSTOMER


def test_nothing_comes_back_from_the_crm_as_a_message(rig: CrmRig) -> None:
    rig.receive_sms("When do you open?")
    rig.settle()
    assert len(rig.ghl.events) >= 3  # contact created, two messages
    rig.hear()
    rig.all_settled()
    assert len(rig.query("SELECT FROM messages")) == 2
    assert len(rig.query("SELECT FROM contacts")) == 1
    notes = [row["note"] for row in rig.query("SELECT note FROM events_queue WHERE type = 'ghl.OutboundMessage'")]
    assert notes == ["Ignored: this message is here already."]
    assert rig.conversation()["owner"] == "ai"


def test_the_webhook_of_our_own_copy_may_come_before_the_answer_to_it(rig: CrmRig) -> None:
    """No provider of ours, so only what is known of the message tells that it is a copy."""
    rig.desk.change(config={"provider_id": ""})
    rig.receive_sms("When do you open?")
    rig.take_in()
    rig.execute()
    claimed = rig.delivery.claim(10)
    [message] = [each for each in claimed if each.row.message_id]
    rig.delivery.perform(message)
    rig.ghl.add_contact(phone=CUSTOMER)
    [there] = rig.ghl.contacts.values()
    with system() as tx:
        run(tx, "UPDATE contacts SET ghl_contact_id = %(id)s", id=there["id"])
        run(tx, "INSERT INTO identities SELECT workspace_id, 'ghl', %(id)s, id FROM contacts", id=there["id"])
    told = {"type": "OutboundMessage", "contactId": there["id"], "messageId": "m1", "body": "We open at nine."}
    rig.tell({**told, "direction": "outbound", "source": "app", "messageType": "SMS"})
    with system() as tx:
        [event] = events.claim(tx, rig.owner, 60, 10)
    with pytest.raises(CrmTooEarly):
        rig.intake.accept(event)
    rig.intake.accept(replace(event, attempts=events.MAX_ATTEMPTS))
    assert len(rig.query("SELECT FROM messages WHERE direction = 'out'")) == 1
    assert rig.conversation()["owner"] == "ai"


def test_a_reply_from_our_page_appears_there(rig: CrmRig) -> None:
    rig.receive_sms("When do you open?")
    rig.take_in()
    actions.reply(rig.workspace, rig.conversation()["id"], rig.user(), "At nine!", "k1")
    rig.all_settled()
    assert rig.thread() == [("inbound", "When do you open?"), ("outbound", "At nine!")]


def test_a_conversation_that_is_not_copied_stays_here(rig: CrmRig) -> None:
    rig.receive_sms("Hello")
    rig.all_settled()
    before = len(rig.ghl.message_list)
    actions.set_crm_copy(rig.workspace, rig.conversation()["id"], rig.user(), False)
    with system() as tx:
        run(tx, "UPDATE conversations SET last_ai_reply_at = NULL")
    rig.receive_sms("This is private")
    rig.all_settled()
    assert len(rig.twilio_twin.sent) == 2
    assert len(rig.ghl.message_list) == before


def test_with_messages_switched_off_only_the_contact_is_made(rig: CrmRig) -> None:
    rig.desk.change(config={"sync_messages": False})
    rig.forget()
    rig.receive_sms("Hello")
    rig.all_settled()
    assert rig.ghl.message_list == []
    assert [each["phone"] for each in rig.ghl.contacts.values()] == [CUSTOMER]


def test_a_contact_that_is_there_is_found_by_its_phone_and_completed(rig: CrmRig) -> None:
    present = rig.ghl.add_contact(phone=CUSTOMER, firstName="Ana", lastName="Silva")
    rig.ghl.events.clear()
    rig.receive_sms("Hello")
    rig.all_settled()
    assert list(rig.ghl.contacts) == [present["id"]]
    assert rig.contact()["ghl_contact_id"] == present["id"]


def test_a_contact_that_was_deleted_there_is_made_again(rig: CrmRig) -> None:
    rig.receive_sms("Hello")
    rig.all_settled()
    first = rig.contact()["ghl_contact_id"]
    rig.ghl.contacts.clear()
    rig.ghl.conversations.clear()
    rig.receive_sms("Are you there?")
    rig.settle()
    rig.later()
    rig.all_settled()
    assert rig.contact()["ghl_contact_id"] not in (None, first)
    assert ("inbound", "Are you there?") in rig.thread()


TROUBLES: list[dict[str, Any]] = [
    {"status": 500},
    {"status": 502, "accepts": True},
    {"status": 429},
    {"drop": True},
    {"drop": True, "accepts": True},
    {"body": "<html>not JSON", "accepts": True},
    {"status": 401, "message": "Invalid token: access token is invalid"},
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_whatever_the_crm_does_the_customer_is_answered_and_the_copy_comes_later_once(
    rig: CrmRig, trouble: dict[str, Any]
) -> None:
    rig.ghl.break_with(path="/conversations/messages/inbound", times=2, **trouble)
    rig.receive_sms("When do you open?")
    rig.settle()
    assert [sent.body for sent in rig.twilio_twin.sent] == ["We open at nine."]
    with system() as tx:
        run(
            tx, "UPDATE connections SET state = 'active'"
        )  # where the sign-in was refused, an admin has connected again
    rig.hours_later()
    assert rig.thread() == [("inbound", "When do you open?"), ("outbound", "We open at nine.")]
    assert {row["state"] for row in rig.crm_rows()} == {"done"}


@pytest.mark.parametrize("trouble", [{"status": 422}, {"status": 403}], ids=str)
def test_what_the_crm_refuses_for_good_is_said_and_the_next_copy_goes_on(rig: CrmRig, trouble: dict[str, Any]) -> None:
    rig.ghl.break_with(path="/conversations/messages/inbound", times=1, message="No such thing", **trouble)
    rig.receive_sms("When do you open?")
    rig.settle()
    rig.hours_later()
    first, second = rig.crm_rows()
    assert (first["state"], second["state"]) == ("failed", "done")
    assert "No such thing" in first["error"]
    assert len(rig.twilio_twin.sent) == 1


def test_a_missing_scope_is_said_once_and_never_loops(rig: CrmRig) -> None:
    for token in rig.ghl.grants:
        rig.ghl.deny("conversations/message.write", token=token)
    rig.receive_sms("When do you open?")
    rig.settle()
    rig.hours_later()
    assert [row["error_code"] for row in rig.crm_rows()] == ["missing_scope", "missing_scope"]
    assert len(rig.ghl.calls("POST", "/conversations/messages/inbound")) == 2
    assert rig.ghl.refreshes == 0
    assert len(rig.twilio_twin.sent) == 1


def test_an_hour_without_the_crm_is_made_up_for_in_order_and_the_page_says_what_waits(rig: CrmRig) -> None:
    rig.ghl.down()
    texts = [f"Question {number}" for number in range(4)]
    for text in texts:
        rig.receive_sms(text)
        rig.settle()
        with system() as tx:
            run(tx, "UPDATE conversations SET last_ai_reply_at = NULL")
            run(tx, "UPDATE runs SET due_at = now() WHERE state = 'pending'")
    rig.settle()
    assert len(rig.twilio_twin.sent) == 4  # answered at once
    with transaction(rig.workspace) as tx:
        seen = waiting(tx)
    assert (seen.waiting, seen.failed) == (8, 0)
    assert seen.oldest is not None and seen.last_error and seen.last_worked is None
    for _ in range(10):  # the pauses of the first hour
        rig.later()
        rig.deliver()
    assert {row["state"] for row in rig.crm_rows()} == {"pending"}
    rig.ghl.up()
    rig.hours_later()
    assert rig.thread() == [each for text in texts for each in (("inbound", text), ("outbound", "We open at nine."))]
    with transaction(rig.workspace) as tx:
        seen = waiting(tx)
    assert (seen.waiting, seen.failed, seen.last_error) == (0, 0, "")
    assert seen.last_worked is not None


def test_a_copy_is_tried_for_a_day_with_growing_pauses_and_then_given_up() -> None:
    pauses: list[float] = []
    row = OutboxRow(**dict.fromkeys(OutboxRow.__dataclass_fields__, None) | {"order_key": "crm:x", "attempts": 1})  # type: ignore[arg-type]
    while (pause := replace(row, attempts=len(pauses) + 1).pause_seconds()) is not None:
        pauses.append(pause)
    assert pauses[:3] == [2, 4, 8]
    assert pauses == sorted(pauses)
    assert 86_400 - 3600 < sum(pauses) < 86_400 + 3600


def test_a_worker_that_died_while_copying_leaves_no_second_copy(rig: CrmRig) -> None:
    rig.receive_sms("When do you open?")
    rig.take_in()
    [copy] = rig.delivery.claim(10)
    crm_sync.perform(copy.row)  # it is there, and nobody wrote that down
    with system() as tx:
        run(tx, "UPDATE outbox SET lease_until = now() - interval '1 second' WHERE state = 'sending'")
    assert rig.reconciliation.take_over_expired() == 1
    rig.deliver()
    assert rig.thread() == [("inbound", "When do you open?")]


def test_the_same_words_twice_are_two_copies_also_after_trouble(rig: CrmRig) -> None:
    rig.ghl.break_with(path="/conversations/messages/inbound", times=1, drop=True, accepts=True)
    rig.receive_sms("ok")
    rig.receive_sms("ok")
    rig.settle()
    rig.hours_later()
    assert [each for each in rig.thread() if each[0] == "inbound"] == [("inbound", "ok"), ("inbound", "ok")]


def test_a_stop_word_blocks_the_channel_there_and_a_start_word_lifts_it(rig: CrmRig) -> None:
    rig.receive_sms("STOP")
    rig.all_settled()
    assert rig.there()["dndSettings"]["SMS"]["status"] == "active"
    rig.receive_sms("START")
    rig.all_settled()
    assert rig.there()["dndSettings"]["SMS"]["status"] == "inactive"
    assert rig.contact()["opted_out_at"] is None


def test_where_no_crm_is_connected_nothing_is_put_in_line(database_url: str) -> None:
    with TwilioTwin() as twilio:
        alone = Rig(twilio.base_url, FakeModel())
        alone.publish()
        alone.receive_sms("When do you open?")
        alone.settle()
        assert len(twilio.sent) == 1
        assert alone.query("SELECT FROM outbox WHERE order_key LIKE 'crm:%%'") == []
        statements: list[str] = []

        class NoDatabase:
            def connection(self) -> None:
                statements.append("asked")
                raise AssertionError("the hook asked the database")

            new = dirty = deleted = ()

        crm_sync.moved(NoDatabase(), alone.workspace, uuid4(), "sent")  # type: ignore[arg-type]
        assert statements == []
