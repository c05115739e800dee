"""Every broken automation is refused with the step, the field and the remedy."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from flows.check import check, fits

FRONT_DESK = json.loads((Path(__file__).parents[2] / "flows" / "demo_data" / "front_desk.json").read_text())


def step(id: str, node: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "node": node, **more}


TRIGGER = step("message", "message_received@1")
GATE = step("gate", "gate@1")


def broken(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"format": 1, "name": "Broken", "steps": list(steps)}


def test_the_demo_automation_has_no_problem() -> None:
    assert check(FRONT_DESK) == []


@pytest.mark.parametrize(
    ("document", "at", "field", "says"),
    [
        (broken(), "", "steps", "no steps"),
        (broken(GATE), "gate", "node", "no trigger"),
        (broken(TRIGGER, step("again", "message_received@1")), "again", "node", "only be the first"),
        (broken(step("message", "message_received@1", disabled=True)), "message", "disabled", "disabled"),
        (broken(TRIGGER, GATE, GATE), "gate", "id", "Two steps"),
        (broken(TRIGGER, step("x", "teleport@1")), "x", "node", "no node 'teleport@1'"),
        (broken(TRIGGER, step("x", "gate@9")), "x", "node", "no node 'gate@9'"),
        (broken(TRIGGER, step("Bad Id", "gate@1")), "Bad Id", "id", "pattern"),
        (broken(TRIGGER, step("x", "gate@1", colour="red")), "x", "colour", "Extra inputs"),
        (broken(TRIGGER, step("x", "gate@1", on_error="explode")), "x", "on_error", "'stop' or 'continue'"),
        (broken(TRIGGER, step("x", "gate@1", retries=99)), "x", "retries", "less than or equal to 5"),
        (broken(TRIGGER, step("x", "gate@1", config={"colour": 1})), "x", "config.colour", "Extra inputs"),
        (broken(TRIGGER, step("x", "retrieve@1", config={"passages": 0})), "x", "config.passages", "greater than"),
        (
            broken(TRIGGER, step("x", "send_message@1", input={"colour": "message.text"})),
            "x",
            "input.colour",
            "no input",
        ),
        (broken(TRIGGER, step("x", "send_message@1", input={"text": "nowhere.text"})), "x", "input.text", "no step"),
        (
            broken(TRIGGER, step("x", "send_message@1", input={"text": "message.colour"})),
            "x",
            "input.text",
            "not an output",
        ),
        (broken(TRIGGER, step("x", "send_message@1", input={"text": "x.text"})), "x", "input.text", "itself"),
        (broken(TRIGGER, step("x", "send_message@1", input={"text": "gate.reason"}), GATE), "x", "input.text", "later"),
        (broken(TRIGGER, step("x", "send_message@1", input={"text": "message"})), "x", "input.text", "not a reference"),
        (broken(TRIGGER, step("x", "send_message@1", input={"text": "message.text.a"})), "x", "input.text", "no parts"),
        (broken(TRIGGER, step("x", "generate@1", input={"passages": "message.text"})), "x", "input.passages", "a list"),
        (broken(TRIGGER, step("x", "hand_off@1", input={"verdict": "message.text"})), "x", "input.verdict", "yes/no"),
        (broken(TRIGGER, GATE, step("x", "send_message@1", when=[{"value": "gate.reason"}])), "x", "when", "yes/no"),
        (broken(TRIGGER, step("x", "send_message@1", when=[{"value": "gate.blocked"}])), "x", "when", "no step"),
        (
            broken(TRIGGER, step("x", "send_message@1", config={"text": "Hi {{who.name}}"})),
            "x",
            "config.text",
            "no step",
        ),
        (broken(TRIGGER, step("x", "send_message@1", config={"text": "{{}}"})), "x", "config.text", "not a reference"),
        (
            broken(
                TRIGGER, step("g", "gate@1", disabled=True), step("x", "send_message@1", input={"text": "g.reason"})
            ),
            "x",
            "input.text",
            "disabled",
        ),
        (
            broken(step("message", "message_received@1", when=[{"value": "gate.blocked"}])),
            "message",
            "when",
            "condition",
        ),
    ],
)
def test_a_broken_automation_names_step_field_and_remedy(
    document: dict[str, Any], at: str, field: str, says: str
) -> None:
    problems = check(document)
    [found] = [problem for problem in problems if problem.step == at and problem.field == field][:1]
    assert says in found.message
    assert found.remedy.endswith(".")


def test_all_problems_come_at_once() -> None:
    document = deepcopy(FRONT_DESK)
    document["steps"][4]["input"] = {"nonsense": "message.text"}
    document["steps"][7]["when"][0]["value"] = "reply.colour"
    assert {problem.step for problem in check(document)} == {"memory", "send"}


def test_a_document_that_is_no_document_is_one_problem_and_no_crash() -> None:
    for junk in ({}, {"steps": 3}, {"name": "x", "steps": [1]}, {"name": "", "steps": []}, {"format": 7, "name": "x"}):
        assert check(junk), junk


@pytest.mark.parametrize(
    ("have", "want", "may"),
    [
        (str, str, True),
        (bool, str, True),
        (str, bool, False),
        (int, float, True),
        (list[int], list[str], True),
        (Any, bool, True),
        (str | None, list[str], False),
    ],
)
def test_which_values_fit_where(have: Any, want: Any, may: bool) -> None:
    assert fits(have, want) is may
