"""A draft against the live version over past turns: a planted change shows in exactly the conversations that it touches."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from db import backtests, views
from db.engine import run, system, transaction
from flows import backtest, drafts
from flows.actions import ActionRefused
from flows.automation import Automation
from flows.publish import publish
from nodes.contract import ChatMessage, Completion
from tests.db.builders import a_message, a_talk
from tests.fakes.models import RememberingModel, verdict
from tests.flows.rig import FakeModels, Rig
from tests.waiting import until

GREET = {
    "format": 1,
    "name": "Desk",
    "description": "",
    "steps": [
        {"id": "message", "node": "message_received@1"},
        {"id": "gate", "node": "gate@1"},
        {"id": "price", "node": "condition@1", "input": {"value": "message.text"}, "config": {"operator": "contains", "expected": "price"}},
        {"id": "reply", "node": "generate@1", "input": {"message": "message.text"}, "when": [{"value": "gate.may_answer", "is": True}]},
        {"id": "send", "node": "send_message@1", "input": {"text": "reply.text"}, "when": [{"value": "reply.answered", "is": True}]},
        {"id": "person", "node": "hand_off@1", "input": {"message": "message.text", "verdict": "reply.needs_person"}, "when": [{"value": "reply.needs_person", "is": True}]},
        {"id": "vip", "node": "tag@1", "config": {"add": ["interested"]}, "when": [{"value": "price.yes", "is": True}]},
        {"id": "tell", "node": "notify@1", "config": {"text": "Interest in {{message.text}}"}, "when": [{"value": "price.yes", "is": True}]},
    ],
}  # fmt: skip


@dataclass
class Echo(RememberingModel):
    """Answers with what it was asked, so that another prompt is another answer; asks for a person where it reads 'lost'."""

    gate: threading.Event | None = None

    def answer(self, messages: Sequence[ChatMessage]) -> Completion:
        if self.gate:
            self.gate.wait(20)
        said = " / ".join(message.content for message in messages)
        lost = "lost" in messages[-1].content
        told = verdict("", reason="No idea.") if lost else verdict(f"You said {hash(said)}")
        return Completion(told, self.name, 100, 20, 0.001)


@pytest.fixture
def rig(database_url: str) -> Rig:
    return Rig()


@pytest.fixture
def desk(rig: Rig) -> UUID:
    return rig.publish(GREET)


def talks(rig: Rig, *texts: str) -> dict[str, UUID]:
    """One conversation per text: the question of a customer, and an answer."""
    made = {}
    with transaction(rig.workspace) as tx:
        for text in texts:
            made[text] = a_talk(tx, rig.workspace, rig.webchat, text)
            a_message(tx, rig.workspace, made[text], "Some answer", direction="out", author="ai", state="sent")
    return made


def edited(rig: Rig, desk: UUID, step: str, **changes: Any) -> None:
    """Change a step of the draft."""
    document = deepcopy(GREET)
    [found] = [each for each in document["steps"] if each["id"] == step]  # type: ignore[attr-defined]
    found.update(changes)
    drafts.save(
        rig.workspace, None, desk, Automation.model_validate(document), drafts.load(rig.workspace, desk).revision
    )


def compared(rig: Rig, desk: UUID, model: Echo | None = None, **more: Any) -> dict[str, views.ResultLine]:
    """The results by what the customer wrote."""
    id = backtest.start(rig.workspace, None, desk, **(more or {"conversations": 100}))
    state, sentence = backtest.work(id, models=FakeModels(model or Echo())) or ("", "")
    assert state == "done", sentence
    with transaction(rig.workspace) as tx:
        return {line.text: line for line in views.results(tx, id, limit=1000)}


def changed(results: Mapping[str, views.ResultLine]) -> set[str]:
    return {text for text, line in results.items() if line.verdict != "same"}


TEXTS = ("Hello", "What is the price?", "The price of a bell", "I am lost", "Can I speak to a person?", "Are you open?")


def test_without_a_change_everything_is_the_same_and_the_model_is_asked_once_for_both(rig: Rig, desk: UUID) -> None:
    talks(rig, *TEXTS)
    model = Echo()
    results = compared(rig, desk, model)
    assert set(results) == set(TEXTS) and changed(results) == set()
    assert len(model.asked) == len(TEXTS)
    assert (
        {line.live["cost_usd"] for line in results.values()}
        == {line.draft["cost_usd"] for line in results.values()}
        == {0.001}
    )


def test_a_changed_condition_shows_where_it_decides(rig: Rig, desk: UUID) -> None:
    talks(rig, *TEXTS)
    edited(rig, desk, "price", config={"operator": "contains", "expected": "bell"})
    results = compared(rig, desk)
    assert changed(results) == {"What is the price?"}
    line = results["What is the price?"]
    assert line.verdict == "look"
    assert {difference["what"] for difference in line.differences} == {"crm", "notice", "route"}
    assert line.reasons == [
        "No longer: Would add tag 'interested' for Lena Vogt.",
        "Colleagues are told something else.",
    ]
    routes = [difference["sentence"] for difference in line.differences if difference["what"] == "route"]
    assert "'Notify colleagues' is left out; in the live version it runs." in routes


def test_a_changed_prompt_shows_where_the_model_is_asked(rig: Rig, desk: UUID) -> None:
    talks(rig, *TEXTS)
    only = {"value": "price.yes", "is": True}
    edited(rig, desk, "reply", when=[only])
    before = compared(rig, desk)
    assert {text: before[text].verdict for text in changed(before)} == {
        "Hello": "worse", "Are you open?": "worse", "I am lost": "worse", "Can I speak to a person?": "worse",
    }  # fmt: skip
    edited(rig, desk, "reply", config={"tone": "Stern."})
    results = compared(rig, desk)
    assert changed(results) == set(TEXTS) - {"I am lost"}  # its answer is a person, whatever the tone
    assert {results[text].verdict for text in changed(results)} == {"look"}
    assert [difference["what"] for difference in results["Hello"].differences] == ["reply"]


def test_a_changed_template_shows_where_it_can_leave(rig: Rig, desk: UUID) -> None:
    made = talks(rig, "Hello", "Are you open?")
    with transaction(rig.workspace) as tx:
        run(tx, "UPDATE conversations SET channel = 'whatsapp' WHERE id = %(id)s", id=made["Hello"])
    template = {"id": "HX1", "name": "still_there", "text": "Are you still there?"}
    edited(rig, desk, "send", config={"template": template})
    results = compared(rig, desk)
    assert {text: results[text].verdict for text in changed(results)} == {"Hello": "look"}
    told = "[After 24 hours without a message of theirs the approved template “still_there”: “Are you still there?”]"
    assert results["Hello"].differences[0]["after"].endswith(told)


def test_a_changed_tag_shows_where_it_is_given(rig: Rig, desk: UUID) -> None:
    talks(rig, *TEXTS)
    edited(rig, desk, "vip", config={"add": ["prospect"]})
    results = compared(rig, desk)
    assert changed(results) == {"What is the price?", "The price of a bell"}
    line = results["The price of a bell"]
    assert line.reasons == [
        "No longer: Would add tag 'interested' for Lena Vogt.",
        "New: Would add tag 'prospect' for Lena Vogt.",
    ]


def test_a_changed_notice_shows_with_before_and_after(rig: Rig, desk: UUID) -> None:
    talks(rig, *TEXTS)
    edited(rig, desk, "tell", config={"text": "Somebody asks for a price: {{message.text}}"})
    results = compared(rig, desk)
    assert changed(results) == {"What is the price?", "The price of a bell"}
    [difference] = results["The price of a bell"].differences
    assert difference["before"].endswith("Interest in The price of a bell")
    assert difference["after"].endswith("Somebody asks for a price: The price of a bell")


def test_a_person_where_the_ai_answered_is_worse_and_one_who_is_wished_is_better(rig: Rig, desk: UUID) -> None:
    talks(rig, *TEXTS)
    edited(rig, desk, "person", input={"message": "message.text"}, when=[])
    edited_back = compared(rig, desk)
    assert {text: line.verdict for text, line in edited_back.items() if line.verdict != "same"} == {
        "Can I speak to a person?": "better", "I am lost": "worse",
    }  # fmt: skip


def test_a_draft_that_fails_is_worse_with_the_reason(rig: Rig, desk: UUID) -> None:
    talks(rig, "Hello")
    edited(rig, desk, "price", config={"operator": "at least", "expected": "3"})
    line = compared(rig, desk)["Hello"]
    assert line.verdict == "worse" and "is not a number" in line.reasons[0]


def test_a_draft_that_starts_less_often_is_worse_where_it_is_silent(rig: Rig, desk: UUID) -> None:
    talks(rig, "Hello", "What is the price?")
    edited(rig, desk, "message", config={"keywords": ["price"]})
    results = compared(rig, desk)
    assert results["Hello"].verdict == "worse" and "would not have started" in results["Hello"].reasons[0]
    assert results["What is the price?"].verdict == "same"


def test_a_new_step_alone_is_told_and_decides_nothing(rig: Rig, desk: UUID) -> None:
    talks(rig, "Hello")
    document = deepcopy(GREET)
    document["steps"].insert(3, {"id": "memory", "node": "recall@1"})  # type: ignore[attr-defined]
    drafts.save(rig.workspace, None, desk, Automation.model_validate(document), 1)
    line = compared(rig, desk)["Hello"]
    assert line.verdict == "same"
    assert [difference["sentence"] for difference in line.differences] == [
        "'Recall conversation' is a step of the draft alone."
    ]


def test_each_turn_of_a_conversation_is_answered_with_what_was_said_before_it(rig: Rig, desk: UUID) -> None:
    document = deepcopy(GREET)
    document["steps"].insert(3, {"id": "memory", "node": "recall@1"})  # type: ignore[attr-defined]
    document["steps"][4]["input"]["history"] = "memory.history"  # type: ignore[index]
    drafts.save(rig.workspace, None, desk, Automation.model_validate(document), 1)
    [conversation] = talks(rig, "First").values()
    with transaction(rig.workspace) as tx:
        a_message(tx, rig.workspace, conversation, "Second")
        a_message(tx, rig.workspace, conversation, "and third")
    model = Echo()
    results = compared(rig, desk, model)
    assert set(results) == {"First", "Second\nand third"}
    histories = {asked[-1].content: [line.content for line in asked[1:-1]] for asked in model.asked if len(asked) > 2}
    assert [said for said in histories.values()] == [["First", "Some answer"]]


def test_nothing_leaves_and_nothing_is_written_but_the_results(rig: Rig, desk: UUID) -> None:
    talks(rig, *TEXTS)
    count = "SELECT (SELECT count(*) FROM messages) AS m, (SELECT count(*) FROM outbox) AS o, (SELECT count(*) FROM runs) AS r, (SELECT count(*) FROM handoffs) AS h"
    before = rig.query(count)
    compared(rig, desk)
    assert rig.query(count) == before


def test_the_figures_and_the_sentence_say_how_it_ended(rig: Rig, desk: UUID) -> None:
    talks(rig, *TEXTS)
    edited(rig, desk, "message", config={"keywords": ["price", "lost"]})
    compared(rig, desk)
    with transaction(rig.workspace) as tx:
        [line] = views.backtest_list(tx, desk)
    assert line.outcome == "6 turns of 6 conversations: 3 the same, 3 worse."
    assert (line.found, line.compared, line.talks, line.worse_open) == (6, 6, 6, 3)
    assert line.live_cost_usd == pytest.approx(0.006) and line.draft_cost_usd == pytest.approx(0.003)


def test_a_cancelled_comparison_keeps_what_it_has(rig: Rig, desk: UUID) -> None:
    talks(rig, *(f"Question {number}" for number in range(40)))
    model = Echo(gate=threading.Event())
    id = backtest.start(rig.workspace, None, desk, conversations=40)
    ended: list[tuple[str, str] | None] = []
    thread = threading.Thread(target=lambda: ended.append(backtest.work(id, models=FakeModels(model))))
    thread.start()
    until(lambda: len(model.asked) >= backtest.THREADS)
    backtest.cancel(rig.workspace, id)
    [before] = rig.query("SELECT lease_until FROM backtests")
    until(lambda: rig.query("SELECT lease_until FROM backtests") != [before])  # it has looked, and knows
    assert model.gate is not None
    model.gate.set()
    thread.join(20)
    assert ended[0] is not None
    state, sentence = ended[0]
    assert state == "cancelled" and "of 40 turns" in sentence
    with pytest.raises(ActionRefused, match="at its end"):
        backtest.cancel(rig.workspace, id)


def test_another_process_goes_on_where_one_died(rig: Rig, desk: UUID) -> None:
    talks(rig, *(f"Question {number}" for number in range(20)))
    id = backtest.start(rig.workspace, None, desk, conversations=40)
    stop = threading.Event()
    stop.set()
    assert (backtest.work(id, models=FakeModels(Echo()), stopping=stop) or ("", ""))[0] == "given back"
    with system() as tx:  # one that was killed in the middle
        claimed = backtests.claim(tx, "dead", -1, id)
        assert claimed is not None and claimed.listed
    comparison = backtest.Comparison(claimed, "dead", FakeModels(Echo()), threading.Event())
    first, *_ = comparison._turns()
    comparison._compare(first, *comparison._plans())
    model = Echo()
    assert backtest.work(models=FakeModels(model)) == ("done", "20 turns of 20 conversations: 20 the same.")
    assert len(model.asked) == 19


def test_one_comparison_of_an_automation_at_a_time(rig: Rig, desk: UUID) -> None:
    backtest.start(rig.workspace, None, desk)
    with pytest.raises(ActionRefused, match="under way already"):
        backtest.start(rig.workspace, None, desk)


@pytest.mark.parametrize("more", [{"days": 0}, {"days": 91}, {"conversations": 0}, {"conversations": 1001}])
def test_bounds_are_said(rig: Rig, desk: UUID, more: dict[str, int]) -> None:
    with pytest.raises(ActionRefused, match="Choose between 1 and"):
        backtest.start(rig.workspace, None, desk, **more)


def test_a_broken_draft_is_not_compared(rig: Rig, desk: UUID) -> None:
    edited(rig, desk, "send", input={"text": "nobody.text"})
    with pytest.raises(ActionRefused, match="Correct this first"):
        backtest.start(rig.workspace, None, desk)


def test_what_is_worse_must_be_reviewed_before_a_draft_is_published_where_the_automation_asks_for_it(
    rig: Rig, desk: UUID
) -> None:
    talks(rig, "Hello")
    drafts.set_needs_review(rig.workspace, None, desk, True)
    edited(rig, desk, "message", config={"keywords": ["price"]})
    with pytest.raises(ActionRefused, match="asks for a comparison"):
        publish(rig.workspace, desk, None)
    results = compared(rig, desk)
    with pytest.raises(ActionRefused, match="1 conversation was answered worse"):
        publish(rig.workspace, desk, None)
    user = rig.user()
    backtest.review(rig.workspace, user, results["Hello"].id, "better", "Nobody asked us anything.")
    assert publish(rig.workspace, desk, None) == 2
    with transaction(rig.workspace) as tx:
        [line] = views.results(tx, results["Hello"].backtest_id, "worse")
    assert (line.review, line.review_note, line.reviewed_by) == ("better", "Nobody asked us anything.", "Ana Silva")


def test_an_automation_that_was_never_published_is_for_a_person_to_look_at(rig: Rig) -> None:
    talks(rig, "Hello")
    id = drafts.create(rig.workspace, None, name="New", document=Automation.model_validate(GREET))
    line = compared(rig, id)["Hello"]
    assert (line.verdict, line.live["started"], line.draft["replies"] != []) == ("look", False, True)


def test_only_the_days_that_were_chosen_are_compared(rig: Rig, desk: UUID) -> None:
    made = talks(rig, "Today", "Long ago")
    with transaction(rig.workspace) as tx:
        for table, column in (("messages", "created_at"), ("conversations", "last_inbound_at")):
            run(
                tx,
                f"UPDATE {table} SET {column} = now() - interval '9 days' WHERE {'conversation_id' if table == 'messages' else 'id'} = %(id)s",
                id=made["Long ago"],
            )
    assert set(compared(rig, desk, days=7)) == {"Today"}
