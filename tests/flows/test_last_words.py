"""A run that failed has said something before: it still reaches the customer, unless a person has the word by then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from db import contacts
from db.engine import run, system, transaction
from flows import actions
from flows.engine import Engine
from nodes.errors import Rejected
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModel, FakeModels, Rig

LOOK_UP = {"id": "search", "node": "retrieve@1", "input": {"message": "message.text"}}
TRIGGER = {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}}
ONE_MOMENT: dict[str, Any] = {
    "format": 1,
    "name": "Looks it up",
    "steps": [TRIGGER, {"id": "first", "node": "send_message@1", "config": {"text": "One moment."}}, LOOK_UP],
}
QUESTION: dict[str, Any] = {
    "format": 1,
    "name": "Asks for the address",
    "steps": [TRIGGER, {"id": "mail", "node": "ask@1", "config": {"question": "Your e-mail address?"}}, LOOK_UP],
}


class NoEmbedder:
    """Always refuses."""

    model = "fake-embedder"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        raise Rejected("no_credit", "The account has no credit.")


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin) -> Rig:
    made = Rig(twin.base_url, FakeModel())
    made.engine = Engine(made.owner, FakeModels(made.model, NoEmbedder()))
    return made


def failed(rig: Rig, document: dict[str, Any], *written: str) -> None:
    """The run has said something and failed; nothing has left yet."""
    rig.publish(document)
    for text in written:
        rig.receive_sms(text)
        rig.take_in()
        with system() as tx:
            run(tx, "UPDATE runs SET due_at = now()")
        rig.execute()
    assert [row["state"] for row in rig.query("SELECT state FROM runs")] == ["failed"]
    assert rig.conversation()["owner"] == "human"


def said(rig: Rig) -> list[tuple[str, str]]:
    rig.deliver()
    found = rig.query("SELECT content, state FROM messages WHERE direction = 'out' ORDER BY seq")
    return [(row["content"], row["state"]) for row in found]


def test_what_it_said_before_it_failed_reaches_the_customer(rig: Rig, twin: TwilioTwin) -> None:
    failed(rig, ONE_MOMENT, "Do you have blue ones?")
    assert said(rig) == [("One moment.", "sent")]
    assert [message.body for message in twin.sent] == ["One moment."]
    assert rig.query("SELECT state, reason_code FROM handoffs") == [{"state": "pending", "reason_code": "tool_failure"}]


def take_over(rig: Rig, ana: UUID) -> None:
    actions.take_over(rig.workspace, rig.conversation()["id"], ana)


def take_over_and_give_back(rig: Rig, ana: UUID) -> None:
    take_over(rig, ana)
    actions.give_back(rig.workspace, rig.conversation()["id"], ana)


def switch_off(rig: Rig, ana: UUID) -> None:
    actions.set_ai(rig.workspace, rig.conversation()["id"], ana, False)


def opt_out(rig: Rig, ana: UUID) -> None:
    contact = rig.conversation()["contact_id"]
    with transaction(rig.workspace) as tx:
        contacts.set_opt_out(tx, contact, True, datetime.now(UTC))


@pytest.mark.parametrize("act", [take_over, take_over_and_give_back, switch_off, opt_out])
def test_whoever_acts_meanwhile_silences_it(rig: Rig, twin: TwilioTwin, act: Callable[[Rig, UUID], None]) -> None:
    failed(rig, ONE_MOMENT, "Do you have blue ones?")
    act(rig, rig.user())
    assert said(rig) == [("One moment.", "cancelled")]
    assert twin.sent == []


def test_a_question_is_sent_too_and_its_answer_is_for_the_person(rig: Rig, twin: TwilioTwin) -> None:
    # The customer wrote twice before the question could leave; the second was taken for the answer.
    failed(rig, QUESTION, "Hello", "It is about my order")
    assert said(rig) == [("Your e-mail address?", "sent")]
    rig.receive_sms("ana@example.com")
    rig.settle()
    assert len(twin.sent) == 1
    assert rig.conversation()["unread"] == 3
