"""Why nothing happened with a message: each thing on its way that can stop an answer is told, with its reason in words."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from db.engine import read_only, run, system, transaction
from flows import actions
from flows.why import Reason, first_reason, why
from tests.db.builders import a_conversation, a_message, an_event
from tests.flows.rig import ANSWER, FakeModel, Rig


def reasons(rig: Rig, message: UUID | None = None) -> list[Reason]:
    """Of a message, the newest one of a customer where none is given."""
    found = rig.query("SELECT id FROM messages WHERE direction = 'in' ORDER BY seq DESC LIMIT 1")
    with read_only(rig.workspace) as tx:
        return why(tx, message or found[0]["id"])


STEPS: list[Any] = list(ANSWER["steps"])  # type: ignore[call-overload]


def first(rig: Rig, document: Any = ANSWER, text: str = "Hello?") -> str:
    if document:
        rig.publish(document)
    rig.receive_sms(text)
    rig.take_in()
    with system() as tx:
        run(tx, "UPDATE runs SET due_at = now() WHERE state = 'pending'")  # the limit between two answers is over
    rig.settle()
    return first_reason(reasons(rig))


def test_an_answered_message_has_no_reason_and_shows_its_way(rig: Rig) -> None:
    assert first(rig) == ""
    assert [(line.kind, line.title) for line in reasons(rig)] == [("went", "'Answer'"), ("went", "The answer")]


def test_no_automation_is_published(rig: Rig) -> None:
    assert first(rig, None) == "No automation is published."


def test_an_automation_does_not_start_with_this_message(rig: Rig) -> None:
    trigger = {"id": "message", "node": "message_received@1", "config": {"channels": ["email"]}}
    said = first(rig, {**ANSWER, "steps": [trigger, *STEPS[1:]]})
    assert "sms" in said.lower()


def test_a_stop_word(rig: Rig) -> None:
    assert "stop word" in first(rig, text="STOP")
    assert "Opt-out" in [line.title for line in reasons(rig)]


def test_a_person_has_the_conversation(rig: Rig) -> None:
    first(rig)
    actions.take_over(rig.workspace, rig.conversation()["id"], rig.user())
    said = first(rig, None)
    assert "The step 'Send message' was skipped. Only if gate.may_answer is yes." in said
    assert any(line.title == "The pen" and "Ana Silva" in line.sentence for line in reasons(rig))


def test_a_skipped_step_says_why_the_step_before_it_said_no(rig: Rig) -> None:
    first(rig)
    actions.set_ai(rig.workspace, rig.conversation()["id"], None, False)
    first(rig, None)
    told = reasons(rig)
    assert any(line.title == "The AI switch" for line in told)
    assert any("was skipped" in line.sentence for line in told)


def test_a_run_that_failed(rig: Rig) -> None:
    empty = {"id": "ask", "node": "ask@1", "config": {"question": "{{message.contact_name}} "}}
    assert "The run failed. Ask and wait: The question is empty." in first(rig, {**ANSWER, "steps": [STEPS[0], empty]})  # fmt: skip


def test_a_run_that_waits(rig: Rig) -> None:
    approve = {"id": "ok", "node": "approve@1", "config": {"text": "Yes."}}
    assert first(rig, {**ANSWER, "steps": [STEPS[0], approve]}).startswith(
        "The run waits. Waits for a colleague's approval"
    )


def test_a_person_took_over_while_the_answer_was_made(rig: Rig) -> None:
    model = rig.model
    assert isinstance(model, FakeModel)
    ana = rig.user()
    model.meanwhile = [lambda: actions.take_over(rig.workspace, rig.conversation()["id"], ana)]
    assert "took over" in first(rig)


def test_a_newer_message_replaced_the_run(rig: Rig) -> None:
    first(rig)
    with system() as tx:
        run(tx, "UPDATE runs SET state = 'superseded', outcome = 'The customer wrote more; the answer covers it all.'")
        run(tx, "DELETE FROM outbox")
    assert first_reason(reasons(rig)) == "The customer wrote more; the answer covers it all."


@pytest.mark.parametrize(
    ("state", "said"),
    [("cancelled", "was not sent"), ("failed", "could not be sent"), ("unknown", "Nobody can say")],
)
def test_an_answer_that_did_not_leave(rig: Rig, state: str, said: str) -> None:
    first(rig)
    with system() as tx:
        run(tx, "UPDATE outbox SET state = %(state)s, error = 'The number is blocked.'", state=state)
    assert said in first_reason(reasons(rig))
    assert "The number is blocked." in first_reason(reasons(rig))


def test_a_paused_connection(rig: Rig) -> None:
    with system() as tx:
        run(tx, "UPDATE connections SET state = 'paused', state_reason = 'The key is wrong.' WHERE kind = 'twilio'")
    said = first(rig)
    assert "waits in line" in said and "The key is wrong." in said
    assert "The connection" in [line.title for line in reasons(rig)]


def test_parked_arrivals_of_the_connection_are_told(rig: Rig) -> None:
    first(rig)
    with transaction(rig.workspace) as tx:
        an_event(tx, rig.workspace, rig.twilio, state="parked")
    [line] = [line for line in reasons(rig) if line.title == "Parked arrivals"]
    assert line.sentence.startswith("One arrival over")


def test_a_message_without_decisions_says_so(rig: Rig) -> None:
    with transaction(rig.workspace) as tx:
        message = a_message(tx, rig.workspace, a_conversation(tx, rig.workspace))
    assert "No decision is kept" in first_reason(reasons(rig, message))
    assert reasons(rig, uuid4()) == []
