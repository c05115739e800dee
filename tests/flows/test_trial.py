"""A test run shows what would happen, on a sample, a typed message or a message of the past, and nothing happens."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from db.engine import transaction
from flows import trial as tries
from flows.actions import ActionRefused
from flows.automation import Automation
from flows.templates import TEMPLATES, template
from flows.trial import PastMessage, Sample, Trial, Typed, trial
from tests.db.builders import a_contact, a_conversation, a_handoff, a_message
from tests.flows.rig import FakeModel, FakeModels, Rig


@pytest.fixture
def rig(database_url: str) -> Rig:
    return Rig()


def document(*steps: dict[str, Any]) -> Automation:
    return Automation.model_validate(
        {"format": 1, "name": "Try", "steps": [{"id": "message", "node": "message_received@1"}, *steps]}
    )


SAMPLE = Sample()
SEND = {"id": "send", "node": "send_message@1", "config": {"text": "Hello {{message.contact_name}}"}}


def tried(rig: Rig, doc: Automation, given: tries.Given = SAMPLE, model: FakeModel | None = None, **more: Any) -> Trial:
    return trial(rig.workspace, doc, given, models=FakeModels(model), **more)


def past(rig: Rig, *lines: tuple[str, str]) -> list[UUID]:
    """A conversation of (author, text) lines; returns the ids of its messages."""
    with transaction(rig.workspace) as tx:
        conversation = a_conversation(tx, rig.workspace, a_contact(tx, rig.workspace), rig.webchat)
        return [
            a_message(
                tx, rig.workspace, conversation, text, author=author, direction="in" if author == "contact" else "out",
                state="received" if author == "contact" else "sent",
            )
            for author, text in lines
        ]  # fmt: skip


def test_a_sample_shows_every_step_and_what_it_would_do(rig: Rig) -> None:
    found = tried(rig, document(SEND))
    assert [(step.step_id, step.state) for step in found.steps] == [("message", "done"), ("send", "done")]
    assert [would.sentence for would in found.would] == ["Would send to Sam Sample by web chat: “Hello Sam Sample”"]
    assert found.outcome == "done" and "Nothing left" in found.sentence
    assert rig.query("SELECT FROM outbox") == [] and rig.query("SELECT FROM runs") == []
    assert rig.query("SELECT FROM messages") == []


@pytest.mark.parametrize("key", [each.key for each in TEMPLATES])
def test_every_template_does_something_on_its_sample(rig: Rig, key: str) -> None:
    model = FakeModel('{"reply": "Gladly.", "needs_person": false, "reason": "", "used": []}')
    found = tried(rig, template(key).document, model=model)
    assert found.outcome == "done", found.sentence
    assert found.would, found.sentence


def test_a_typed_message_that_does_not_fit_says_why_it_would_not_start(rig: Rig) -> None:
    doc = document(SEND)
    doc = doc.model_copy(
        update={"steps": [doc.steps[0].model_copy(update={"config": {"keywords": ["price"]}}), doc.steps[1]]}
    )
    assert tried(rig, doc, Typed("What is the price?")).outcome == "done"
    refused = tried(rig, doc, Typed("Good morning"))
    assert refused.outcome == "not started" and "price" in refused.sentence and refused.steps == []


def test_a_typed_message_of_a_contact_knows_that_contact(rig: Rig) -> None:
    with transaction(rig.workspace) as tx:
        contact = a_contact(tx, rig.workspace, name="Lena Vogt")
    found = tried(rig, document(SEND), Typed("Hi", "sms", contact))
    assert found.would[0].sentence == "Would send to Lena Vogt by SMS: “Hello Lena Vogt”"


def test_a_past_message_sees_the_conversation_as_it_was(rig: Rig) -> None:
    lines = past(
        rig,
        ("contact", "Hello"),
        ("ai", "Hi"),
        ("contact", "And"),
        ("contact", "on Sunday?"),
        ("ai", "No."),
        ("contact", "Ok"),
    )
    found = tried(rig, document({"id": "memory", "node": "recall@1"}, SEND), PastMessage(lines[3]))
    assert found.steps[0].output["text"] == "And\non Sunday?"
    assert [line["content"] for line in found.steps[1].output["history"]] == ["Hello", "Hi"]


def test_who_owned_the_conversation_then_counts_and_not_who_owns_it_now(rig: Rig) -> None:
    lines = past(rig, ("contact", "Hello"), ("human", "Hi, Ana here"), ("contact", "Thanks"))
    gate = document({"id": "gate", "node": "gate@1"})
    assert tried(rig, gate, PastMessage(lines[0])).steps[1].output["may_answer"] is True
    assert tried(rig, gate, PastMessage(lines[2])).steps[1].output["human_owns"] is True


def test_a_pause_is_noted_and_the_test_goes_on_behind_it(rig: Rig) -> None:
    wait = {"id": "pause", "node": "wait@1", "config": {"minutes": 120}}
    found = tried(rig, document(wait, SEND))
    assert "Would have paused here: Waits until" in found.steps[1].note
    assert found.steps[1].output["waited_seconds"] == 7200
    assert len(found.would) == 1


def test_a_pinned_output_takes_the_place_of_the_step(rig: Rig) -> None:
    reply = {"id": "reply", "node": "generate@1", "input": {"message": "message.text"}}
    send = {"id": "send", "node": "send_message@1", "input": {"text": "reply.text"}}
    model = FakeModel('{"reply": "From the model.", "needs_person": false, "reason": "", "used": []}')
    first = tried(rig, document(reply, send), model=model)
    assert first.would[0].after == "From the model."
    pin = {**first.outputs["reply"], "text": "Pinned."}
    again = tried(rig, document(reply, send), model=model, pins={"reply": pin})
    assert again.would[0].after == "Pinned." and len(model.asked) == 1
    with pytest.raises(ActionRefused, match="answered: this value does not fit"):
        tried(rig, document(reply, send), pins={"reply": {**pin, "answered": "perhaps"}})


def test_an_edited_value_is_used_from_its_step_on_and_nothing_before_is_done_again(rig: Rig) -> None:
    reply = {"id": "reply", "node": "generate@1", "input": {"message": "message.text"}}
    send = {"id": "send", "node": "send_message@1", "input": {"text": "reply.text"}}
    model = FakeModel('{"reply": "From the model.", "needs_person": false, "reason": "", "used": []}')
    first = tried(rig, document(reply, send), model=model)
    again = tried(
        rig,
        document(reply, send),
        model=model,
        start_at="send",
        earlier=first.outputs,
        inputs={"send": {"text": "Mine."}},
    )
    assert again.would[0].after == "Mine." and len(model.asked) == 1
    assert [step.note for step in again.steps[:2]] == [tries.KEPT, tries.KEPT]


def test_a_step_that_fails_says_so_and_that_a_person_would_be_asked_for(rig: Rig) -> None:
    compare = {
        "id": "if",
        "node": "condition@1",
        "input": {"value": "message.text"},
        "config": {"operator": "at least", "expected": "3"},
    }
    found = tried(rig, document({**compare, "id": "more"}))
    assert found.outcome == "failed" and found.steps[1].state == "failed"
    assert "is not a number" in found.sentence and "A person would be asked for" in found.sentence


def test_a_draft_with_a_problem_is_not_tried(rig: Rig) -> None:
    with pytest.raises(ActionRefused, match="Correct this first"):
        tried(rig, document({"id": "send", "node": "send_message@1", "input": {"text": "nobody.text"}}))


def test_a_message_of_another_workspace_is_not_there(rig: Rig) -> None:
    with pytest.raises(ActionRefused, match="does not exist"):
        tried(rig, document(SEND), PastMessage(past(Rig(), ("contact", "Hello"))[0]))


def test_a_handoff_that_is_settled_since_counts_for_its_own_time_only(rig: Rig) -> None:
    lines = past(rig, ("contact", "A person please"))
    with transaction(rig.workspace) as tx:
        conversation = rig.conversation()["id"]
        a_handoff(tx, rig.workspace, conversation)
        a_message(
            tx,
            rig.workspace,
            conversation,
            "A person is asked for",
            direction="note",
            author="system",
            metadata={"handoff": "x"},
        )
        later = a_message(tx, rig.workspace, conversation, "Hello?")
    gate = document({"id": "gate", "node": "gate@1"})
    assert tried(rig, gate, PastMessage(lines[0])).steps[1].output["human_owns"] is False
    assert tried(rig, gate, PastMessage(later)).steps[1].output["human_owns"] is True
