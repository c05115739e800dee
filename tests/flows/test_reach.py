"""How many conversations a start or a condition would have caught, with examples, while somebody types it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from db.engine import run, transaction
from flows.actions import ActionRefused
from flows.automation import Automation
from flows.reach import reach
from tests.db.builders import a_contact, a_conversation, a_message
from tests.flows.rig import Rig


@pytest.fixture
def rig(database_url: str) -> Rig:
    return Rig()


def document(config: dict[str, Any], *steps: dict[str, Any]) -> Automation:
    return Automation.model_validate(
        {"name": "Reach", "steps": [{"id": "message", "node": "message_received@1", "config": config}, *steps]}
    )


def write(rig: Rig, name: str, *texts: str, days_ago: float = 1) -> UUID:
    """A conversation in which a customer wrote these texts, five minutes apart."""
    at = datetime.now(UTC) - timedelta(days=days_ago)
    with transaction(rig.workspace) as tx:
        conversation = a_conversation(tx, rig.workspace, a_contact(tx, rig.workspace, name=name), rig.webchat)
        for number, text in enumerate(texts):
            a_message(tx, rig.workspace, conversation, text, created_at=at + timedelta(minutes=5 * number))
        run(tx, "UPDATE conversations SET last_inbound_at = %(at)s WHERE id = %(id)s", at=at, id=conversation)
    return conversation


def test_a_start_counts_conversations_and_shows_examples_of_both_kinds(rig: Rig) -> None:
    lena = write(rig, "Lena", "Hello", "What is the price of a bell?")
    write(rig, "Tom", "Are you open?")
    write(rig, "Old", "The price?", days_ago=9)
    found = reach(rig.workspace, document({"keywords": ["price"]}))
    assert (found.conversations, found.caught) == (2, 1)
    assert found.sentence == "1 of 2 conversations in the last 7 days."
    [example] = found.examples
    assert (example.conversation_id, example.contact, example.text) == (lena, "Lena", "What is the price of a bell?")
    [missed] = found.missed
    assert missed.contact == "Tom" and "none of the words" in missed.reason
    assert reach(rig.workspace, document({"keywords": ["price"]}), days=30).caught == 2


def test_a_first_message_is_the_first_of_its_conversation(rig: Rig) -> None:
    write(rig, "Lena", "Hello", "And another thing")
    [example] = reach(rig.workspace, document({"only_first_message": True})).examples
    assert example.text == "Hello"


def test_a_condition_counts_where_it_says_yes_and_its_own_conditions_hold(rig: Rig) -> None:
    write(rig, "Lena", "What is the price of a bell?")
    write(rig, "Tom", "What is the price of a wheel?")
    price = {
        "id": "price",
        "node": "condition@1",
        "input": {"value": "message.text"},
        "config": {"operator": "contains", "expected": "price"},
    }
    bell = {
        **price,
        "id": "bell",
        "config": {"operator": "contains", "expected": "bell"},
        "when": [{"value": "price.yes", "is": True}],
    }
    doc = document({}, price, bell)
    assert reach(rig.workspace, doc, step_id="price").caught == 2
    found = reach(rig.workspace, doc, step_id="bell")
    assert found.caught == 1
    assert found.examples[0].reason == "'What is the price of a bell?' contains bell"
    assert found.missed[0].contact == "Tom"


def test_what_is_further_down_does_not_matter_however_broken(rig: Rig) -> None:
    write(rig, "Lena", "Hello")
    assert reach(rig.workspace, document({}, {"id": "x", "node": "teleport@1"})).caught == 1


def test_a_gate_is_judged_as_things_were(rig: Rig) -> None:
    conversation = write(rig, "Lena", "Hello")
    with transaction(rig.workspace) as tx:
        a_message(tx, rig.workspace, conversation, "Ana here", direction="out", author="human", state="sent")
        a_message(tx, rig.workspace, conversation, "Thanks")
    doc = document({}, {"id": "gate", "node": "gate@1"})
    [example] = reach(rig.workspace, doc, step_id="gate").examples
    assert example.text == "Hello"


def test_what_depends_on_the_model_is_not_guessed(rig: Rig) -> None:
    reply = {"id": "reply", "node": "generate@1", "input": {"message": "message.text"}}
    sent = {"id": "s", "node": "send_message@1", "input": {"text": "reply.text"}}
    with pytest.raises(ActionRefused, match="depends on what 'AI answer' says"):
        reach(rig.workspace, document({}, reply, sent), step_id="s")


@pytest.mark.parametrize(
    ("doc", "step", "says"),
    [
        (Automation(name="x"), None, "what starts"),
        (document({}, {"id": "c", "node": "condition@1"}), "c", "Correct this first"),
        (document({}), "gone", "not there any more"),
    ],
)
def test_what_cannot_be_told_is_said(rig: Rig, doc: Automation, step: str | None, says: str) -> None:
    with pytest.raises(ActionRefused, match=says):
        reach(rig.workspace, doc, step_id=step)


def test_nobody_wrote(rig: Rig) -> None:
    assert (
        reach(rig.workspace, document({})).sentence == "No customer wrote in the last 7 days, so nobody can tell yet."
    )


def test_it_is_quick_enough_to_follow_typing(rig: Rig) -> None:
    with transaction(rig.workspace) as tx:
        run(
            tx,
            """WITH people AS (INSERT INTO contacts (workspace_id, name) SELECT %(w)s, 'C' || n FROM generate_series(1, 400) n RETURNING id),
               talks AS (INSERT INTO conversations (workspace_id, contact_id, connection_id, channel, address, last_inbound_at)
                         SELECT %(w)s, id, %(c)s, 'webchat', id::text, now() FROM people RETURNING id)
               INSERT INTO messages (workspace_id, conversation_id, connection_id, direction, author, content, created_at)
               SELECT %(w)s, id, %(c)s, 'in', 'contact', 'Question ' || n || CASE WHEN n = 2 THEN ' price' ELSE '' END,
                      now() - n * interval '10 minutes'
               FROM talks, generate_series(1, 3) n""",
            w=rig.workspace,
            c=rig.webchat,
        )
    price = {
        "id": "price",
        "node": "condition@1",
        "input": {"value": "message.text"},
        "config": {"operator": "contains", "expected": "price"},
    }
    began = time.perf_counter()
    found = reach(rig.workspace, document({}, price), step_id="price")
    assert (found.conversations, found.caught) == (400, 400)
    assert time.perf_counter() - began < 3.0  # 0.5 s on a quiet machine
