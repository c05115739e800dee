"""One sentence of what a step does with its current settings, and its conditions in words, for its card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from flows.automation import Automation, Step, When
from flows.phrasing import (
    SHOWN_CHARACTERS,
    claim,
    ended,
    listed,
    minutes,
    quoted,
    readable,
    result,
    said,
    setting_in_words,
    shortened,
    small,
)
from flows.sentences import SENTENCES
from flows.wiring import spec_of, step_of
from nodes import conversation_event, crm_event
from nodes.contract import NodeSpec
from nodes.message_received import CHANNEL_NAMES

Told = Callable[[Automation, Step, dict[str, Any]], str]

__all__ = ["describe_step", "describe_when", "listed", "readable", "setting_in_words"]


def describe_step(doc: Automation, step_id: str) -> str:
    """What the step does, as one sentence. Raises LookupError."""
    step = step_of(doc, step_id)
    spec = spec_of(step.node)
    if spec is None:
        return f"There is no step of the kind '{step.node}' here."
    told = _SENTENCES.get(spec.name) or SENTENCES.get(spec.name)
    try:
        settings = spec.config.model_validate(step.config).model_dump()
    except ValidationError:  # a setting that cannot be used is shown at its field
        return spec.description
    return told(doc, step, settings) if told else _usual(doc, step, spec)


def describe_when(doc: Automation, condition: When) -> str:
    """A condition in words: "only if nothing blocks (“May the AI answer?”)"."""
    return claim(doc, condition.value, holds=condition.is_)


def _usual(doc: Automation, step: Step, spec: NodeSpec) -> str:
    """For a node without a sentence of its own: what it is for, and what was set."""
    set_to = [
        f"{info.title or name.replace('_', ' ').capitalize()}: {readable(doc, setting_in_words(step.config[name]))}"
        for name, info in spec.config.model_fields.items()
        if step.config.get(name) not in (None, "", [], info.get_default(call_default_factory=True))
    ]
    told = ended(f"{spec.description} {'; '.join(set_to)}") if set_to else spec.description
    return shortened(told, 3 * SHOWN_CHARACTERS)


def _message_received(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    where = f" by {listed([CHANNEL_NAMES.get(name, name) for name in c['channels']], 'or')}" if c["channels"] else ""
    words = f" with {listed([quoted(word) for word in c['keywords']], 'or')}" if c["keywords"] else ""
    first = "for the first time" if c["only_first_message"] else ""
    hours = {"open": "during opening hours", "closed": "outside opening hours"}.get(c["hours"], "")
    parts = ["Starts when a customer writes" + where + words, first, hours]
    seconds = "second" if c["wait_for_more"] == 1 else "seconds"
    waits = f" Waits {c['wait_for_more']:g} {seconds} for further messages." if c["wait_for_more"] else ""
    return " ".join(part for part in parts if part) + "." + waits


def _gate(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    asked = ["no colleague has taken over", "the AI is on", "nobody asked for silence"]
    return f"Says whether the AI may answer: {listed(asked + ['it is open'] * c['only_when_open'])}."


def _condition(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    source = step.input.get("value")
    if not (source or c["value"]):
        return "Compares a value; it is not chosen yet."
    value = result(doc, source) if source else said(doc, str(c["value"]))
    return ended(f"Says yes when {value} {_compared(doc, str(c['operator']), c)}")


def _compared(doc: Automation, operator: str, c: dict[str, Any]) -> str:
    """What is asked of the value, as the rest of the sentence."""
    expected = str(c["expected"]).strip()
    if operator.startswith("is ") and operator != "is any of":
        return operator
    if "any of" in operator:
        choices = listed([quoted(choice) for choice in c["any_of"]], "or")
        return f"{operator} {choices}" if choices else f"{operator} some words; none is written yet"
    if operator in ("greater than", "less than", "at least", "at most"):
        operator = f"is {operator}"
    elif not expected and operator in ("equals", "does not equal"):
        return "is empty" if operator == "equals" else "is not empty"
    if not expected:
        return f"{operator} something that is not written yet"
    return f"{operator} {expected if expected.replace('.', '', 1).isdigit() else said(doc, expected)}"


def _wait(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    match c["until"]:
        case "minutes have passed":
            return f"Waits {minutes(c['minutes'])}."
        case "time of day":
            return f"Waits until {c['time']}."
        case "open":
            return "Waits until the business opens."
    happens = _happens(str(c["event"]))
    return f"Waits {happens}, {minutes(c['minutes'])} at the most."


def _happens(event: str) -> str:
    if event in crm_event.NAMES:
        return f"for {crm_event.NAMES[event]} in the CRM"
    return f"until {conversation_event.NAMES.get(event, 'something happens')}"


def _set_values(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    names = [quoted(str(entry["name"])) for entry in c["values"] if isinstance(entry, dict) and entry.get("name")]
    return f"Keeps {listed(names)} for later steps." if names else "Keeps texts for later steps; none is named yet."


def _retrieve(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    wanted = "passage that fits" if c["passages"] == 1 else f"{c['passages']} passages that fit"
    return f"Searches your documents for the {wanted} best."


def _recall(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    wanted = "the last message" if c["messages"] == 1 else f"up to {c['messages']} earlier messages"
    return f"Recalls {wanted} of the conversation."


def _generate(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    language = f" in {c['language']}" if c["language"] else ""
    role = f" Its role: {said(doc, c['role'])}" if c["role"] else ""
    tone = f": {small(readable(doc, c['tone']))}" if c["tone"].strip() else ""
    person = " Asks for a person where the documents do not say it." if c["ask_for_person"] else ""
    return ended(f"Writes the answer with the AI{language}{tone}") + person + (ended(role) if role else "")


def _send_message(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    source, text = step.input.get("text"), str(c["text"]).strip()
    named = f"the WhatsApp template “{c['template']['name']}”" if c["template"] else ""
    if not (source or text):
        return f"Sends the customer {named}." if named else "Sends the customer a message; its text is empty yet."
    what = result(doc, source) if source else said(doc, text)
    sends = ended(f"Sends the customer{':' if what.startswith('“') else ''} {what}")
    return f"{sends} After 24 hours of silence {named}." if named else sends


def _hand_off(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    when = "the customer asks for one"
    if source := step.input.get("verdict"):
        when += f", or {claim(doc, source).replace('only if', 'when', 1)}"
    told = "and tells the customer" if c["tell_customer"] else "without telling the customer"
    return f"Asks a person to take over when {when}, {told}."


def _notify(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    who = listed([str(address) for address in c["to"]]) or "every agent and admin"
    how = {"email": "by e-mail", "page": "on the page"}.get(str(c["via"]), f"by {c['via']}")
    if not c["text"].strip():
        return f"Tells {who} {how} what the customer wrote."
    what = said(doc, c["text"])
    return ended(f"Tells {who} {how}{':' if what.startswith('“') else ''} {what}")


_SENTENCES: dict[str, Told] = {
    "message_received": _message_received,
    "gate": _gate,
    "condition": _condition,
    "wait": _wait,
    "set_values": _set_values,
    "retrieve": _retrieve,
    "recall": _recall,
    "generate": _generate,
    "send_message": _send_message,
    "hand_off": _hand_off,
    "notify": _notify,
}
