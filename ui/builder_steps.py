"""The left side of the builder: every step as a card in words, and the kinds of steps to add."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any, get_args

import streamlit as st

from flows import editing
from flows.automation import Automation, Step
from flows.check import Problem
from nodes import registry
from nodes.contract import Group, NodeSpec
from ui import builder_desk, builder_parts, canvas, passing
from ui.builder_desk import Desk

GROUPS: dict[Group, str] = {
    "out": "Answer and hand over",
    "ai": "AI and documents",
    "logic": "Decide and wait",
    "people": "Customers and CRM",
    "training": "Training material",
    "trigger": "What starts it",
}


def draw(desk: Desk, problems: list[Problem], *, may_edit: bool) -> None:
    held = st.session_state.get("cards")
    if held is None or held[0] is not desk.document:  # a document never changes: another one takes its place
        held = st.session_state["cards"] = (desk.document, cards(desk.document, problems))
    data = {
        "steps": held[1],
        "selected": desk.selected,
        "may_edit": may_edit,
        "palette": palette(),
        "triggers": [_offer(spec) for spec in registry.triggers()],
    }
    builder_parts.steps(data, key="builder_steps", on_did=_did)


def cards(document: Automation, problems: list[Problem]) -> list[dict[str, Any]]:
    """The steps as the component draws them."""
    wrong = Counter(problem.step for problem in problems)
    specs = {step.id: spec_of(step.node) for step in document.steps}
    above: list[Step | None] = [None, *document.steps]
    return [_card(document, step, before, specs, wrong[step.id]) for step, before in zip(document.steps, above)]


def palette() -> list[dict[str, Any]]:
    """The steps that can follow the first, in groups by what they are for."""
    every = registry.all_specs()
    assert set(GROUPS) == set(get_args(Group))
    grouped = [(title, [_offer(spec) for spec in every if spec.group == group]) for group, title in GROUPS.items()]
    return [{"title": title, "nodes": nodes} for title, nodes in grouped[:-1] if nodes]


def title_of(step: Step) -> str:
    spec = spec_of(step.node)
    return step.title or (spec.title if spec else step.node)


@lru_cache(maxsize=512)
def spec_of(key: str) -> NodeSpec | None:
    """The node that a step names; None where this version does not have it."""
    return next((spec for spec in registry.all_specs() if spec.key == key), None)


def _card(document: Automation, step: Step, before: Step | None, specs: canvas.Specs, wrong: int) -> dict[str, Any]:
    spec = specs[step.id]
    told = {when: canvas.label(canvas.Asked(*when), document, specs) for when in _asked(step)}
    known = _asked(before) if before else []
    # Within a group only what is additional is shown; where a condition ends, the rest is said again.
    shown = [when for when in told if when not in known] if set(known) <= set(told) else list(told)
    return {
        "id": step.id,
        "node": step.node,
        "title": title_of(step),
        "symbol": spec.icon if spec else "help",
        "group": spec.group if spec else "",
        "sentence": editing.describe_step(document, step.id),
        "conditions": list(told.values()),
        "shown": [told[when] for when in shown],
        "depth": len(step.when),
        "disabled": step.disabled,
        "problems": wrong,
    }


def _asked(step: Step) -> list[tuple[str, bool]]:
    return [(when.value, when.is_) for when in step.when]


def _offer(spec: NodeSpec) -> dict[str, str]:
    return {
        "key": spec.key,
        "title": spec.title,
        "symbol": spec.icon,
        "group": spec.group,
        "sentence": spec.description,
        "words": spec.name.replace("_", " "),
    }


def _did(done: dict[str, Any]) -> None:
    """What a person did with the cards."""
    desk, step = builder_desk.here(), str(done.get("step", ""))
    match done["what"]:
        case "select":
            desk.selected = step
        case "add":
            _added(lambda doc: editing.add_step(doc, done["node"], after=done["after"]))
        case "duplicate":
            _added(lambda doc: editing.duplicate_step(doc, step))
        case "move":
            builder_desk.change(lambda doc: editing.move_step(doc, step, done["before"]))
        case "disable":
            builder_desk.change(lambda doc: editing.set_disabled(doc, step, bool(done["off"])))
        case "trigger":
            builder_desk.change(lambda doc: editing.set_trigger(doc, done["node"]), redraw=True)
        case "remove":
            _remove(step)


def _added(make: Any) -> None:
    """Add a step and show its settings."""
    made: list[str] = []

    def edit(document: Automation) -> Automation:
        changed, id = make(document)
        made.append(id)
        return changed  # type: ignore[no-any-return]

    if builder_desk.change(edit) and made:
        builder_desk.here().selected = made[0]


def _remove(step: str) -> None:
    desk = builder_desk.here()
    title = next((title_of(item) for item in desk.document.steps if item.id == step), step)
    if builder_desk.change(lambda doc: editing.remove_step(doc, step)):
        desk.selected = "" if desk.selected == step else desk.selected
        passing.say(f"“{title}” is removed. Undo brings it back.", "delete")
