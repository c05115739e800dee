"""What is different between two documents of an automation, as sentences for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from flows.automation import Automation, Step
from flows.describe import describe_step, describe_when, listed, setting_in_words
from flows.phrasing import ended
from flows.wiring import in_words, spec_of, title_of

What = Literal[
    "name", "description", "added", "removed", "moved", "kind", "title", "setting", "input", "condition", "option"
]


@dataclass(frozen=True)
class Difference:
    """One change. `step_id` and `title` are '' where the automation as a whole is meant."""

    step_id: str
    title: str
    what: What
    before: str
    after: str
    sentence: str


def diff(before: Automation | Mapping[str, Any] | None, after: Automation | Mapping[str, Any]) -> list[Difference]:
    """The changes that lead from one to the other, in the order of the steps; None before = everything is new."""
    new = _document(after)
    old = Automation(name=new.name, description=new.description) if before is None else _document(before)
    return [*_of_whole(old, new), *_of_steps(old, new)]


def _document(given: Automation | Mapping[str, Any]) -> Automation:
    return given if isinstance(given, Automation) else Automation.model_validate(given)


def _of_whole(old: Automation, new: Automation) -> Iterator[Difference]:
    if old.name != new.name:
        yield Difference("", "", "name", old.name, new.name, f"Its name is now '{new.name}'; it was '{old.name}'.")
    if old.description != new.description:
        yield Difference("", "", "description", old.description, new.description, "Its description was changed.")


def _of_steps(old: Automation, new: Automation) -> Iterator[Difference]:
    known = {step.id: step for step in old.steps}
    kept = {step.id for step in new.steps}
    moved = _moved(
        [step.id for step in old.steps if step.id in kept], [step.id for step in new.steps if step.id in known]
    )
    for step in old.steps:
        if step.id not in kept:
            told = describe_step(old, step.id)
            yield Difference(step.id, title_of(step), "removed", told, "", f"The step '{title_of(step)}' was removed.")
    for position, step in enumerate(new.steps):
        if step.id not in known:
            behind = f" behind '{title_of(new.steps[position - 1])}'" if position else " as the start"
            told = describe_step(new, step.id)
            sentence = f"The step '{title_of(step)}' was added{behind}."
            yield Difference(step.id, title_of(step), "added", "", told, sentence)
            continue
        if step.id in moved:
            yield _move(old, new, step, position)
        yield from _of_step(old, new, known[step.id], step)


def _moved(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """The fewest steps that, taken to another place, explain the new order."""
    stays = {
        new[block.b + offset]
        for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        for offset in range(block.size)
    }
    return set(new) - stays


def _move(old: Automation, new: Automation, step: Step, position: int) -> Difference:
    was = [each.id for each in old.steps].index(step.id)
    title = title_of(step)
    behind = f"behind '{title_of(new.steps[position - 1])}'" if position else "to the start"
    return Difference(
        step.id, title, "moved", f"place {was + 1}", f"place {position + 1}", f"The step '{title}' was moved {behind}."
    )


def _of_step(old_doc: Automation, new_doc: Automation, old: Step, new: Step) -> Iterator[Difference]:
    title = title_of(new)

    def change(what: What, name: str, before: str, after: str) -> Difference:
        return Difference(
            new.id, title, what, before, after, ended(f"'{title}': {name} is now {after}; it was {before}")
        )

    if old.node != new.node:
        yield change("kind", "the kind of step", _kind(old), _kind(new))
    if title_of(old) != title:
        yield change("title", "the title", f"'{title_of(old)}'", f"'{title}'")
    yield from _settings(old, new, change)
    yield from _inputs(old_doc, new_doc, old, new, change)
    if old.when != new.when:
        yield change("condition", "when it runs", _conditions(old_doc, old), _conditions(new_doc, new))
    yield from _options(old, new, change)


def _settings(old: Step, new: Step, change: Any) -> Iterator[Difference]:
    spec = spec_of(new.node)
    fields = spec.config.model_fields if spec else {}
    for name in dict.fromkeys([*fields, *old.config, *new.config]):
        usual = fields[name].get_default(call_default_factory=True) if name in fields else None
        before, after = old.config.get(name, usual), new.config.get(name, usual)
        if before != after:
            label = str(fields[name].title or "") if name in fields else ""
            yield change("setting", f"“{label or name.replace('_', ' ').capitalize()}”", _shown(before), _shown(after))


def _inputs(old_doc: Automation, new_doc: Automation, old: Step, new: Step, change: Any) -> Iterator[Difference]:
    for name in dict.fromkeys([*old.input, *new.input]):
        before, after = old.input.get(name, ""), new.input.get(name, "")
        if before != after:
            was = f"from '{in_words(old_doc, before)}'" if before else "not connected"
            now = f"from '{in_words(new_doc, after)}'" if after else "not connected"
            yield change("input", f"the input “{name.replace('_', ' ').capitalize()}”", was, now)


def _options(old: Step, new: Step, change: Any) -> Iterator[Difference]:
    if old.disabled != new.disabled:
        yield change("option", "the step", _on(old), _on(new))
    if old.on_error != new.on_error:
        words = {"stop": "the run stops", "continue": "the run goes on"}
        yield change("option", "what happens at an error", words[old.on_error], words[new.on_error])
    if old.retries != new.retries:
        yield change("option", "the number of further tries", str(old.retries), str(new.retries))
    if old.timeout_seconds != new.timeout_seconds:
        yield change("option", "the longest time", f"{old.timeout_seconds:g} s", f"{new.timeout_seconds:g} s")


def _conditions(doc: Automation, step: Step) -> str:
    told = listed([describe_when(doc, condition) for condition in step.when])
    return told or "always"


def _kind(step: Step) -> str:
    spec = spec_of(step.node)
    return f"'{spec.title}'" if spec else f"'{step.node}'"


def _on(step: Step) -> str:
    return "switched off" if step.disabled else "switched on"


def _shown(value: Any) -> str:
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "; ".join(setting_in_words(item) for item in value) or "none"
    return f"“{value}”" if isinstance(value, str) and value else setting_in_words(value)
