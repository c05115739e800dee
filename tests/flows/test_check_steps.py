"""Steps that wait, start others or start at set times are refused with the field and the remedy where they could never work."""

from __future__ import annotations

from typing import Any

import pytest

from flows.check import check


def problems(*steps: dict[str, Any]) -> list[tuple[str, str, str]]:
    document = {"format": 1, "name": "Steps", "steps": list(steps)}
    return [(found.step, found.field, found.remedy) for found in check(document)]


MESSAGE = {"id": "message", "node": "message_received@1"}


@pytest.mark.parametrize(
    "when", ["every day at 9:00", "weekdays at 8", "every Monday and Friday at 6:30 pm", "0 9 * * 1"]
)
def test_times_that_repeat_are_taken(when: str) -> None:
    assert problems({"id": "start", "node": "schedule@1", "config": {"when": when}}) == []


@pytest.mark.parametrize("when", ["", "tomorrow", "every fortnight or so", "at 27:00", "99 9 * * 1"])
def test_a_time_that_repeats_not_is_refused_with_examples(when: str) -> None:
    [(step, field, remedy)] = problems({"id": "start", "node": "schedule@1", "config": {"when": when}})
    assert (step, field) == ("start", "config.when")
    assert "every" in remedy


def test_a_schedule_for_contacts_with_a_tag_names_the_tag() -> None:
    [(step, field, _)] = problems({"id": "start", "node": "schedule@1", "config": {"for_each": "tagged"}})
    assert (step, field) == ("start", "config.tag")


def test_a_step_that_starts_an_automation_names_one() -> None:
    [(step, field, _)] = problems(MESSAGE, {"id": "other", "node": "run_automation@1"})
    assert (step, field) == ("other", "config.automation")


@pytest.mark.parametrize("choices", [[], ["blue"]])
def test_a_question_with_choices_has_two_at_least(choices: list[str]) -> None:
    asking = {"id": "colour", "node": "ask@1", "config": {"question": "Which?", "kind": "choice", "choices": choices}}
    [(step, field, remedy)] = problems(MESSAGE, asking)
    assert (step, field) == ("colour", "config.choices")
    assert remedy
