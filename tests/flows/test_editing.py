"""Edits of an automation: a new step is connected as a person would, and what makes no sense is refused with a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from flows.automation import Automation, When
from flows.check import check
from flows.editing import (
    EditRefused,
    add_step,
    describe_step,
    describe_when,
    duplicate_step,
    fitting,
    in_words,
    move_step,
    references,
    remove_step,
    set_config,
    set_disabled,
    set_input,
    set_name,
    set_step_options,
    set_title,
    set_trigger,
    set_when,
)
from flows.templates import TEMPLATES, template

DESK = ("message_received@1", "gate@1", "retrieve@1", "generate@1", "send_message@1", "hand_off@1")


def built(nodes: Sequence[str] = DESK) -> Automation:
    doc = Automation(name="Desk")
    for node in nodes:
        doc, _ = add_step(doc, node, after=None)
    return doc


def ids(doc: Automation) -> list[str]:
    return [step.id for step in doc.steps]


def by_id(doc: Automation, id: str) -> tuple[dict[str, str], list[tuple[str, bool]]]:
    [step] = [step for step in doc.steps if step.id == id]
    return step.input, [(condition.value, condition.is_) for condition in step.when]


def test_six_steps_added_one_after_the_other_make_a_front_desk_without_a_problem() -> None:
    doc = built()
    assert check(doc) == []
    assert ids(doc) == ["message", "gate", "documents", "reply", "send", "person"]
    assert by_id(doc, "documents") == ({"message": "message.text"}, [("gate.may_answer", True)])
    assert by_id(doc, "reply")[0] == {"message": "message.text", "passages": "documents.passages"}
    assert by_id(doc, "send")[0]["text"] == "reply.text"
    assert by_id(doc, "send")[1] == [("reply.answered", True)]
    assert by_id(doc, "person") == (
        {"message": "message.text", "verdict": "reply.needs_person", "reason": "reply.reason"},
        [("reply.needs_person", True)],
    )


def test_behind_a_wish_for_a_person_come_the_steps_for_those_without_one() -> None:
    doc = built(("message_received@1", "gate@1", "hand_off@1", "recall@1"))
    assert by_id(doc, "memory")[1] == [("gate.may_answer", True), ("person.requested", False)]


def test_a_message_of_ones_own_is_not_an_echo_of_the_customer() -> None:
    doc = built(("message_received@1", "gate@1", "send_message@1"))
    assert by_id(doc, "send") == ({}, [("gate.may_answer", True)])


def test_a_step_goes_behind_the_one_that_is_named() -> None:
    doc, new = add_step(built(), "recall@1", after="gate")
    assert ids(doc) == ["message", "gate", "memory", "documents", "reply", "send", "person"]
    assert new == "memory"


def test_names_of_steps_are_never_given_twice() -> None:
    doc, second = add_step(built(), "send_message@1", after=None)
    doc, third = add_step(doc, "send_message@1", after=None)
    assert (second, third) == ("send_2", "send_3")


def test_a_removed_step_takes_its_connections_along() -> None:
    doc = remove_step(built(), "documents")
    assert "passages" not in by_id(doc, "reply")[0]
    assert check(doc) == []
    doc = remove_step(built(), "gate")
    assert by_id(doc, "documents")[1] == []


def test_a_text_that_names_a_removed_step_is_pointed_at() -> None:
    doc = set_config(built(), "person", "notice", "About {{documents.found}}")
    [problem] = check(remove_step(doc, "documents"))
    assert (problem.step, problem.field) == ("person", "config.notice")


def test_a_step_can_move_as_far_as_what_it_uses_allows() -> None:
    doc, _ = add_step(built(), "recall@1", after="gate")
    assert ids(move_step(doc, "memory", "reply"))[3] == "memory"
    assert ids(move_step(doc, "memory", None))[-1] == "memory"
    with pytest.raises(EditRefused, match="'Send message' uses what 'AI answer' gives"):
        move_step(doc, "send", "documents")
    with pytest.raises(EditRefused, match="'Send message' uses what 'AI answer' gives"):
        move_step(doc, "reply", None)


def test_the_start_stays_first() -> None:
    for moved, before in (("message", None), ("gate", "message")):
        with pytest.raises(EditRefused, match="stays first"):
            move_step(built(), moved, before)


def test_a_copy_stands_behind_its_original_with_the_same_settings() -> None:
    doc, copy = duplicate_step(set_title(built(), "send", "Say it"), "send")
    assert ids(doc)[4:6] == ["send", copy] and copy == "send_2"
    assert by_id(doc, copy) == by_id(doc, "send")
    assert [step.title for step in doc.steps if step.id == copy] == ["Say it (copy)"]
    assert check(doc) == []


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda doc: add_step(doc, "message_received@1", after=None), "has a start already"),
        (lambda doc: add_step(Automation(name="x"), "gate@1", after=None), "what starts the automation"),
        (lambda doc: add_step(doc, "teleport@1", after=None), "no step of the kind 'teleport@1'"),
        (lambda doc: add_step(doc, "gate@1", after="gone"), "not there any more"),
        (lambda doc: remove_step(doc, "message"), "needs its start"),
        (lambda doc: duplicate_step(doc, "message"), "one start"),
        (lambda doc: set_disabled(doc, "message", True), "whole automation"),
        (lambda doc: set_when(doc, "message", [When(value="gate.blocked")]), "nothing before it"),
        (lambda doc: set_config(doc, "gate", "colour", "red"), "no setting 'colour'"),
        (lambda doc: set_input(doc, "send", "colour", "message.text"), "no input 'colour'"),
        (lambda doc: set_step_options(doc, "send", retries=9), "Retries"),
        (lambda doc: set_trigger(doc, "gate@1"), "not a way to start"),
        (lambda doc: set_name(doc, "  "), "at most 120 characters"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(edit: object, says: str) -> None:
    with pytest.raises(EditRefused, match=says):
        edit(built())  # type: ignore[operator]


def test_settings_inputs_conditions_and_options_change_one_step_alone() -> None:
    doc = built()
    changed = set_config(doc, "gate", "only_when_open", True)
    changed = set_input(changed, "send", "text", "documents.found")
    changed = set_when(changed, "send", [When.model_validate({"value": "gate.blocked", "is": False})])
    changed = set_step_options(changed, "reply", on_error="continue", retries=2, timeout=20)
    gate, send, reply = (next(step for step in changed.steps if step.id == id) for id in ("gate", "send", "reply"))
    assert gate.config == {"only_when_open": True}
    assert send.input["text"] == "documents.found" and send.when[0].is_ is False
    assert (reply.on_error, reply.retries, reply.timeout_seconds) == ("continue", 2, 20)
    assert set_config(changed, "gate", "only_when_open", None).steps[1].config == {}
    assert "text" not in next(s for s in set_input(changed, "send", "text", "").steps if s.id == "send").input
    assert doc == built()  # the former document is untouched


def test_menus_offer_what_comes_before_in_words_the_nearest_first() -> None:
    doc = set_title(built(), "reply", "Write it")
    offered = references(doc, "send", kind="boolean")
    assert offered[0].words.startswith("Write it: ")
    refs = [each.ref for each in offered]
    assert "reply.answered" in refs and "gate.may_answer" in refs and "reply.failed" in refs
    assert "send.sent" not in refs and "reply.text" not in refs
    assert all(each.description.endswith(".") for each in references(doc, None))
    texts = [each.ref for each in references(doc, "send", kind="text")]
    assert "reply.text" in texts and "documents.passages" not in texts
    assert [each.ref for each in fitting(doc, "reply", "passages")] == ["documents.passages"]
    assert in_words(doc, "message.text") == "Message received: Text"
    assert in_words(doc, "nobody.knows") == "nobody.knows"


def test_values_that_a_step_names_are_offered_by_name() -> None:
    doc, step = add_step(built(), "set_values@1", after="message")
    doc = set_config(doc, step, "values", [{"name": "shop", "value": "Corner Cycles"}])
    assert f"{step}.values.shop" in [each.ref for each in references(doc, "gate", kind="text")]


def test_another_start_keeps_what_both_have() -> None:
    doc = set_config(built(), "message", "keywords", ["price"])
    again = set_trigger(doc, "message_received@1")
    assert again.steps[0].config == {"keywords": ["price"]}
    assert by_id(again, "documents")[0] == {"message": "message.text"}


@pytest.mark.parametrize("key", [each.key for each in TEMPLATES])
def test_every_step_of_every_template_is_described_in_a_sentence(key: str) -> None:
    doc = template(key).document
    for step in doc.steps:
        told = describe_step(doc, step.id)
        assert told[-1] in ".”…" and "{{" not in told and "None" not in told, told
        for condition in step.when:
            assert describe_when(doc, condition) != f"{condition.value} is yes"


def test_a_card_says_what_is_set() -> None:
    doc = set_config(built(), "message", "keywords", ["price", "offer"])
    doc = set_config(doc, "message", "channels", ["sms", "whatsapp"])
    assert describe_step(doc, "message") == "Starts when a customer writes by SMS or WhatsApp with “price” or “offer”."
    doc = set_input(set_config(doc, "send", "text", "Hi {{message.contact_name}}!"), "send", "text", "")
    assert describe_step(doc, "send") == "Sends the customer: “Hi [Message received: Contact name]!”"


def test_a_setting_that_cannot_be_used_does_not_break_the_card() -> None:
    doc = set_config(built(), "documents", "passages", "many")
    assert describe_step(doc, "documents").endswith(".")
    assert [problem.field for problem in check(doc)] == ["config.passages"]
