"""What could run and would make no sense: a message without a text, a condition that never holds, half a pair of braces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from flows.automation import Automation, Step
from flows.cadence import WordsUnclear, to_cron
from flows.plan import TEMPLATE
from flows.problem import Problem
from nodes import registry
from nodes.contract import NodeSpec
from nodes.message_template import names_in

MOST_STEPS = 100


def problems(automation: Automation) -> Iterator[Problem]:
    """In step order."""
    if len(automation.steps) > MOST_STEPS:
        yield Problem(
            "",
            "steps",
            f"The automation has {len(automation.steps)} steps; {MOST_STEPS} are the most.",
            "Move a part into an automation of its own.",
        )
    for step in automation.steps:
        yield from _conditions(step)
        yield from _braces(step)
        if (found := _settings(step)) is not None:
            yield from _needs(step, *found)


def _conditions(step: Step) -> Iterator[Problem]:
    wanted: dict[str, bool] = {}
    for condition in step.when:
        name = condition.value.strip()
        if wanted.setdefault(name, condition.is_) is not condition.is_:
            yield Problem(
                step.id,
                "when",
                f"'{name}' must be yes and no at once, so the step never runs.",
                "Remove one of the two conditions.",
            )


def _braces(step: Step) -> Iterator[Problem]:
    """What is left of `{{` and `}}` when all complete references are taken out would be sent as it stands."""
    for field, text in texts(step.config, "config"):
        rest = TEMPLATE.sub("", text)
        if "{{" in rest or "}}" in rest:
            yield Problem(
                step.id,
                field,
                "A pair of braces is not complete, so the text would be used as it stands.",
                "Write {{step.output}} with two braces on each side, or insert it from the menu.",
            )


def _settings(step: Step) -> tuple[NodeSpec, dict[str, Any]] | None:
    """The node and its settings; None where they have a problem of their own."""
    try:
        spec = registry.get(step.node)
        return spec, spec.config.model_validate(step.config).model_dump()
    except (KeyError, ValidationError):
        return None


def _needs(step: Step, spec: NodeSpec, config: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in config.items():
        if isinstance(value, list) and any(isinstance(item, str) and not item.strip() for item in value):
            yield Problem(step.id, f"config.{name}", "One of the entries is empty.", "Fill it in, or remove it.")
    for fields, message, remedy in _NEEDED.get(spec.name, ()):
        if not any(_is_there(field, step, config) for field in fields):
            yield Problem(step.id, _place(fields[0], spec), message, remedy)
    if (special := _SPECIAL.get(spec.name)) is not None:
        yield from special(step, config)


def _is_there(field: str, step: Step, config: Mapping[str, Any]) -> bool:
    value = config.get(field)
    return field in step.input or bool(value.strip() if isinstance(value, str) else value)


def _place(field: str, spec: NodeSpec) -> str:
    return f"config.{field}" if field in spec.config.model_fields else f"input.{field}"


# Per node: of each group of settings or inputs at least one must be there.
_NEEDED: dict[str, Sequence[tuple[tuple[str, ...], str, str]]] = {
    "send_message": [
        (
            ("text", "template"),
            "The message has no text.",
            "Write one, connect the text of an earlier step, or choose a template.",
        )
    ],
    "condition": [(("value",), "There is nothing to compare.", "Choose the value of an earlier step.")],
    "set_values": [(("values",), "No value is set.", "Add one with a name, or remove the step.")],
    "ask": [(("question",), "The question is empty.", "Write what the customer is asked.")],
    "tag": [(("add", "remove"), "No tag is named.", "Choose a tag to give or to take away.")],
    "create_task": [(("title",), "The task has no title.", "Write what is to be done.")],
    "add_note": [(("text",), "The note is empty.", "Write one, or connect the text of an earlier step.")],
    "update_contact": [(("fields",), "No field is chosen.", "Choose a field and its new value.")],
    "http_request": [(("url",), "There is no address.", "Write the address to call, beginning with https://.")],
    "move_opportunity": [(("pipeline_id",), "No pipeline is chosen.", "Choose the pipeline of the opportunity.")],
    "book_appointment": [(("calendar_id",), "No calendar is chosen.", "Choose the calendar to look into.")],
    "act": [(("allowed",), "The AI may do nothing.", "Choose what it may do, or remove the step.")],
    "approve": [(("text",), "There is nothing to approve.", "Connect the text of an earlier step, or write one.")],
    "run_automation": [(("automation",), "No automation is chosen.", "Choose the one to start.")],
}


def _condition(step: Step, config: Mapping[str, Any]) -> Iterator[Problem]:
    operator = str(config["operator"])
    if "any of" in operator:
        if not config["any_of"]:
            yield Problem(step.id, "config.any_of", f"'{operator}' has no choices.", "Add at least one.")
    elif operator not in ("is empty", "is not empty", "is true", "is false") and not str(config["expected"]).strip():
        yield Problem(
            step.id,
            "config.expected",
            f"'{operator}' has nothing to compare with.",
            "Write what is expected, or choose 'is empty'.",
        )
    if operator in ("greater than", "less than", "at least", "at most") and not _may_be_number(config["expected"]):
        yield Problem(
            step.id,
            "config.expected",
            f"'{config['expected']}' is no number, so nothing is ever {operator} it.",
            "Write a number, for example 3.5.",
        )


def _may_be_number(text: str) -> bool:
    if not text.strip() or TEMPLATE.search(text):
        return True  # empty has its own problem; a reference is known when it runs
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _move(step: Step, config: Mapping[str, Any]) -> Iterator[Problem]:
    if config["pipeline_id"] and not (config["stage_id"] or config["status"]):
        yield Problem(
            step.id, "config.stage_id", "Neither a stage nor a status is chosen.", "Choose where the opportunity goes."
        )


def _request(step: Step, config: Mapping[str, Any]) -> Iterator[Problem]:
    url = str(config["url"]).strip()
    if url and not url.startswith(("https://", "http://", "{{")):
        yield Problem(
            step.id, "config.url", f"'{url}' is no web address.", "Write it like https://www.example.com/path."
        )


def _send_message(step: Step, config: Mapping[str, Any]) -> Iterator[Problem]:
    template = config["template"]
    if template is None:
        return
    blanks = template["blanks"]
    for place, blank in enumerate(blanks):
        if not (blank["value"].strip() or blank["otherwise"].strip()):
            yield Problem(
                step.id,
                f"config.template.blanks.{place}.value",
                f"Nothing is filled into the blank {blank['name']} of the template '{template['name']}'.",
                "Fill it in, or write what stands there otherwise.",
            )
    known = {blank["name"] for blank in blanks}
    # A template's own blanks are numbers; other words in braces may be meant as they are.
    for name in names_in(template["text"]):
        if name.isdigit() and name not in known:
            yield Problem(
                step.id,
                "config.template.blanks",
                f"The template '{template['name']}' has a blank {name} that is not listed.",
                "Choose the template anew.",
            )


def _schedule(step: Step, config: Mapping[str, Any]) -> Iterator[Problem]:
    try:
        to_cron(str(config["when"]))
    except WordsUnclear as error:
        said, _, examples = str(error).partition(" Write it like: ")
        remedy = f"Write it like: {examples}" if examples else "Write it like: every Monday at 6:00."
        yield Problem(step.id, "config.when", said, remedy)
    if config["for_each"] == "tagged" and not str(config["tag"]).strip():
        yield Problem(step.id, "config.tag", "No tag is chosen, so it would run for nobody.", "Choose the tag.")


_SPECIAL: dict[str, Callable[[Step, Mapping[str, Any]], Iterator[Problem]]] = {
    "condition": _condition,
    "move_opportunity": _move,
    "http_request": _request,
    "send_message": _send_message,
    "schedule": _schedule,
}


def texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every text in a setting, with where it stands."""
    match value:
        case str():
            yield path, value
        case dict():
            for key, item in value.items():
                yield from texts(item, f"{path}.{key}")
        case list():
            for index, item in enumerate(value):
                yield from texts(item, f"{path}.{index}")
