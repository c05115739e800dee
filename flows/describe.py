"""One sentence of what a step does with its current settings, and its conditions in words, for its card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from flows.automation import Automation, Step, When
from flows.phrasing import SHOWN_CHARACTERS, listed, minutes, readable, setting_in_words
from flows.sentences import SENTENCES
from flows.wiring import in_words, spec_of, step_of
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
    """A condition in words: "May the AI answer?: May answer is yes"."""
    return f"{in_words(doc, condition.value)} is {'yes' if condition.is_ else 'no'}"


def _usual(doc: Automation, step: Step, spec: NodeSpec) -> str:
    """For a node without a sentence of its own: what it is for, and what was set."""
    set_to = [
        f"{info.title or name.replace('_', ' ').capitalize()}: {readable(doc, setting_in_words(step.config[name]))}"
        for name, info in spec.config.model_fields.items()
        if step.config.get(name) not in (None, "", [], info.get_default(call_default_factory=True))
    ]
    told = f"{spec.description} {'; '.join(set_to)}." if set_to else spec.description
    return told if len(told) <= 3 * SHOWN_CHARACTERS else f"{told[: 3 * SHOWN_CHARACTERS].rstrip()}…"


def _message_received(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    where = f" by {listed([CHANNEL_NAMES.get(name, name) for name in c['channels']], 'or')}" if c["channels"] else ""
    words = f" with {listed([repr(word) for word in c['keywords']], 'or')}" if c["keywords"] else ""
    first = "for the first time" if c["only_first_message"] else ""
    hours = {"open": "during opening hours", "closed": "outside opening hours"}.get(c["hours"], "")
    parts = ["Starts when a customer writes" + where + words, first, hours]
    waits = f" Waits {c['wait_for_more']:g} s for further messages." if c["wait_for_more"] else ""
    return " ".join(part for part in parts if part) + "." + waits


def _gate(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    hours = ", and it is open" if c["only_when_open"] else ""
    return (
        f"Says whether the AI may answer: no colleague has taken over, the AI is on, nobody asked for silence{hours}."
    )


def _condition(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    source = step.input.get("value")
    value = in_words(doc, source) if source else readable(doc, str(c["value"])) or "a value that is not chosen yet"
    operator = str(c["operator"])
    if "any of" in operator:
        expected = " " + listed([repr(choice) for choice in c["any_of"]], "or")
    elif operator in ("is empty", "is not empty", "is true", "is false"):
        expected = ""
    else:
        expected = f" '{readable(doc, str(c['expected']))}'"
    return f"Says yes when {value} {operator}{expected}."


def _wait(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    match c["until"]:
        case "minutes have passed":
            return f"Waits {minutes(c['minutes'])}."
        case "time of day":
            return f"Waits until {c['time']}."
        case "open":
            return "Waits until the business opens."
    return "Waits."


def _set_values(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    names = [str(entry.get("name", "")) for entry in c["values"] if isinstance(entry, dict)]
    return f"Keeps {listed(names)} for later steps." if names else "Keeps texts for later steps; none is named yet."


def _retrieve(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    return f"Searches your documents for the {c['passages']} passages that fit best."


def _recall(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    return f"Recalls up to {c['messages']} earlier messages of the conversation."


def _generate(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    language = f" in {c['language']}" if c["language"] else ""
    role = f" Role: {readable(doc, c['role'])}" if c["role"] else ""
    person = " Asks for a person where the documents do not say it." if c["ask_for_person"] else ""
    return f"Writes the answer with the AI{language}: {readable(doc, c['tone']).rstrip('.').lower()}.{person}{role}"


def _send_message(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    source, text = step.input.get("text"), readable(doc, c["text"])
    named = f"the WhatsApp template “{c['template']['name']}”" if c["template"] else ""
    if not (source or text):
        return f"Sends the customer {named}." if named else "Sends the customer a message; its text is empty yet."
    said = f"Sends the customer: {in_words(doc, source)}." if source else f"Sends the customer: “{text}”"
    return f"{said} After 24 hours of silence {named}." if named else said


def _hand_off(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    when = "the customer asks for one"
    if source := step.input.get("verdict"):
        when += f", or when {in_words(doc, source)}"
    told = "and tells the customer" if c["tell_customer"] else "without telling the customer"
    return f"Asks a person to take over when {when}, {told}."


def _notify(doc: Automation, step: Step, c: dict[str, Any]) -> str:
    who = listed([str(address) for address in c["to"]]) or "every agent and admin"
    how = {"email": "by e-mail", "page": "on the page"}.get(str(c["via"]), f"by {c['via']}")
    text = readable(doc, c["text"])
    return f"Tells {who} {how}" + (f": “{text}”" if text else " what the customer wrote.")


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
