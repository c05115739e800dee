"""The cards of a group say their conditions once, and each of them knows all of its own."""

from __future__ import annotations

from typing import Any

from flows.automation import Automation
from flows.templates import template
from ui import builder_steps

OPEN, WISH = ("gate.may_answer", True), ("person.requested", False)


def shown(*conditions: list[tuple[str, bool]]) -> list[tuple[list[str], list[str]]]:
    """What each card shows of its conditions, and all of them, one step for each list of conditions."""
    steps: list[dict[str, Any]] = [
        {"id": "message", "node": "message_received@1"},
        {"id": "gate", "node": "gate@1"},
        {"id": "person", "node": "hand_off@1"},
    ]
    for number, asked in enumerate(conditions):
        when = [{"value": value, "is": expected} for value, expected in asked]
        steps.append({"id": f"it{number}", "node": "recall@1", "when": when})
    document = Automation.model_validate({"name": "Desk", "steps": steps})
    return [(card["shown"], card["conditions"]) for card in builder_steps.cards(document, [])[3:]]


def test_only_the_first_card_of_a_group_says_its_conditions() -> None:
    both = ["Only if nothing blocks", "Unless a person is asked for now"]
    assert shown([OPEN, WISH], [OPEN, WISH], [WISH, OPEN]) == [(both, both), ([], both), ([], both[::-1])]


def test_a_card_further_in_says_what_it_asks_besides() -> None:
    [_, (said, all)] = shown([OPEN], [OPEN, WISH])
    assert (said, len(all)) == (["Unless a person is asked for now"], 2)


def test_where_a_condition_ends_the_rest_is_said_again() -> None:
    assert shown([OPEN, WISH], [OPEN])[1] == (["Only if nothing blocks"], ["Only if nothing blocks"])
    assert shown([OPEN, WISH], [OPEN, ("gate.open_now", True)])[1][0] == [
        "Only if nothing blocks",
        "Only if it is within opening hours",
    ]


def test_a_group_that_was_left_is_begun_anew() -> None:
    assert [said for said, _ in shown([OPEN], [], [OPEN])] == [
        ["Only if nothing blocks"],
        [],
        ["Only if nothing blocks"],
    ]


def test_the_front_desk_says_each_condition_where_it_begins() -> None:
    said = [card["shown"] for card in builder_steps.cards(template("front_desk").document, [])]
    assert [len(each) for each in said] == [0, 0, 1, 1, 0, 0, 0, 1, 1]
