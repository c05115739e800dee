"""What the CRM knows of a contact: read once for all who ask, fresh for some minutes, dropped by a webhook, never waited for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from db import crm_contacts
from db.engine import run, system, transaction
from flows.crm_context import CrmContexts, CrmReader, is_fresh
from tests.flows.crm_rig import CUSTOMER, CrmRig, crm_rig
from tests.flows.rig import FakeModel


@pytest.fixture
def rig(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CrmRig]:
    with crm_rig(monkeypatch, FakeModel()) as made:
        yield made


@pytest.fixture
def there(rig: CrmRig) -> dict[str, Any]:
    """A contact of GHL with something of everything, who has written here."""
    field = rig.ghl.add_custom_field("Industry", "industry")
    made = rig.ghl.add_contact(phone=CUSTOMER, firstName="Ana", lastName="Silva", tags=["vip"])
    made["customFields"] = [{"id": field["id"], "value": "Dentistry"}]
    rig.ghl.add_opportunity(made["id"], 1, name="Implant", monetaryValue=900)
    rig.receive_sms("Hello")
    rig.all_settled()
    rig.ghl.asked.clear()
    return made


def contact_calls(rig: CrmRig, id: str) -> int:
    return len([each for each in rig.ghl.calls("GET") if each.path == f"/contacts/{id}"])


def test_it_holds_tags_tasks_opportunities_fields_and_the_person(rig: CrmRig, there: dict[str, Any]) -> None:
    rig.desk.client().create_task(there["id"], title="Call back", due=datetime(2026, 12, 1, tzinfo=UTC))
    known = CrmContexts().context_of(rig.workspace, rig.contact()["id"])
    assert known["tags"] == ["vip"]
    assert known["fields"] == {"industry": "Dentistry"}
    assert [(task["title"], task["completed"]) for task in known["tasks"]] == [("Call back", False)]
    [opportunity] = known["opportunities"]
    assert (opportunity["pipeline"], opportunity["stage"], opportunity["value"]) == ("Patients", "Booked", 900)
    assert (known["contact"]["first_name"], known["contact"]["phone"]) == ("Ana", CUSTOMER)
    assert known["appointments"] == []
    assert rig.ghl.refused == []


def test_ten_who_ask_at_once_cause_one_reading(rig: CrmRig, there: dict[str, Any]) -> None:
    contact: UUID = rig.contact()["id"]
    contexts = [CrmContexts(), CrmContexts()]  # two processes
    rig.ghl.break_with(path=f"/contacts/{there['id']}", times=1, delay=0.3)
    gate = threading.Barrier(10)

    def ask(number: int) -> Any:
        gate.wait()
        return contexts[number % 2].context_of(rig.workspace, contact)["tags"]

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(ask, range(10))) == [["vip"]] * 10
    assert contact_calls(rig, there["id"]) == 1
    assert len(rig.ghl.calls("GET", "/opportunities/search")) == 1


def test_a_fresh_one_is_used_without_asking_and_within_5_ms(rig: CrmRig, there: dict[str, Any]) -> None:
    contact, contexts = rig.contact()["id"], CrmContexts()
    contexts.context_of(rig.workspace, contact)
    rig.ghl.asked.clear()
    took = []
    for _ in range(30):
        began = time.perf_counter()
        assert contexts.context_of(rig.workspace, contact)["tags"] == ["vip"]
        took.append(time.perf_counter() - began)
    assert rig.ghl.asked == []
    reader = CrmReader(contexts, rig.workspace, contact, {"tags": ["vip"]}, datetime.now(UTC), lambda: None)
    began = time.perf_counter()
    reader.contact()  # in a run: it was read with the run's other facts
    assert time.perf_counter() - began < 0.005
    assert min(took) < 0.005


def test_it_is_old_after_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    assert is_fresh(now - timedelta(minutes=9))
    assert not is_fresh(now - timedelta(minutes=11))
    assert not is_fresh(None)


def test_a_webhook_makes_the_next_one_read_again(rig: CrmRig, there: dict[str, Any]) -> None:
    contact, contexts = rig.contact()["id"], CrmContexts()
    contexts.context_of(rig.workspace, contact)
    rig.desk.client().add_tags(there["id"], ["gold"])
    assert contexts.context_of(rig.workspace, contact)["tags"] == ["vip"]
    rig.hear()
    assert set(contexts.context_of(rig.workspace, contact)["tags"]) == {"vip", "gold"}


def test_a_webhook_that_comes_during_a_reading_is_not_lost(rig: CrmRig, there: dict[str, Any]) -> None:
    contact = rig.contact()["id"]
    with transaction(rig.workspace) as tx:
        memory = crm_contacts.memory(tx, contact)
    assert memory is not None
    with transaction(rig.workspace) as tx:
        crm_contacts.drop(tx, contact)
    with transaction(rig.workspace) as tx:
        crm_contacts.remember(tx, contact, {"tags": ["old"]}, memory.version)
    assert rig.contact()["crm_fetched_at"] is None


@pytest.mark.parametrize("trouble", [{"status": 500}, {"drop": True}, {"hang": True}, {"body": "no JSON"}], ids=str)
def test_while_the_crm_is_away_what_was_read_last_is_used_and_it_is_not_asked_again_at_once(
    rig: CrmRig, there: dict[str, Any], trouble: dict[str, Any]
) -> None:
    contact, contexts = rig.contact()["id"], CrmContexts(wait_seconds=0.5)
    contexts.context_of(rig.workspace, contact)
    with system() as tx:
        run(tx, "UPDATE contacts SET crm_fetched_at = NULL")
    rig.ghl.break_with(times=float("inf"), **trouble)
    began = time.monotonic()
    assert contexts.context_of(rig.workspace, contact)["tags"] == ["vip"]
    assert contexts.context_of(rig.workspace, contact)["tags"] == ["vip"]
    assert time.monotonic() - began < 3


def test_somebody_whom_the_crm_does_not_know_is_asked_for_once(rig: CrmRig) -> None:
    rig.receive_sms("Hello")
    rig.take_in()
    contact, contexts = rig.contact()["id"], CrmContexts()
    assert contexts.context_of(rig.workspace, contact) == {}
    assert contexts.context_of(rig.workspace, contact) == {}
    assert len(rig.ghl.calls("GET", "/contacts/search/duplicate")) == 1
    assert rig.ghl.contacts == {}


def test_the_answer_of_the_ai_is_made_with_it(rig: CrmRig, there: dict[str, Any]) -> None:
    rig.publish(
        {
            "format": 1,
            "name": "Knows the customer",
            "steps": [
                {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
                {"id": "who", "node": "lookup_contact@1"},
                {"id": "send", "node": "send_message@1", "config": {"text": "{{who.facts}}"}},
            ],
        }
    )
    rig.receive_sms("Do you know me?")
    rig.settle()
    [sent] = rig.twilio_twin.sent
    assert "Tags: vip" in sent.body and "Opportunities: Implant (Patients / Booked)" in sent.body
    assert "industry: Dentistry" in sent.body
    assert contact_calls(rig, there["id"]) == 1
