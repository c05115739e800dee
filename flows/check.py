"""Every problem of an automation at once, each with the step, the field and the remedy. An automation without one can run."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from flows.automation import Automation, Step
from flows.check_sense import problems as sense
from flows.check_sense import texts
from flows.plan import STEP_BOOLEANS, Reference, reference, references_in
from flows.problem import Problem
from nodes import registry
from nodes.contract import NodeSpec

__all__ = ["CheckFailed", "Problem", "check", "fits", "kinds_of"]


class CheckFailed(Exception):
    """The automation cannot be published; `problems` says why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def check(document: Mapping[str, Any] | Automation) -> list[Problem]:
    """All problems of a document, in step order; [] means that it can be published."""
    if isinstance(document, Automation):
        return [*_of_order(document), *_of_steps(document), *sense(document)]
    try:
        return check(Automation.model_validate(document))
    except ValidationError as error:
        return [_of_form(document, detail) for detail in error.errors()]


def _of_form(document: Mapping[str, Any], detail: Any) -> Problem:
    location = list(detail["loc"])
    step = ""
    if len(location) >= 2 and location[0] == "steps" and isinstance(location[1], int):
        steps = document.get("steps")
        found = steps[location[1]] if isinstance(steps, list) and location[1] < len(steps) else {}
        step = (
            str(found.get("id") or f"number {location[1] + 1}")
            if isinstance(found, dict)
            else f"number {location[1] + 1}"
        )
        location = location[2:]
    field = ".".join(str(part) for part in location) or "document"
    return Problem(step, field, _sentence(detail), "Correct the value, or remove the field.")


def _of_order(automation: Automation) -> Iterator[Problem]:
    if not automation.steps:
        yield Problem("", "steps", "The automation has no steps.", "Add a trigger first.")
        return
    seen: set[str] = set()
    for position, step in enumerate(automation.steps):
        if step.id in seen:
            yield Problem(step.id, "id", f"Two steps are called '{step.id}'.", "Give one of them another name.")
        seen.add(step.id)
        spec = _spec(step)
        if spec is None:
            continue
        if position == 0 and spec.group != "trigger":
            yield Problem(
                step.id,
                "node",
                "The first step is no trigger.",
                "Put a trigger first, for example 'A message arrives'.",
            )
        if position > 0 and spec.group == "trigger":
            yield Problem(
                step.id, "node", "A trigger can only be the first step.", "Remove it, or make another automation."
            )
        if position == 0 and step.disabled:
            yield Problem(
                step.id, "disabled", "The trigger is disabled.", "Enable it, or disable the whole automation."
            )
        if position == 0 and step.when:
            yield Problem(
                step.id, "when", "A trigger has nothing before it that a condition could name.", "Remove the condition."
            )


def _of_steps(automation: Automation) -> Iterator[Problem]:
    earlier: dict[str, Step] = {}
    later = {step.id for step in automation.steps}
    for step in automation.steps:
        later.discard(step.id)
        spec = _spec(step)
        if spec is None:
            yield _unknown_node(step)
        else:
            scope = _Scope(step, earlier, later)
            yield from _of_config(step, spec, scope)
            yield from _of_input(step, spec, scope)
        yield from _of_when(step, _Scope(step, earlier, later))
        earlier[step.id] = step


def _unknown_node(step: Step) -> Problem:
    known = sorted(spec.key for spec in registry.all_specs())
    name = step.node.split("@")[0]
    near = [key for key in known if key.split("@")[0] == name]
    remedy = f"Use {near[0]}." if near else f"Choose one of: {', '.join(known)}."
    return Problem(step.id, "node", f"There is no node '{step.node}'.", remedy)


def _of_config(step: Step, spec: NodeSpec, scope: _Scope) -> Iterator[Problem]:
    try:
        spec.config.model_validate(step.config)
    except ValidationError as error:
        for detail in error.errors():
            yield Problem(step.id, _config_place(spec, detail), _sentence(detail), _config_remedy(spec, detail))
    for field, text in texts(step.config, "config"):
        for written in references_in(text):
            yield from scope.problems(field, written, want=None)


def _config_place(spec: NodeSpec, detail: Any) -> str:
    """Which setting; of what concerns several, the one that the message begins with."""
    if detail["loc"]:
        return "config." + ".".join(str(part) for part in detail["loc"])
    named = _sentence(detail).split(":")[0]
    return f"config.{named}" if named in spec.config.model_fields else "config"


def _sentence(detail: Any) -> str:
    """What pydantic says, as a sentence."""
    return str(detail["msg"]).removeprefix("Value error, ").rstrip(".") + "."


def _config_remedy(spec: NodeSpec, detail: Any) -> str:
    fields = spec.config.model_fields
    if detail["type"] == "extra_forbidden":
        return f"Settings of this node: {', '.join(fields) or 'none'}."
    info = fields.get(str(detail["loc"][0])) if detail["loc"] else None
    return info.description or "Correct the value." if info else "Correct the value."


def _of_input(step: Step, spec: NodeSpec, scope: _Scope) -> Iterator[Problem]:
    fields = spec.input.model_fields
    for name, written in step.input.items():
        if name not in fields:
            yield Problem(
                step.id,
                f"input.{name}",
                f"This node has no input '{name}'.",
                f"Its inputs: {', '.join(fields) or 'none'}.",
            )
            continue
        yield from scope.problems(f"input.{name}", written, want=fields[name].annotation)
    for name, info in fields.items():
        if info.is_required() and name not in step.input:
            yield Problem(
                step.id,
                f"input.{name}",
                f"The input '{name}' is not connected.",
                f"Choose an earlier output for it. {info.description}",
            )


