"""A corpus of broken automations: each is refused with the step, the field and the remedy."""

from __future__ import annotations

from typing import Any

import pytest

from flows.check import check
from nodes import registry

Steps = list[dict[str, Any]]
HELLO = {"id": "HX1", "name": "hello", "text": "Hello {1}"}


def at(id: str, node: str, config: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"id": id, "node": node, "config": config or {}, **more}


M = at("m", "message_received@1")
GATE = at("gate", "gate@1")
DOCS = at("docs", "retrieve@1", input={"message": "m.text"})
MEMORY = at("memory", "recall@1")
REPLY = at("reply", "generate@1", input={"message": "m.text"})
VARS = at("vars", "set_values@1", {"values": [{"name": "shop", "value": "Corner Cycles"}]})


def send(config: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return at("x", "send_message@1", {"text": "Hello"} if config is None else config, **more)


def by_template(*blanks: dict[str, str], **changes: Any) -> Steps:
    """A message that is a WhatsApp template with these blanks."""
    return [M, send({"template": {**HELLO, "blanks": list(blanks), **changes}})]


def when(value: Any, is_: Any = True) -> list[dict[str, Any]]:
    return [{"value": value, "is": is_}]


def compare(**config: Any) -> Steps:
    return [M, at("x", "condition@1", config, input={"value": "m.text"})]


# (steps, step of the problem, its field, words of the message)
BROKEN: dict[str, tuple[Steps, str, str, str]] = {
    # the order of the steps
    "no steps at all": ([], "", "steps", "no steps"),
    "begins with an answer": ([send()], "x", "node", "no trigger"),
    "two starts": ([M, at("again", "message_received@1")], "again", "node", "only be the first"),
    "a start at the end": ([GATE, M], "m", "node", "only be the first"),
    "the start is switched off": ([{**M, "disabled": True}], "m", "disabled", "trigger is disabled"),
    "the start has a condition": ([{**M, "when": when("m.first_message")}], "m", "when", "nothing before it"),
    "the start takes an input": ([{**M, "input": {"text": "m.text"}}], "m", "input.text", "no input 'text'"),
    "two steps of one name": ([M, GATE, GATE], "gate", "id", "Two steps"),
    "too many steps": ([M, *(at(f"s{n}", "gate@1") for n in range(101))], "", "steps", "102 steps"),
    # nodes
    "a node that does not exist": ([M, at("x", "teleport@1")], "x", "node", "no node 'teleport@1'"),
    "a version that does not exist": ([M, at("x", "gate@7")], "x", "node", "no node 'gate@7'"),
    "a node without a version": ([M, at("x", "gate")], "x", "node", "no node 'gate'"),
    # the form of a step
    "a name with a space": ([M, at("my step", "gate@1")], "my step", "id", "pattern"),
    "a name with capitals": ([M, at("Gate", "gate@1")], "Gate", "id", "pattern"),
    "a name that is too long": ([M, at("s" * 41, "gate@1")], "s" * 41, "id", "pattern"),
    "a step without a node": ([M, {"id": "x"}], "x", "node", "required"),
    "a step without a name": ([M, {"node": "gate@1"}], "number 2", "id", "required"),
    "a step that is a text": ([M, "gate"], "number 2", "document", "dictionary"),  # type: ignore[list-item]
    "a field that does not exist": ([M, at("x", "gate@1", colour="red")], "x", "colour", "Extra inputs"),
    "settings that are a list": ([M, {**GATE, "config": []}], "gate", "config", "dictionary"),
    "inputs that are a text": ([M, {**GATE, "input": "m.text"}], "gate", "input", "dictionary"),
    "an input that is a number": ([M, send(input={"text": 3})], "x", "input.text", "string"),
    "a word for what happens at an error": ([M, {**GATE, "on_error": "explode"}], "gate", "on_error", "'stop' or"),
    "too many tries": ([M, {**GATE, "retries": 6}], "gate", "retries", "less than or equal to 5"),
    "less than no tries": ([M, {**GATE, "retries": -1}], "gate", "retries", "greater than or equal to 0"),
    "no time at all": ([M, {**GATE, "timeout_seconds": 0}], "gate", "timeout_seconds", "greater than 0"),
    "too much time": ([M, {**GATE, "timeout_seconds": 601}], "gate", "timeout_seconds", "less than or equal to 600"),
    "a switch that is no switch": ([M, {**GATE, "disabled": "perhaps"}], "gate", "disabled", "boolean"),
    "conditions that are a text": ([M, {**GATE, "when": "always"}], "gate", "when", "list"),
    "a condition without a value": ([M, {**GATE, "when": [{"is": True}]}], "gate", "when.0.value", "required"),
    "a condition with more to it": (
        [M, {**GATE, "when": [{"value": "m.first_message", "or": 1}]}], "gate", "when.0.or", "Extra inputs"),
    # settings
    "a setting that does not exist": ([M, at("x", "gate@1", {"colour": 1})], "x", "config.colour", "Extra inputs"),
    "a channel that does not exist": ([{**M, "config": {"channels": ["fax"]}}], "m", "config.channels.0", "'webchat'"),
    "a keyword that is empty": ([{**M, "config": {"keywords": ["price", " "]}}], "m", "config.keywords", "empty"),
    "a wait that is too long": ([{**M, "config": {"wait_for_more": 121}}], "m", "config.wait_for_more", "equal to 120"),
    "no passages": ([M, {**DOCS, "config": {"passages": 0}}], "docs", "config.passages", "greater than"),
    "a score above one": ([M, {**DOCS, "config": {"minimum_score": 3}}], "docs", "config.minimum_score", "less than"),
    "one recalled message": ([M, {**MEMORY, "config": {"messages": 1}}], "memory", "config.messages", "greater than"),
    "a temperature of five": ([M, {**REPLY, "config": {"temperature": 5}}], "reply", "config.temperature", "less than"),
    "a time of day that there is not": (
        [M, at("x", "wait@1", {"until": "time of day", "time": "25:00"})], "x", "config.time", "pattern"),
    "a wait of less than nothing": ([M, at("x", "wait@1", {"minutes": -1})], "x", "config.minutes", "greater than"),
    "a wait for the moon": ([M, at("x", "wait@1", {"until": "full moon"})], "x", "config.until", "'open'"),
    "a mail to nobody": ([M, at("x", "notify@1", {"to": ["ana"], "via": "email"})], "x", "config.to.0", ""),
    "a value of two names": (
        [M, at("x", "set_values@1", {"values": [{"name": "a"}, {"name": "a"}]})], "x", "config", "twice"),
    "a value with a bad name": (
        [M, at("x", "set_values@1", {"values": [{"name": "Shop Name"}]})], "x", "config.values.0.name", "pattern"),
    "an unknown priority": ([M, at("x", "hand_off@1", {"priority": "soon"})], "x", "config.priority", "'low'"),
    # what could run and makes no sense
    "a message without a text": ([M, send({})], "x", "config.text", "no text"),
    "a message of spaces": ([M, send({"text": "  "})], "x", "config.text", "no text"),
    "nothing to compare": ([M, at("x", "condition@1", {"expected": "a"})], "x", "config.value", "nothing to compare"),
    "nothing to compare with": (compare(operator="contains"), "x", "config.expected", "nothing to compare with"),
    "no choices": (compare(operator="is any of"), "x", "config.any_of", "no choices"),
    "an empty choice": (compare(operator="is any of", any_of=["a", ""]), "x", "config.any_of", "empty"),
    "a word as a number": (compare(operator="at least", expected="many"), "x", "config.expected", "no number"),
    "an unknown comparison": (compare(operator="resembles", expected="a"), "x", "config.operator", "'equals'"),
    "no value to keep": ([M, at("x", "set_values@1")], "x", "config.values", "No value"),
    "no tag": ([M, at("x", "tag@1")], "x", "config.add", "No tag"),
    "a task without a title": ([M, at("x", "create_task@1")], "x", "config.title", "no title"),
    "an empty note": ([M, at("x", "add_note@1")], "x", "config.text", "empty"),
    "no field to change": ([M, at("x", "update_contact@1")], "x", "config.fields", "No field"),
    "a call to nowhere": ([M, at("x", "http_request@1")], "x", "config.url", "no address"),
    "a call to a file": ([M, at("x", "http_request@1", {"url": "ftp://example.com/prices"})], "x", "config.url", "no web address"),
    "no calendar": ([M, at("x", "book_appointment@1")], "x", "config.calendar_id", "No calendar"),
    "no pipeline": ([M, at("x", "move_opportunity@1")], "x", "config.pipeline_id", "No pipeline"),
    "no stage": ([M, at("x", "move_opportunity@1", {"pipeline_id": "p"})], "x", "config.stage_id", "Neither a stage"),
    "yes and no at once": (
        [M, GATE, send(when=[*when("gate.may_answer"), *when("gate.may_answer", False)])], "x", "when", "yes and no"),
    # references
    "a reference without a field": ([M, send(input={"text": "m"})], "x", "input.text", "not a reference"),
    "a reference with an expression": ([M, send(input={"text": "m.text + 1"})], "x", "input.text", "not a reference"),
    "a reference in braces": ([M, send(input={"text": "{{m.text}}"})], "x", "input.text", "not a reference"),
    "an empty reference": ([M, send(input={"text": ""})], "x", "input.text", "not a reference"),
    "a step that is not there": ([M, send(input={"text": "nobody.text"})], "x", "input.text", "no step 'nobody'"),
    "an output that is not there": ([M, send(input={"text": "m.colour"})], "x", "input.text", "not an output of 'm'"),
    "a part of a text": ([M, send(input={"text": "m.text.first"})], "x", "input.text", "no parts"),
    "a template with an empty blank": (
        by_template({"name": "1", "value": " ", "otherwise": ""}), "x", "config.template.blanks.0.value", "blank 1 of the template 'hello'"
    ),
    "a second blank that is empty": (
        by_template({"name": "1", "value": "Lea"}, {"name": "2"}, text="{1} {2}"), "x", "config.template.blanks.1.value", "blank 2"
    ),
    "a template whose blank is not listed": (by_template(), "x", "config.template.blanks", "not listed"),
    "a blank that names nobody": (
        by_template({"name": "1", "value": "{{who.name}}"}), "x", "config.template.blanks.0.value", "no step 'who'"
    ),
    "a blank that names a later step": (
        [*by_template({"name": "1", "value": "{{gate.reason}}"}), GATE], "x", "config.template.blanks.0.value", "runs later"
    ),
    "a blank with half a pair of braces": (
        by_template({"name": "1", "value": "{{m.contact_name"}), "x", "config.template.blanks.0.value", "braces"
    ),
    "a template without an id": (by_template({"name": "1", "value": "Lea"}, id=""), "x", "config.template.id", "at least 1"),
    "a template without a text": (by_template(text=""), "x", "config.template.text", "at least 1"),
    "a template with a setting that does not exist": (
        by_template({"name": "1", "value": "Lea"}, colour="red"), "x", "config.template.colour", "not permitted"
    ),
    "a template that is only its name": ([M, send({"template": "hello"})], "x", "config.template", "MessageTemplate"),
    "a value that is not set": ([M, VARS, send({"text": "{{vars.values.town}}"})], "x", "config.text", "no value called"),
    "itself": ([M, send(input={"text": "x.text"})], "x", "input.text", "this step itself"),
    "a later step": ([M, send(input={"text": "reply.text"}), REPLY], "x", "input.text", "runs later"),
    "a circle": (
        [M, at("a", "send_message@1", input={"text": "b.text"}), at("b", "send_message@1", input={"text": "a.text"})],
        "a", "input.text", "runs later"),
    "a step that is switched off": (
        [M, {**REPLY, "disabled": True}, send(input={"text": "reply.text"})], "x", "input.text", "disabled"),
    "an input that does not exist": ([M, send(input={"colour": "m.text"})], "x", "input.colour", "no input 'colour'"),
    "a text where a list is needed": ([M, {**REPLY, "input": {"passages": "m.text"}}], "reply", "input.passages", "a list"),
    "passages as a conversation": (
        [M, DOCS, {**REPLY, "input": {"history": "docs.passages"}}], "reply", "input.history", "a list"),
    "a conversation as passages": (
        [M, MEMORY, {**REPLY, "input": {"passages": "memory.history"}}], "reply", "input.passages", "a list"),
    "a text where yes or no is needed": (
        [M, at("x", "hand_off@1", input={"verdict": "m.text"})], "x", "input.verdict", "a yes/no value"),
    # conditions
    "a condition on a text": ([M, send(when=when("m.text"))], "x", "when", "a text, but a yes/no value"),
    "a condition on a number": ([M, DOCS, send(when=when("docs.best_score"))], "x", "when", "a number"),
    "a condition on nobody": ([M, send(when=when("gate.may_answer"))], "x", "when", "no step 'gate'"),
    "a condition on a later step": ([M, send(when=when("gate.may_answer")), GATE], "x", "when", "runs later"),
    "a condition on itself": ([M, send(when=when("x.sent"))], "x", "when", "this step itself"),
    "a condition in words": ([M, GATE, send(when=when("the AI may answer"))], "x", "when", "not a reference"),
    "a condition on a part": ([M, GATE, send(when=when("gate.may_answer.now"))], "x", "when", "no parts"),
    # texts with references
    "a text that names nobody": ([M, send({"text": "Hi {{who.name}}"})], "x", "config.text", "no step 'who'"),
    "a text with a wrong output": ([M, send({"text": "Hi {{m.name}}"})], "x", "config.text", "not an output"),
    "a text with nothing in its braces": ([M, send({"text": "Hi {{}}"})], "x", "config.text", "not a reference"),
    "a text with a filter": ([M, send({"text": "{{m.text|upper}}"})], "x", "config.text", "not a reference"),
    "braces that are not closed": ([M, send({"text": "Hi {{m.contact_name"})], "x", "config.text", "braces"),
    "braces that are not opened": ([M, send({"text": "Hi m.contact_name}}"})], "x", "config.text", "braces"),
    "a reference in a start": ([{**M, "config": {"keywords": ["{{m.text}}"]}}], "m", "config.keywords.0", "this step itself"),
    "a reference deep in a list": (
        [M, at("x", "set_values@1", {"values": [{"name": "a", "value": "{{later.text}}"}]})],
        "x", "config.values.0.value", "no step 'later'"),
    "a reference where a number is needed": (
        [M, {**DOCS, "config": {"passages": "{{m.text}}"}}], "docs", "config.passages", "integer"),
}  # fmt: skip

# Documents that are wrong as a whole.
WHOLE: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "name"),
    "no name": ({"name": "", "steps": []}, "name"),
    "a name that is too long": ({"name": "n" * 121, "steps": []}, "name"),
    "a newer format": ({"name": "x", "format": 2, "steps": []}, "format"),
    "steps that are a number": ({"name": "x", "steps": 3}, "steps"),
    "a field of another product": ({"name": "x", "steps": [], "nodes": []}, "nodes"),
}


