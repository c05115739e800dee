"""A step that was skipped says why: the journal names the condition, the document says what it means."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from db.engine import transaction
from flows.automation import Automation
from flows.templates import template
from tests.db.builders import a_contact, a_conversation, a_run, a_step, an_automation
from tests.ui.conftest import Office
from tests.ui.test_runs_page import visit  # noqa: F401
from ui import skipped

STEPS = [
    {"id": "message", "node": "message_received@1"},
    {"id": "gate", "node": "gate@1"},
    {"id": "mark", "node": "condition@1", "title": "Four or five?"},
    {"id": "reply", "node": "generate@1", "title": "Write the answer"},
    {
        "id": "send",
        "node": "send_message@1",
        "when": [{"value": "reply.answered", "is": True}, {"value": "gate.may_answer", "is": False}],
    },
    {"id": "thank", "node": "send_message@1", "when": [{"value": "mark.yes", "is": True}]},
    {"id": "off", "node": "send_message@1", "disabled": True},
]
DESK = Automation.model_validate({"name": "Desk", "steps": STEPS})


@pytest.mark.parametrize(
    "id, note, short, whole",
    [
        (
            "send",
            "Only if reply.answered is yes.",
            "only if the answer can be sent",
            "This step runs only if the answer can be sent (“Write the answer”).",
        ),
        (
            "send",
            "Only if gate.may_answer is no.",
            "nothing blocks",
            "This step runs unless nothing blocks (“May the AI answer?”).",
        ),
        (
            "thank",
            "Only if mark.yes is yes.",
            "only if “Four or five?” says yes",
            "This step runs only if “Four or five?” says yes.",
        ),
        ("off", "The step is disabled.", "switched off", "This step is switched off."),
        ("send", "Something else.", "Something else.", "Something else."),
        ("gone", "Only if reply.answered is yes.", "Only if reply.answered is yes.", "Only if reply.answered is yes."),
        ("send", "", "", ""),
    ],
)
def test_the_reason_is_told_in_the_words_of_the_condition(id: str, note: str, short: str, whole: str) -> None:
    assert (skipped.short(DESK, id, note), skipped.whole(DESK, id, note)) == (short, whole)


def test_the_folded_line_of_a_run_says_why_a_step_was_skipped(visit: Any, office: Office) -> None:  # noqa: F811
    document = template("front_desk").document.model_dump(mode="json", by_alias=True)
    with transaction(office.workspace) as tx:
        contact = a_contact(tx, office.workspace)
        conversation = a_conversation(tx, office.workspace, contact)
        automation = an_automation(tx, office.workspace, document)
        run: UUID = a_run(tx, office.workspace, automation, conversation, contact_id=contact)
        note = "Only if reply.answered is yes."
        a_step(tx, office.workspace, run, "send", 7, node="send_message@1", state="skipped", note=note)
    [line] = [each.label for each in visit("runs", run=str(run)).expander if "Skipped" in each.label]
    assert line.endswith("**Send the answer** :gray[Skipped: only if the answer can be sent]")