def _of_when(step: Step, scope: _Scope) -> Iterator[Problem]:
    for condition in step.when:
        yield from scope.problems("when", condition.value, want=bool)


@dataclass(frozen=True)
class _Scope:
    """What a step may refer to: the outputs of the steps before it."""

    step: Step
    earlier: Mapping[str, Step]
    later: set[str]

    def problems(self, field: str, written: str, want: Any) -> Iterator[Problem]:
        try:
            wanted = reference(written)
        except ValueError as error:
            yield Problem(self.step.id, field, str(error), f"For example one of: {self._examples()}.")
            return
        target = self.earlier.get(wanted.step)
        if target is None:
            yield Problem(self.step.id, field, *self._not_before(wanted))
            return
        if target.disabled and wanted.field not in STEP_BOOLEANS:
            yield Problem(
                self.step.id,
                field,
                f"Step '{wanted.step}' is disabled, so '{written}' never has a value.",
                "Enable it, or choose another.",
            )
        yield from self._of_output(field, written, wanted, target, want)

    def _not_before(self, wanted: Reference) -> tuple[str, str]:
        if wanted.step == self.step.id:
            return f"'{wanted.step}' is this step itself.", "Choose an output of an earlier step."
        if wanted.step in self.later:
            return f"Step '{wanted.step}' runs later.", f"Move it before '{self.step.id}', or choose an earlier output."
        return f"There is no step '{wanted.step}'.", f"Choose one of: {self._examples()}."

    def _of_output(self, field: str, written: str, wanted: Reference, target: Step, want: Any) -> Iterator[Problem]:
        spec = _spec(target)
        if spec is None:
            return  # that step has its own problem
        if wanted.field in STEP_BOOLEANS:
            have: Any = bool
        elif wanted.field not in spec.output.model_fields:
            has = ", ".join([*spec.output.model_fields, *STEP_BOOLEANS])
            yield Problem(
                self.step.id, field, f"'{written}' is not an output of '{wanted.step}'.", f"'{wanted.step}' has: {has}."
            )
            return
        else:
            have = spec.output.model_fields[wanted.field].annotation
        if wanted.key:
            if not _is_mapping(have):
                yield Problem(
                    self.step.id, field, f"'{wanted.step}.{wanted.field}' has no parts.", "Leave out the last part."
                )
            elif (named := _named_parts(target)) and wanted.key not in named:
                yield Problem(
                    self.step.id,
                    field,
                    f"'{wanted.step}' sets no value called '{wanted.key}'.",
                    f"It sets: {', '.join(named)}.",
                )
            return
        if want is not None and not fits(have, want):
            yield Problem(
                self.step.id,
                field,
                f"'{written}' is {_in_words(have)}, but {_in_words(want)} is needed.",
                "Choose another output.",
            )

    def _examples(self) -> str:
        found = [
            f"{name}.{output}"
            for name, step in self.earlier.items()
            if (spec := _spec(step)) is not None
            for output in spec.output.model_fields
        ]
        return ", ".join(found[:12]) or "none, this is the first step"


def fits(have: Any, want: Any) -> bool:
    """May a value of the type `have` go where `want` is expected? Anything may become a text."""
    wanted = kinds_of(want)
    if "any" in wanted or "text" in wanted:
        return True
    kinds = kinds_of(have) - {"nothing"}
    if kinds == {"list"} and _records(have) and _records(want) and not _records(have) & _records(want):
        return False  # passages are no lines of a conversation
    return "any" in kinds or bool(kinds & wanted)


def _records(annotation: Any) -> set[type]:
    """The kinds of records in a list."""
    parts = typing.get_args(annotation)
    if typing.get_origin(annotation) in (list, tuple):
        return {part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)}
    return {kind for part in parts for kind in _records(part)}


Kind = Literal["any", "text", "yes/no", "number", "list", "mapping", "nothing", "record"]
_KINDS: dict[Any, Kind] = {
    str: "text",
    bool: "yes/no",
    int: "number",
    float: "number",
    type(None): "nothing",
    Any: "any",
}


def kinds_of(annotation: Any) -> set[Kind]:
    """What a value of this type may be, in the words of the builder."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return {kind for part in typing.get_args(annotation) for kind in kinds_of(part)}
    if origin is typing.Annotated:
        return kinds_of(typing.get_args(annotation)[0])
    if origin is Literal:
        return {"text"}
    base = origin or annotation
    if base in (list, tuple, set, frozenset):
        return {"list"}
    if isinstance(base, type) and issubclass(base, Mapping):
        return {"mapping"}
    return {_KINDS.get(base, "record")}


def _named_parts(step: Step) -> list[str]:
    """The names that a step gives to what it puts out, where its settings say them."""
    if step.node.split("@")[0] != "set_values":
        return []
    values = step.config.get("values")
    return [str(value.get("name")) for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _is_mapping(annotation: Any) -> bool:
    return bool(kinds_of(annotation) & {"mapping", "any"})


def _in_words(annotation: Any) -> str:
    words = {
        "yes/no": "a yes/no value",
        "text": "a text",
        "number": "a number",
        "list": "a list",
        "mapping": "a set of values",
    }
    kinds = kinds_of(annotation) - {"nothing"}
    return " or ".join(sorted(words.get(kind, "a record") for kind in kinds))


def _spec(step: Step) -> NodeSpec | None:
    try:
        return registry.get(step.node)
    except KeyError:
        return None
