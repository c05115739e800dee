"""What the card of a step says, with nothing set, with typical settings, and in every template."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flows.automation import Automation, When
from flows.describe import describe_step, describe_when, readable
from flows.phrasing import SHOWN_CHARACTERS, ended
from flows.templates import TEMPLATES
from nodes import registry

# A gap where a setting is missing, a title used as a sentence, or a sentence that ends twice.
CLUMSY = re.compile(r"''|“”|: \w[^“”]*: |[.!?…]”\.|\.\.|….*\.$|\bNone\b|\b1 (?!day|hour|minute|second|\(bad\))\w+s\b")

WISH = "Asks a person to take over when the customer asks for one, or when"


def said(node: str, config: dict[str, Any] | None = None, **given: str) -> str:
    """The sentence of a step behind a start, an answer and a comparison."""
    steps = [
        {"id": "message", "node": "message_received@1", "title": "A customer writes"},
        {"id": "reply", "node": "generate@1", "title": "Write the answer"},
        {"id": "mark", "node": "condition@1", "title": "Four or five?"},
        {"id": "it", "node": node, "config": config or {}, "input": given},
    ]
    return describe_step(Automation.model_validate({"name": "Desk", "steps": steps}), "it")


@pytest.mark.parametrize("node", [spec.key for spec in registry.all_specs()])
def test_a_step_with_nothing_set_reads_well(node: str) -> None:
    told = said(node)
    assert told.endswith(".") and not CLUMSY.search(told), told


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: str(each.key))
def test_every_step_of_a_template_reads_well(template: Any) -> None:
    for step in template.document.steps:
        told = re.sub(r"\[[^]]*\]", "[it]", describe_step(template.document, step.id))
        assert not re.search(r"''|“”|[.!?…]”\.|\.\.|: [A-Z][^“”]*: ", told), told


@pytest.mark.parametrize(
    "config, given, told",
    [
        ({}, {}, "Compares a value; it is not chosen yet."),
        ({}, {"value": "message.text"}, "Says yes when the text of “A customer writes” is empty."),
        (
            {"operator": "does not equal", "value": "{{message.channel}}"},
            {},
            "Says yes when the channel of “A customer writes” is not empty.",
        ),
        (
            {"operator": "at least", "expected": "4"},
            {"value": "message.text"},
            "Says yes when the text of “A customer writes” is at least 4.",
        ),
        (
            {"operator": "contains"},
            {"value": "message.text"},
            "Says yes when the text of “A customer writes” contains something that is not written yet.",
        ),
        (
            {"operator": "contains any of", "any_of": ["leak", "fire"]},
            {"value": "message.text"},
            "Says yes when the text of “A customer writes” contains any of “leak” or “fire”.",
        ),
        (
            {"operator": "is any of"},
            {"value": "message.text"},
            "Says yes when the text of “A customer writes” is any of some words; none is written yet.",
        ),
    ],
)
def test_a_comparison_says_what_is_missing(config: dict[str, Any], given: dict[str, str], told: str) -> None:
    assert said("condition@1", config, **given) == told


@pytest.mark.parametrize(
    "node, config, given, told",
    [
        ("send_message@1", {}, {"text": "reply.text"}, "Sends the customer the text of “Write the answer”."),
        ("send_message@1", {"text": "{{reply.text}}"}, {}, "Sends the customer the text of “Write the answer”."),
        ("send_message@1", {"text": "See you"}, {}, "Sends the customer: “See you”."),
        ("send_message@1", {"text": "See you!"}, {}, "Sends the customer: “See you!”"),
        ("tag@1", {"add": ["VIP"]}, {}, "Gives the contact the tag “VIP”."),
        (
            "tag@1",
            {"add": ["VIP", "lead"], "remove": ["cold"]},
            {},
            "Gives the contact the tags “VIP” and “lead” and takes the tag “cold” away.",
        ),
        (
            "update_contact@1",
            {"fields": [{"field": "email", "value": "{{message.text}}"}]},
            {},
            "Sets the contact's e-mail address to the text of “A customer writes”.",
        ),
        ("crm_event@1", {"event": "workflow"}, {}, "Starts when a workflow of the CRM calls."),
        (
            "crm_event@1",
            {"event": "opportunity_status", "status": "won"},
            {},
            "Starts when an opportunity is won in the CRM.",
        ),
        (
            "webhook_received@1",
            {"hook": "shop", "field": "state"},
            {},
            "Starts when “shop” is called and its field “state” is empty.",
        ),
        ("wait@1", {"until": "event", "minutes": 60}, {}, "Waits until a handoff is settled, 1 hour at the most."),
        ("retrieve@1", {"passages": 1}, {}, "Searches your documents for the passage that fits best."),
        (
            "hand_off@1",
            {},
            {"verdict": "reply.needs_person"},
            f"{WISH} a person is needed (“Write the answer”), and tells the customer.",
        ),
        (
            "hand_off@1",
            {},
            {"verdict": "mark.no"},
            f"{WISH} “Four or five?” says no, and tells the customer.",
        ),
    ],
)
def test_a_card_names_results_within_its_sentence(
    node: str, config: dict[str, Any], given: dict[str, str], told: str
) -> None:
    assert said(node, config, **given) == told


def test_a_condition_is_a_clause() -> None:
    steps = [
        {"id": "message", "node": "message_received@1"},
        {"id": "mark", "node": "condition@1", "title": "Urgent?"},
        {"id": "send", "node": "send_message@1", "title": "Send"},
    ]
    doc = Automation.model_validate({"name": "Desk", "steps": steps})
    assert describe_when(doc, When(value="mark.yes")) == "only if “Urgent?” says yes"
    assert describe_when(doc, When.model_validate({"value": "send.failed", "is": False})) == (
        "unless the step failed (“Send”)"
    )
    assert describe_when(doc, When(value="gone.yes")) == "only if gone.yes is yes"


def test_a_long_text_is_cut_behind_a_word_and_never_within_a_reference() -> None:
    doc = Automation.model_validate({"name": "Desk", "steps": [{"id": "message", "node": "message_received@1"}]})
    assert readable(doc, "word, " * 40) == "word, " * 14 + "word…"
    before = "a" * (SHOWN_CHARACTERS - 10)
    assert readable(doc, f"{before} {{{{message.contact_name}}}}") == f"{before}…"
    assert readable(doc, "x" * 200) == "x" * SHOWN_CHARACTERS + "…"


@pytest.mark.parametrize("sentence", ["He says “Yes.”", "It is “x…”", "Is it?", "Done."])
def test_a_sentence_that_has_ended_gets_no_full_stop(sentence: str) -> None:
    assert ended(sentence) == sentence
    assert ended(sentence.rstrip(".?!…”") + "”").endswith("”.")
