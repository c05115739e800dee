"""Conditions in words: what is asked, and of which step, each named once."""

from __future__ import annotations

from flows.automation import Automation, Step
from ui import builder_when

DOCUMENT = Automation(
    name="Desk",
    steps=[
        Step(id="message", node="message_received@1"),
        Step(id="gate", node="gate@1"),
        Step(id="urgent", node="condition@1", title="Is it urgent?"),
    ],
)


def test_the_menu_of_conditions_names_the_step_that_is_asked_once() -> None:
    assert [builder_when.named(DOCUMENT)(ref) for ref in ("gate.open_now", "gate.failed", "urgent.yes")] == [
        "Only if it is within opening hours (May the AI answer?)",
        "Only if “May the AI answer?” did not work",
        "Only if “Is it urgent?” says yes",
    ]
