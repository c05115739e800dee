"""A run that was stopped goes on once the AI has the conversation again and nobody has said anything since; else it is said why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from db import contacts
from db.engine import run, system, transaction
from flows import actions
from flows.actions import ActionRefused
from flows.observe import Execution
from flows.rerun import rerun
from tests.fakes.twilio_twin import TwilioTwin
from tests.flows.rig import FakeModel, Rig
from tests.flows.test_waiting_runs import ASKING, hurry

TRIGGER = {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}}
REPLY = {"id": "reply", "node": "generate@1", "input": {"message": "message.text"}}
TWO_WORDS: dict[str, Any] = {
    "format": 1,
    "name": "Two words",
    "steps": [
        TRIGGER,
        {"id": "first", "node": "send_message@1", "config": {"text": "One moment."}},
        REPLY,
        {"id": "second", "node": "send_message@1", "input": {"text": "reply.text"}},
        {"id": "tell", "node": "notify@1", "config": {"text": "It was answered."}},
    ],
}
THINKS_AND_ASKS = {**ASKING, "name": "Thinks and asks", "steps": [TRIGGER, REPLY, *ASKING["steps"][1:]]}


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def rig(database_url: str, twin: TwilioTwin, model: FakeModel) -> Rig:
    return Rig(twin.base_url, model)


@pytest.fixture
def ana(rig: Rig) -> UUID:
    return rig.user()


def take_over(rig: Rig, ana: UUID) -> None:
    actions.take_over(rig.workspace, rig.conversation()["id"], ana)


def give_back(rig: Rig, ana: UUID) -> None:
    actions.give_back(rig.workspace, rig.conversation()["id"], ana)


def switch_off(rig: Rig, ana: UUID) -> None:
    actions.set_ai(rig.workspace, rig.conversation()["id"], ana, False)


def switch_on(rig: Rig, ana: UUID) -> None:
    actions.set_ai(rig.workspace, rig.conversation()["id"], ana, True)


def stopped(
    rig: Rig, model: FakeModel, ana: UUID, act: Callable[[Rig, UUID], None] = take_over, document: Any = TWO_WORDS
) -> None:
    """The first word has left; while the model thought, a person did something."""

    def meanwhile() -> None:
        rig.deliver()
        act(rig, ana)

    model.meanwhile = [meanwhile]
    rig.publish(document)
    rig.receive_sms("Do you have blue ones?")
    rig.settle()
    assert [row["state"] for row in rig.query("SELECT state FROM runs")] == ["cancelled"]


def go_on(rig: Rig, ana: UUID) -> None:
    [found] = rig.query("SELECT id FROM runs ORDER BY seq LIMIT 1")
    rerun(rig.workspace, ana, found["id"])


def texts(twin: TwilioTwin) -> list[str]:
    return [message.body for message in twin.sent]


@pytest.mark.parametrize(("act", "undo"), [(take_over, give_back), (switch_off, switch_on)])
def test_it_goes_on_where_its_words_were_dropped_and_repeats_nothing(
    rig: Rig,
    model: FakeModel,
    ana: UUID,
    twin: TwilioTwin,
    act: Callable[[Rig, UUID], None],
    undo: Callable[[Rig, UUID], None],
) -> None:
    stopped(rig, model, ana, act)
    undo(rig, ana)
    go_on(rig, ana)
    rig.settle()
    assert texts(twin) == ["One moment.", "We open at nine."]
    assert len(model.asked) == 1
    assert rig.query("SELECT state FROM runs") == [{"state": "done"}]
    assert len(rig.query("SELECT FROM outbox WHERE effect ->> 'kind' = 'notify_people'")) == 1
    [note] = rig.query("SELECT content FROM messages WHERE direction = 'note' ORDER BY seq DESC LIMIT 1")
    assert note["content"] == "Ana Silva let the automation 'Two words' go on where it was stopped."


def test_who_takes_over_again_has_the_word_again(rig: Rig, model: FakeModel, ana: UUID, twin: TwilioTwin) -> None:
    stopped(rig, model, ana)
    give_back(rig, ana)
    go_on(rig, ana)
    take_over(rig, ana)
    rig.settle()
    assert texts(twin) == ["One moment."]
    give_back(rig, ana)
    go_on(rig, ana)
    rig.settle()
    assert texts(twin) == ["One moment.", "We open at nine."]


def test_a_question_that_was_dropped_is_asked(rig: Rig, model: FakeModel, ana: UUID, twin: TwilioTwin) -> None:
    stopped(rig, model, ana, document=THINKS_AND_ASKS)
    give_back(rig, ana)
    go_on(rig, ana)
    rig.settle()
    assert texts(twin) == ["Your e-mail address?"]
    rig.receive_sms("ana@example.com")
    rig.take_in()
    hurry(rig)
    assert texts(twin) == ["Your e-mail address?", "Thanks, ana@example.com."]


def test_what_was_asked_once_is_not_asked_from_the_beginning(rig: Rig, ana: UUID, twin: TwilioTwin) -> None:
    rig.publish(ASKING)
    rig.receive_sms("Hello")
    rig.settle()
    rig.receive_sms("what?")
    rig.take_in()
    with system() as tx:
        run(tx, "UPDATE runs SET due_at = now()")
    [claimed] = rig.claim_runs()
    take_over(rig, ana)
    assert rig.engine.execute(claimed, Execution(claimed.id)).state == "cancelled"
    give_back(rig, ana)
    with pytest.raises(ActionRefused, match="cannot be asked again.*[Aa]nswer yourself"):
        go_on(rig, ana)


def refused(rig: Rig, ana: UUID) -> str:
    with pytest.raises(ActionRefused) as refusal:
        go_on(rig, ana)
    return str(refusal.value)


def set_opt_out(rig: Rig, out: bool) -> None:
    contact = rig.conversation()["contact_id"]
    with transaction(rig.workspace) as tx:
        contacts.set_opt_out(tx, contact, out, datetime.now(UTC))


def test_where_it_may_not_it_is_said_why_and_what_to_do_instead(
    rig: Rig, model: FakeModel, ana: UUID, twin: TwilioTwin
) -> None:
    stopped(rig, model, ana)
    assert refused(rig, ana) == "Ana Silva has this conversation. Give it back to the AI first, or answer yourself."
    give_back(rig, ana)
    switch_off(rig, ana)
    assert "The AI is switched off in this conversation. Switch it on first" in refused(rig, ana)
    switch_on(rig, ana)
    set_opt_out(rig, True)
    assert "no more automatic messages" in refused(rig, ana)
    set_opt_out(rig, False)
    actions.create_handoff(rig.workspace, rig.conversation()["id"], "system", "other", "Look here.")
    assert refused(rig, ana).startswith("A person is asked for in this conversation. Give it back to the AI first")
    rig.receive_sms("And green ones?")
    rig.take_in()
    give_back(rig, ana)
    assert refused(rig, ana).startswith("The customer has written more since, which this run would not answer.")
    actions.reply(rig.workspace, rig.conversation()["id"], ana, "We have.", "key")
    give_back(rig, ana)
    assert refused(rig, ana) == (
        "The customer has a newer answer already. "
        "Answer yourself, or test the automation on that message to see what it would say."
    )
    rig.settle()
    assert "We open at nine." not in texts(twin)


def test_what_is_not_known_any_more_is_not_guessed(rig: Rig, model: FakeModel, ana: UUID) -> None:
    stopped(rig, model, ana)
    give_back(rig, ana)
    with system() as tx:  # as runs were kept that were stopped before dropped effects were marked
        run(tx, "UPDATE run_steps SET detail = detail - 'not_in_line'")
    assert "cannot be taken up" in refused(rig, ana)
    with system() as tx:
        run(tx, "UPDATE run_steps SET output = '{}', detail = '{}'")
    assert "for a limited time" in refused(rig, ana)
    with system() as tx:
        run(tx, "UPDATE runs SET conversation_id = NULL")
    assert refused(rig, ana) == "This run has nobody to speak to. Start the automation with a message."
