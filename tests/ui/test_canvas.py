"""The diagram's paths follow from the conditions alone."""

from __future__ import annotations

from typing import Any

from flows.automation import Automation
from ui.canvas import Asked, Card, Fork, drawing, layout


def automation(*steps: dict[str, Any]) -> Automation:
    return Automation.model_validate({"name": "Front desk", "steps": steps})


def step(id: str, node: str = "gate@1", **conditions: bool) -> dict[str, Any]:
    when = [{"value": name.replace("__", "."), "is": expected} for name, expected in conditions.items()]
    return {"id": id, "node": node, "when": when}


def sketch(blocks: Any) -> list[Any]:
    """Blocks as nested lists: a card is its id, a path is [+/-condition, blocks]."""
    return [
        block.step.id
        if isinstance(block, Card)
        else [[("+" if p.asked.expected else "-") + p.asked.value, sketch(p.blocks)] for p in block.paths]
        for block in blocks
    ]


def test_steps_without_conditions_stand_below_each_other() -> None:
    assert sketch(layout(automation(step("a"), step("b")))) == ["a", "b"]


def test_neighbours_with_one_condition_share_a_path() -> None:
    drawn = sketch(
        layout(automation(step("a"), step("b", a__may_answer=True), step("c", a__may_answer=True), step("d")))
    )
    assert drawn == ["a", [["+a.may_answer", ["b", "c"]]], "d"]


def test_opposite_conditions_stand_beside_each_other() -> None:
    drawn = sketch(layout(automation(step("a"), step("b", a__may_answer=True), step("c", a__may_answer=False))))
    assert drawn == ["a", [["+a.may_answer", ["b"]], ["-a.may_answer", ["c"]]]]


def test_the_wider_condition_is_the_outer_path() -> None:
    blocks = layout(
        automation(
            step("gate"),
            step("wish", gate__ok=True),
            step("reply", wish__asked=False, gate__ok=True),
            step("person", gate__ok=True, wish__asked=True),
        )
    )
    [_, fork] = blocks
    assert isinstance(fork, Fork)
    assert sketch(fork.paths[0].blocks) == ["wish", [["-wish.asked", ["reply"]], ["+wish.asked", ["person"]]]]
    assert fork.paths[0].asked == Asked("gate.ok", True)


def test_a_path_is_labelled_with_the_nodes_own_words() -> None:
    [_, fork] = drawing(automation(step("gate"), step("b", gate__open_now=False)))["blocks"]
    assert fork["paths"][0]["label"] == "Unless it is within opening hours"


def test_a_failed_step_is_a_condition_too() -> None:
    [_, fork] = drawing(automation(step("gate"), step("b", gate__failed=True)))["blocks"]
    assert fork["paths"][0]["label"] == "Only if “May the AI answer?” did not work"


def test_a_comparison_is_named_by_its_step() -> None:
    compares = step("urgent", "condition@1") | {"title": "Is it urgent?"}
    [_, fork] = drawing(automation(compares, step("b", urgent__yes=True)))["blocks"]
    assert fork["paths"][0]["label"] == "Only if “Is it urgent?” says yes"


def test_a_run_marks_what_it_did_and_what_it_never_reached() -> None:
    blocks = drawing(automation(step("a"), step("b"), step("c")), states={"a": "done", "b": "failed"})["blocks"]
    assert [card["state"] for card in blocks] == ["done", "failed", "not reached"]


def test_a_step_of_a_newer_version_is_drawn_all_the_same() -> None:
    [card] = drawing(automation(step("a", node="telepathy@7")))["blocks"]
    assert card["title"] == "telepathy@7"
    assert "does not know" in card["sentence"]


def test_only_settings_that_differ_from_the_nodes_own_are_shown() -> None:
    trigger = {"id": "m", "node": "message_received@1", "config": {"hours": "any", "keywords": ["tube", "tyre"]}}
    [card] = drawing(automation(trigger))["blocks"]
    assert card["settings"] == ["Words that start it: tube, tyre"]
