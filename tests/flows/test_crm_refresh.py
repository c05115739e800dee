"""What no webhook told of is found out: changed contacts with their tags, and what is known of those who wrote lately."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from db.engine import run, system
from flows import crm
from flows.crm_context import CrmContexts
from flows.crm_refresh import take_over_changes, warm
from tests.flows.crm_rig import CUSTOMER, CrmRig, crm_rig
from tests.flows.rig import FakeModel
from tests.flows.test_crm_intake import an_automation


@pytest.fixture
def rig(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CrmRig]:
    with crm_rig(monkeypatch, FakeModel()) as made:
        made.ghl.index_lag_seconds = 0
        yield made


def refreshed(rig: CrmRig) -> int:
    rig.forget()
    there = crm.crm_of(rig.workspace)
    assert there is not None
    return take_over_changes(rig.workspace, there, datetime.now(UTC) + timedelta(seconds=1))


def test_a_change_without_a_webhook_is_taken_over_and_its_new_tag_starts_an_automation(rig: CrmRig) -> None:
    rig.publish(an_automation("contact_tagged", tag="vip"))
    rig.ghl.add_contact(phone="+14155550999", firstName="Old", dateUpdated="2026-01-01T00:00:00.000Z")
    assert refreshed(rig) == 0  # the first time marks the beginning
    there = rig.ghl.add_contact(phone=CUSTOMER, firstName="Ana", tags=["vip"])
    rig.ghl.events.clear()
    assert refreshed(rig) >= 1
    assert [row["ghl_contact_id"] for row in rig.query("SELECT ghl_contact_id FROM contacts WHERE name = 'Ana'")] == [
        there["id"]
    ]
    refreshed(rig)
    rig.settle()
    assert [sent.to for sent in rig.twilio_twin.sent] == [CUSTOMER]
    assert rig.ghl.refused == []


def test_those_who_wrote_lately_are_read_before_anybody_waits_for_it(rig: CrmRig) -> None:
    rig.ghl.add_contact(phone=CUSTOMER, tags=["vip"])
    rig.receive_sms("Hello")
    rig.all_settled()
    assert warm(rig.workspace, CrmContexts(), datetime.now(UTC)) == 1
    assert rig.contact()["crm"]["tags"] == ["vip"]
    assert rig.contact()["crm_fetched_at"] is not None
    assert warm(rig.workspace, CrmContexts(), datetime.now(UTC)) == 0
    with system() as tx:
        run(tx, "UPDATE conversations SET last_message_at = now() - interval '3 days'")
        run(tx, "UPDATE contacts SET crm_fetched_at = NULL")
    assert warm(rig.workspace, CrmContexts(), datetime.now(UTC)) == 0
