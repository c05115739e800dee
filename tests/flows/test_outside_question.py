"""Another system asks: it gets what a customer would be told, and nothing is sent or kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flows.actions import ActionRefused
from flows.outside_question import LONGEST, answer
from tests.flows.rig import ANSWER, FakeModel, FakeModels, Rig


def with_tone(tone: str) -> dict[str, Any]:
    steps = [
        {**step, "config": {"tone": tone}} if step["node"] == "generate@1" else step
        for step in ANSWER["steps"]  # type: ignore[attr-defined]
    ]
    return {**ANSWER, "steps": steps}


def test_the_model_is_asked_as_the_published_automation_asks_it(rig: Rig) -> None:
    rig.publish(with_tone("Like a pirate."))
    model = FakeModel(json.dumps({"reply": "Aye, at nine.", "needs_person": False, "reason": "", "used": []}))
    reply = answer(rig.workspace, "When do you open?", FakeModels(model))
    assert (reply.text, reply.answered, reply.needs_person, reply.quoted) == ("Aye, at nine.", True, False, False)
    said = "\n".join(message.content for message in model.asked[0])
    assert "Like a pirate." in said
    assert "When do you open?" in said


def test_nothing_is_kept_of_it(rig: Rig) -> None:
    rig.publish()
    answer(rig.workspace, "When do you open?", FakeModels(FakeModel()))
    for table in ("contacts", "conversations", "messages", "runs", "outbox", "events_queue"):
        assert rig.query(f"SELECT FROM {table}") == [], table


def test_without_a_model_and_without_documents_a_person_is_needed(rig: Rig) -> None:
    reply = answer(rig.workspace, "When do you open?", FakeModels())
    assert (reply.answered, reply.needs_person, reply.quoted) == (False, True, True)
    assert reply.reason == "The documents do not hold the answer."


@pytest.mark.parametrize("question", ["", "  ", "x" * (LONGEST + 1)])
def test_no_question_and_an_endless_one_are_refused(rig: Rig, question: str) -> None:
    with pytest.raises(ActionRefused):
        answer(rig.workspace, question, FakeModels())
