"""A message that leaves a day after the customer wrote: through a running worker, to Twilio as a template, and into the CRM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from db.engine import run, system
from db.live import ring
from flows.worker import Worker
from nodes.clients.channel import Request
from tests.fakes.twilio_twin import signed_whatsapp
from tests.flows.crm_rig import CUSTOMER, CrmRig, crm_rig
from tests.flows.rig import PUBLIC, FakeModels
from tests.waiting import until

REMINDED = "Hello Dana, shall we keep the appointment for you?"


def document(template: str) -> dict[str, Any]:
    chosen = {
        "id": template,
        "name": "shall_we_keep_it",
        "language": "en",
        "text": "Hello {1}, shall we keep the appointment for you?",
        "blanks": [{"name": "1", "value": "{{message.contact_name}}", "otherwise": "there"}],
    }
    return {
        "format": 1,
        "name": "Reminder",
        "steps": [
            {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
            {"id": "thanks", "node": "send_message@1", "config": {"text": "Thank you, see you.", "template": chosen}},
            {"id": "pause", "node": "wait@1", "config": {"minutes": 25 * 60}},
            {"id": "remind", "node": "send_message@1", "config": {"text": "Shall we keep it?", "template": chosen}},
        ],
    }


@pytest.fixture
def rig(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CrmRig]:
    with crm_rig(monkeypatch) as rig:
        yield rig


@pytest.fixture
def worker(rig: CrmRig) -> Iterator[Worker]:
    worker = Worker(FakeModels())
    worker.start()
    yield worker
    worker.stop()


def a_day_and_an_hour_later() -> None:
    with system() as tx:
        for table, column in (("conversations", "last_inbound_at"), ("run_steps", "started_at"), ("runs", "due_at")):
            run(tx, f"UPDATE {table} SET {column} = {column} - interval '25 hours'")
        ring(tx, "runs")


def test_a_reminder_25_hours_later_leaves_as_the_approved_template_and_stands_so_in_the_crm(
    rig: CrmRig, worker: Worker
) -> None:
    twin = rig.twilio_twin
    made = twin.add_template("shall_we_keep_it", "Hello {{1}}, shall we keep the appointment for you?")
    rig.publish(document(made.sid))
    webhook = signed_whatsapp(f"{PUBLIC}/webhook/twilio", "I come on Friday.", sender=CUSTOMER, name="Dana")
    headers = {name.lower(): value for name, value in webhook.headers.items()}
    rig.store(rig.twilio, Request("POST", webhook.url, headers, webhook.body))
    until(lambda: rig.query("SELECT FROM runs WHERE state = 'waiting'"), 60)
    until(lambda: len(twin.sent) == 1, 60)
    twin.closed_windows.add(f"whatsapp:{CUSTOMER}")
    a_day_and_an_hour_later()
    until(lambda: rig.query("SELECT FROM messages WHERE direction = 'out' AND state = 'sent' OFFSET 1"), 60)
    assert [(sent.body, sent.content_sid) for sent in twin.sent] == [("Thank you, see you.", ""), (REMINDED, made.sid)]
    assert twin.refused == []
    told = rig.query(
        "SELECT content, metadata -> 'explanation' AS why FROM messages WHERE direction = 'out' ORDER BY seq"
    )
    assert told == [
        {"content": "Thank you, see you.", "why": None},
        {"content": REMINDED, "why": {"template": "shall_we_keep_it"}},
    ]
    until(lambda: ("outbound", REMINDED) in rig.thread(), 60)
    assert rig.query("SELECT state FROM runs") == [{"state": "done"}]
