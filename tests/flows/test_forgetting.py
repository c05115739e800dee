"""Forgetting somebody who wrote through the real doors: nothing is left, nothing is torn, and a later message starts anew."""

from __future__ import annotations

import pytest

from db.engine import run, system
from flows import actions
from flows.actions import ActionRefused
from flows.forgetting import forget_contact
from tests.db.test_forgetting import places_of
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModel, Rig

PHONE = "+14155550123"
WORDS = "My dog is called Bartholomew"


@pytest.fixture
def spoken(database_url: str, twin: TwilioTwin) -> Rig:
    """The customer wrote, was answered, and wrote again."""
    rig = Rig(twin.base_url, FakeModel("Bartholomew is welcome."))
    rig.publish()
    rig.receive_sms(WORDS)
    rig.settle()
    rig.receive_sms(f"{WORDS}!")
    rig.take_in()
    with system() as tx:
        run(tx, "UPDATE runs SET due_at = now() WHERE state = 'pending'")  # not held back by the limit per contact
    return rig


def test_a_conversation_through_the_real_doors_leaves_nothing(spoken: Rig) -> None:
    contact = spoken.conversation()["contact_id"]
    assert {"messages", "events_queue", "run_steps", "outbox"} <= set(places_of("Bartholomew"))

    done = forget_contact(spoken.workspace, contact, "user:1")

    assert places_of("Bartholomew", PHONE, PHONE[1:]) == []
    assert (done.conversations, done.runs, done.arrivals) == (1, 2, 2)
    assert spoken.execute() == [] and spoken.deliver() == 0, "what waited is cancelled"


def test_the_audit_row_says_how_much_went_and_nothing_about_whom(spoken: Rig) -> None:
    contact = spoken.conversation()["contact_id"]
    forget_contact(spoken.workspace, contact, "user:1")
    [line] = spoken.query("SELECT actor, subject, detail FROM audit_log WHERE action = 'contact.forgotten'")
    assert (line["actor"], line["subject"]) == ("user:1", f"contact:{contact}")
    assert line["detail"] == {
        "conversations": 1, "messages": 3, "runs": 2, "arrivals": 2, "effects": 1, "flow_runs": [],
    }  # fmt: skip


def test_it_is_refused_while_an_answer_is_being_made_and_works_afterwards(spoken: Rig) -> None:
    contact = spoken.conversation()["contact_id"]
    [claimed] = spoken.claim_runs()
    with pytest.raises(ActionRefused, match="right now. Nothing was removed"):
        forget_contact(spoken.workspace, contact, "user:1")
    with system() as tx:
        run(tx, "UPDATE runs SET state = 'pending', lease_until = NULL WHERE id = %(id)s", id=claimed.id)
    forget_contact(spoken.workspace, contact, "user:1")
    assert places_of("Bartholomew") == []


def test_it_is_refused_while_a_message_is_on_its_way(spoken: Rig) -> None:
    contact = spoken.conversation()["contact_id"]
    actions.reply(spoken.workspace, spoken.conversation()["id"], spoken.user(), "Bring him along.", "key-1")
    assert spoken.delivery.claim(10)
    with pytest.raises(ActionRefused, match="being sent"):
        forget_contact(spoken.workspace, contact, "user:1")


def test_a_later_message_of_the_same_number_begins_anew_and_is_answered(spoken: Rig) -> None:
    before = spoken.conversation()
    forget_contact(spoken.workspace, before["contact_id"], "user:1")
    spoken.receive_sms("Hello?")
    spoken.settle()
    after = spoken.conversation()
    assert after["contact_id"] != before["contact_id"]
    assert [row["state"] for row in spoken.query("SELECT state FROM outbox")] == ["done"]


def test_somebody_who_is_not_there_is_refused(spoken: Rig) -> None:
    contact = spoken.conversation()["contact_id"]
    forget_contact(spoken.workspace, contact, "user:1")
    with pytest.raises(ActionRefused, match="does not exist"):
        forget_contact(spoken.workspace, contact, "user:1")
