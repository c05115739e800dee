"""A document made ready to run: each step with its node, references split, texts that hold references known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from flows.automation import Automation, Step
from nodes import registry
from nodes.contract import NodeSpec

REFERENCE = re.compile(r"^([a-z][a-z0-9_]{0,39})\.([A-Za-z_][A-Za-z0-9_]*)(?:\.([A-Za-z0-9_ -]+))?$")
TEMPLATE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
# Every step offers these two beside its outputs.
STEP_BOOLEANS = ("failed", "skipped")


@dataclass(frozen=True)
class Reference:
    """`step.field` or `step.field.key`."""

    step: str
    field: str
    key: str = ""


@dataclass(frozen=True)
class BoundStep:
    """A step and the node that it places."""

    step: Step
    spec: NodeSpec
    position: int

    @property
    def id(self) -> str:
        return self.step.id

    @property
    def title(self) -> str:
        return self.step.title or self.spec.title


@dataclass(frozen=True)
class Plan:
    """A runnable automation. The first step is the trigger."""

    name: str
    steps: tuple[BoundStep, ...]

    @property
    def trigger(self) -> BoundStep:
        return self.steps[0]


def compile_document(document: Mapping[str, Any]) -> Plan:
    """The plan of a checked document. Raises pydantic.ValidationError or KeyError where it was never checked."""
    automation = Automation.model_validate(document)
    bound = tuple(BoundStep(step, registry.get(step.node), position) for position, step in enumerate(automation.steps))
    return Plan(automation.name, bound)


class Plans:
    """Compiled versions by id. A version never changes, so an entry is never stale."""

    def __init__(self, size: int = 256) -> None:
        self._size = size
        self._plans: dict[UUID, Plan] = {}

    def of(self, version_id: UUID, document: Mapping[str, Any]) -> Plan:
        plan = self._plans.get(version_id)
        if plan is None:
            plan = compile_document(document)
            if len(self._plans) >= self._size:
                self._plans.pop(next(iter(self._plans)))
            self._plans[version_id] = plan
        return plan


@lru_cache(maxsize=4096)
def reference(text: str) -> Reference:
    """Split a reference. Raises ValueError naming the form it should have."""
    match = REFERENCE.match(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a reference: write step.output, for example reply.text.")
    return Reference(match[1], match[2], match[3] or "")


def references_in(text: str) -> list[str]:
    """The references that a text holds, as written."""
    return TEMPLATE.findall(text)


def look_up(outputs: Mapping[str, Mapping[str, Any]], wanted: Reference) -> Any:
    """The value of a reference, or None where the step was skipped or failed."""
    value = outputs.get(wanted.step, {}).get(wanted.field)
    if wanted.key:
        return value.get(wanted.key) if isinstance(value, Mapping) else None
    return value


def as_text(value: Any) -> str:
    """How a value reads in a text: yes and no for booleans, one line per list item, nothing for what is not there."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return "\n".join(as_text(item) for item in value)
        case dict():
            return "\n".join(f"{key}: {as_text(item)}" for key, item in value.items())
        case _:
            return str(value)


def render(value: Any, outputs: Mapping[str, Mapping[str, Any]]) -> Any:
    """A config value with every `{{step.output}}` replaced by its text."""
    match value:
        case str() if "{{" in value:
            return TEMPLATE.sub(lambda match: as_text(look_up(outputs, reference(match[1]))), value)
        case list():
            return [render(item, outputs) for item in value]
        case dict():
            return {key: render(item, outputs) for key, item in value.items()}
        case _:
            return value
