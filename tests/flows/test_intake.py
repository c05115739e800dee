"""The only door in: one contact, one conversation, one message, and for each automation a reason."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from db import events
from db.engine import run, system
from flows.intake import ReceiptTooEarly
from nodes.clients.channel import Request
from tests.fakes.twilio_twin import SentMessage, TwilioTwin, signed, signed_status, signed_whatsapp
from tests.flows.rig import PUBLIC, Rig


def listening(name: str, **config: Any) -> dict[str, Any]:
    trigger = {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0, **config}}
    return {"format": 1, "name": name, "steps": [trigger, {"id": "note", "node": "gate@1"}]}


def receive(rig: Rig, url: str, headers: dict[str, str], body: bytes) -> None:
    rig.store(rig.twilio, Request("POST", url, {name.lower(): value for name, value in headers.items()}, body))


def receipt(rig: Rig, sent: SentMessage, status: str, error_code: str = "") -> None:
    webhook = signed_status(sent.status_callback or f"{PUBLIC}/webhook/twilio/status", sent, status, error_code)
    receive(rig, *webhook)


def reasons(rig: Rig) -> list[tuple[str, bool, str]]:
    found = rig.query(
        """SELECT a.name, d.fired, d.reason FROM decisions d LEFT JOIN automations a ON a.id = d.automation_id ORDER BY d.id"""
    )
    return [(row["name"] or "", row["fired"], row["reason"]) for row in found]


def test_for_each_automation_it_is_written_down_why_it_fired_or_not(rig: Rig) -> None:
    first = rig.publish(listening("B keywords", keywords=["bike"]))
    rig.publish(listening("C takes it"))
    rig.publish(listening("D comes too late"))
    with system() as tx:
        run(tx, "UPDATE automations SET priority = 1 WHERE id = %(id)s", id=first)
    rig.receive_sms("Do you sell tubes?")
    rig.take_in()
    told = reasons(rig)
    assert [(name, fired) for name, fired, _ in told] == [
        ("B keywords", False),
        ("C takes it", True),
        ("D comes too late", False),
    ]
    assert "none of the words" in told[0][2]
    assert "'C takes it' took this message first." in told[2][2]


def test_without_any_automation_the_message_is_kept_and_the_reason_told(rig: Rig) -> None:
    rig.receive_sms("Hello?")
    rig.take_in()
    assert reasons(rig) == [("", False, "No automation is published.")]
    assert len(rig.query("SELECT FROM messages")) == 1


def test_a_disabled_automation_is_not_asked(rig: Rig) -> None:
    rig.publish(listening("Off"))
    with system() as tx:
        run(tx, "UPDATE automations SET enabled = false")
    rig.receive_sms("Hello?")
    rig.take_in()
    assert rig.query("SELECT FROM runs") == []


def test_sms_and_whatsapp_of_one_phone_are_one_contact_in_two_conversations(rig: Rig) -> None:
    rig.receive_sms("Hello?")
    receive(rig, *signed_whatsapp(f"{PUBLIC}/webhook/twilio", "Hello again", name="Dana"))
    rig.take_in()
    [contact] = rig.query("SELECT name, phone FROM contacts")
    assert contact == {"name": "Dana", "phone": "+14155550123"}
    assert {row["channel"] for row in rig.query("SELECT channel FROM conversations")} == {"sms", "whatsapp"}


def test_the_same_new_customer_through_two_doors_at_once_is_one_contact(rig: Rig) -> None:
    for n in range(6):
        rig.receive_sms(f"Message {n}")
        receive(rig, *signed_whatsapp(f"{PUBLIC}/webhook/twilio", f"Message {n}"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: rig.take_in(), range(4)))
    rig.take_in()
    assert len(rig.query("SELECT FROM contacts")) == 1
    assert len(rig.query("SELECT FROM messages")) == 12
    assert len(rig.query("SELECT FROM conversations")) == 2


def test_receipts_move_the_message_forward_and_never_back(rig: Rig, twin: TwilioTwin) -> None:
    rig.publish()
    rig.receive_sms("Hello?")
    rig.settle()
    for status in ("delivered", "sent", "read"):
        receipt(rig, twin.sent[0], status)
    rig.take_in()
    assert rig.query("SELECT state FROM messages WHERE direction = 'out'") == [{"state": "read"}]


def test_a_failed_receipt_brings_the_reason(rig: Rig, twin: TwilioTwin) -> None:
    rig.publish()
    rig.receive_sms("Hello?")
    rig.settle()
    receipt(rig, twin.sent[0], "undelivered", "30003")
    rig.take_in()
    [message] = rig.query("SELECT state, error_code, error FROM messages WHERE direction = 'out'")
    assert (message["state"], message["error_code"]) == ("failed", "30003")
    assert message["error"]


def test_a_receipt_that_comes_before_its_message_is_known_is_tried_again_and_at_last_ignored(rig: Rig) -> None:
    webhook = signed(
        f"{PUBLIC}/webhook/twilio/status",
        {
            "MessageSid": "SM" + "f" * 32,
            "MessageStatus": "delivered",
            "To": "+14155550123",
            "From": "+15005550006",
            "AccountSid": "AC" + "0" * 32,
        },
    )
    receive(rig, *webhook)
    for _ in range(events.MAX_ATTEMPTS - 1):
        with system() as tx:
            run(tx, "UPDATE events_queue SET due_at = now()")
            [event] = events.claim(tx, rig.owner, 60, 1)
        with pytest.raises(ReceiptTooEarly):
            rig.intake.accept(event)
        with system() as tx:
            events.fail(tx, event, rig.owner, "too early")
    with system() as tx:
        run(tx, "UPDATE events_queue SET due_at = now()")
    rig.take_in()
    [ended] = rig.query("SELECT state, note FROM events_queue")
    assert ended["state"] == "ignored"
    assert "not sent from here" in ended["note"]


def test_the_language_of_the_first_words_is_kept(rig: Rig) -> None:
    rig.receive_sms("Guten Tag, wann haben Sie am Samstag geöffnet?")
    rig.take_in()
    assert rig.query("SELECT language FROM contacts") == [{"language": "de"}]


def test_a_message_with_odd_bytes_is_kept(rig: Rig) -> None:
    rig.receive_sms("Nul \x00 and emoji \U0001f600 and " + "x" * 100_000)
    rig.take_in()
    [message] = rig.query("SELECT content FROM messages")
    assert "\x00" not in message["content"]
    assert len(message["content"]) > 100_000