def test_the_corpus_is_large() -> None:
    assert len(BROKEN) + len(WHOLE) >= 100


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_automation_is_refused_with_step_field_and_remedy(case: str) -> None:
    steps, step, field, says = BROKEN[case]
    for each in steps:
        node = each.get("node", "gate@1") if isinstance(each, dict) else "gate@1"
        assert "teleport" in node or node in ("gate", "gate@7") or registry.get(node)
    found = [p for p in check({"format": 1, "name": "Broken", "steps": steps}) if (p.step, p.field) == (step, field)]
    assert found, check({"format": 1, "name": "Broken", "steps": steps})
    assert any(says in problem.message for problem in found), [problem.message for problem in found]
    assert all(problem.remedy.endswith(".") for problem in found)


@pytest.mark.parametrize("case", WHOLE)
def test_a_document_that_is_wrong_as_a_whole_names_the_field(case: str) -> None:
    document, field = WHOLE[case]
    problems = check(document)
    assert field in [problem.field for problem in problems]
    assert all(problem.step == "" and problem.remedy.endswith(".") for problem in problems)


def test_an_automation_that_is_whole_has_no_problem() -> None:
    steps = [
        M,
        GATE,
        DOCS,
        MEMORY,
        {**REPLY, "input": {"message": "m.text", "passages": "docs.passages", "history": "memory.history"}},
    ]
    assert (
        check({"name": "Whole", "steps": [*steps, VARS, send({"text": "{{vars.values.shop}}: {{reply.text}}"})]}) == []
    )
