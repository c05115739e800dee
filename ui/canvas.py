"""The diagram of an automation: cards in list order, and steps that share a condition drawn as a labelled path.

The document has no edges. Paths come from the conditions alone: neighbours that ask for the same boolean form a path, a path that asks
for its opposite stands beside it, and further conditions nest inside.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.automation import Automation, Step
from nodes import registry
from nodes.contract import NodeSpec
from ui import words


@dataclass(frozen=True)
class Asked:
    """One condition of a step."""

    value: str
    expected: bool

    def opposite(self) -> Asked:
        return Asked(self.value, not self.expected)


@dataclass(frozen=True)
class Card:
    step: Step


@dataclass(frozen=True)
class Path:
    asked: Asked
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Fork:
    """One path, or two that exclude each other."""

    paths: tuple[Path, ...]


Block = Card | Fork
Item = tuple[Step, tuple[Asked, ...]]
Specs = Mapping[str, NodeSpec | None]  # the node of each step by the step's id; None where it is not known here


def layout(automation: Automation) -> tuple[Block, ...]:
    """The blocks of the diagram from top to bottom."""
    return _arrange([(step, tuple(Asked(when.value, when.is_) for when in step.when)) for step in automation.steps])


def drawing(
    automation: Automation,
    *,
    states: Mapping[str, str] | None = None,
    selected: str = "",
    compact: bool = False,
    wrong: Collection[str] = (),
) -> dict[str, Any]:
    """What the component draws. `states` are the outcomes of a run by step id: its path is highlighted.

    `compact` leaves the sentences out, for a place beside the steps; `wrong` are the steps that have a problem.
    """
    specs = {step.id: _spec(step) for step in automation.steps}
    return {
        "blocks": [_block(block, automation, specs, states) for block in layout(automation)],
        "selected": selected,
        "run": states is not None,
        "compact": compact,
        "wrong": list(wrong),
    }


def _arrange(items: Sequence[Item]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    at = 0
    while at < len(items):
        step, asked = items[at]
        if not asked:
            blocks.append(Card(step))
            at += 1
            continue
        first = max(asked, key=lambda condition: _run_length(items, at, condition))
        paths = []
        for condition in (first, first.opposite()):
            length = _run_length(items, at, condition)
            if length:
                paths.append(Path(condition, _arrange([_without(item, condition) for item in items[at : at + length]])))
                at += length
        blocks.append(Fork(tuple(paths)))
    return tuple(blocks)


def _run_length(items: Sequence[Item], start: int, condition: Asked) -> int:
    """How many neighbours from `start` on ask for the condition."""
    length = 0
    while start + length < len(items) and condition in items[start + length][1]:
        length += 1
    return length


def _without(item: Item, condition: Asked) -> Item:
    step, asked = item
    return step, tuple(other for other in asked if other != condition)


def _spec(step: Step) -> NodeSpec | None:
    """The node of a step; None where a document names one that this version does not have."""
    return next((spec for spec in registry.all_specs() if spec.key == step.node), None)


def _block(block: Block, automation: Automation, specs: Specs, states: Mapping[str, str] | None) -> dict[str, Any]:
    if isinstance(block, Card):
        return card(block.step, specs[block.step.id], states)
    return {
        "paths": [
            {
                "label": label(path.asked, automation, specs),
                "expected": path.asked.expected,
                "blocks": [_block(inner, automation, specs, states) for inner in path.blocks],
            }
            for path in block.paths
        ]
    }


def card(step: Step, spec: NodeSpec | None, states: Mapping[str, str] | None = None) -> dict[str, Any]:
    """One step in words: title, what it does, and the settings that differ from the node's own."""
    return {
        "id": step.id,
        "title": step.title or (spec.title if spec else step.node),
        "symbol": spec.icon if spec else "help",
        "group": spec.group if spec else "",
        "sentence": spec.description if spec else "This version does not know this step.",
        "settings": words.settings_of(step, spec) if spec else [],
        "disabled": step.disabled,
        "state": (states or {}).get(step.id, "not reached") if states is not None else "",
    }


def label(asked: Asked, automation: Automation, specs: Specs) -> str:
    """The words of a path: 'Only if the AI may answer'."""
    step_id, _, field = asked.value.partition(".")
    step = next((step for step in automation.steps if step.id == step_id), None)
    spec = specs.get(step_id)
    if field in words.TRIGGER_NOTES and step is not None:
        title = step.title or (spec.title if spec else step.id)
        return f"{'Only if' if asked.expected else 'Unless'} “{title}” {words.TRIGGER_NOTES[field]}"
    if field in ("yes", "no") and step is not None and spec is not None:  # only its title says what is compared
        return f"{'Only if' if asked.expected else 'Unless'} “{step.title or spec.title}” says {field}"
    info = spec.output.model_fields.get(field.partition(".")[0]) if spec else None
    return words.condition(field.rpartition(".")[2], (info.description or "") if info else "", asked.expected)
