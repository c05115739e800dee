"""A sentence becomes a draft: the model writes it, the check reads it, and what is wrong goes back to the model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from flows.actions import ActionRefused
from flows.from_sentence import SCHEMA, catalogue, draft_from
from nodes import registry
from nodes.contract import ChatMessage, Completion
from nodes.errors import AuthFailed, Throttled
from tests.fakes.models import RememberingModel
from tests.flows.rig import FakeModels

WISH = "When someone asks for a price, answer from the documents and tell the sales team."
GOOD: dict[str, Any] = {
    "name": "Prices",
    "description": "Answers questions about prices.",
    "steps": [
        {"id": "message", "node": "message_received@1", "config": {"keywords": ["price"]}},
        {"id": "send", "node": "send_message@1", "config": {"text": "Thank you, {{message.contact_name}}!"}},
    ],
}
BAD = {**GOOD, "steps": [GOOD["steps"][0], {"id": "send", "node": "send_sms@1"}]}


@dataclass
class Writer(RememberingModel):
    """Gives one answer after the other."""

    answers: list[Any]

    def answer(self, messages: Sequence[ChatMessage]) -> Completion:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Completion(answer if isinstance(answer, str) else json.dumps(answer), self.name)


def test_a_good_answer_is_a_draft_without_a_problem() -> None:
    writer = Writer([GOOD])
    made = draft_from(uuid4(), WISH, models=FakeModels(writer))
    assert (made.name, [step.node for step in made.steps]) == ("Prices", ["message_received@1", "send_message@1"])
    assert writer.asked[0][-1].content == WISH and writer.options[0]["json_schema"] == SCHEMA


def test_the_model_is_told_of_every_node_with_its_settings_and_outputs() -> None:
    told = catalogue()
    for spec in registry.all_specs():
        assert f"{spec.key} (" in told
        for name in (*spec.config.model_fields, *spec.input.model_fields, *spec.output.model_fields):
            # It could only invent the id of a template at Twilio.
            assert (f".{name} (" in told) is ((spec.name, name) != ("send_message", "template"))


def test_problems_go_back_to_the_model_which_repairs_them() -> None:
    writer = Writer([f"Here it is: {json.dumps(BAD)} Done.", GOOD])
    assert draft_from(uuid4(), WISH, models=FakeModels(writer)).name == "Prices"
    assert "There is no node 'send_sms@1'" in writer.asked[1][-1].content


@pytest.mark.parametrize("answer", ["I would rather not.", "[]", '{"steps": 3}', "{}"])
def test_what_is_no_automation_at_all_is_repaired_too(answer: str) -> None:
    writer = Writer([answer, GOOD])
    assert draft_from(uuid4(), WISH, models=FakeModels(writer)).name == "Prices"


def test_after_two_repairs_it_gives_up_with_the_problem() -> None:
    writer = Writer([BAD, BAD, BAD])
    with pytest.raises(ActionRefused, match="no automation that works.*send_sms@1"):
        draft_from(uuid4(), WISH, models=FakeModels(writer))
    assert len(writer.asked) == 3


@pytest.mark.parametrize(
    ("models", "sentence", "says"),
    [
        (FakeModels(), WISH, "No language model is connected"),
        (FakeModels(Writer([])), "  ", "Say in a sentence"),
        (FakeModels(Writer([])), "x" * 2001, "at most 2000"),
        (FakeModels(Writer([AuthFailed("The key is not valid.")])), WISH, "cannot be asked. The key is not valid"),
        (FakeModels(Writer([Throttled("Too many.", 7)])), WISH, "Try again in 7 seconds"),
    ],
)
def test_what_stands_in_the_way_is_said(models: FakeModels, sentence: str, says: str) -> None:
    with pytest.raises(ActionRefused, match=says):
        draft_from(uuid4(), sentence, models=models)
