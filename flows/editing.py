"""Changes of an automation as pure functions: a document in, another one out. What makes no sense is refused with a sentence.

What is merely wrong yet (an input without a source, a value out of range) is allowed and shows up in `flows.check`: a person
who builds goes through such states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import ValidationError

from flows.automation import Automation, Step, When
from flows.describe import describe_step, describe_when
from flows.plan import TEMPLATE, reference, references_in
from flows.wiring import Reference, first_conditions, first_inputs, fitting, in_words, references, spec_of, title_of
from nodes.contract import NodeSpec

__all__ = [
    "EditRefused",
    "Reference",
    "add_step",
    "describe_step",
    "describe_when",
    "duplicate_step",
    "fitting",
    "in_words",
    "move_step",
    "references",
    "remove_step",
    "set_config",
    "set_disabled",
    "set_input",
    "set_name",
    "set_step_options",
    "set_title",
    "set_trigger",
    "set_when",
]

LONGEST_ID = 40
MOST_STEPS = 100

# Names of steps that read well in a text: {{reply.text}} rather than {{generate.text}}.
_SHORT = {
    "message_received": "message",
    "generate": "reply",
    "lookup_contact": "contact",
    "recall": "memory",
    "retrieve": "documents",
    "send_message": "send",
    "hand_off": "person",
    "set_values": "values",
}


class EditRefused(Exception):
    """The change makes no sense; the message is the sentence to show."""


def add_step(doc: Automation, node_key: str, *, after: str | None) -> tuple[Automation, str]:
    """A new step behind `after` (None = at the end), connected as well as can be guessed; returns its id too."""
    spec = _spec(node_key)
    if spec.group == "trigger":
        if doc.steps and _is_trigger(doc.steps[0]):
            raise EditRefused("This automation has a start already. Change how it starts at its first card.")
        return set_trigger(doc, node_key), _first_id(doc, spec)
    if not doc.steps:
        raise EditRefused("Choose first what starts the automation.")
    if len(doc.steps) >= MOST_STEPS:
        raise EditRefused(f"An automation has at most {MOST_STEPS} steps. Move a part into an automation of its own.")
    at = len(doc.steps) if after is None else _position(doc, after) + 1
    earlier = doc.steps[:at]
    inputs = first_inputs(earlier, spec)
    new = Step(
        id=_free_id(doc, _SHORT.get(spec.name, spec.name)),
        node=node_key,
        input=inputs,
        when=first_conditions(earlier, spec, inputs),
    )
    return _with_steps(doc, [*earlier, new, *doc.steps[at:]]), new.id


def remove_step(doc: Automation, step_id: str) -> Automation:
    """Without the step, and without the inputs and conditions that rested on it."""
    at = _position(doc, step_id)
    if at == 0 and _is_trigger(doc.steps[0]):
        raise EditRefused("An automation needs its start. Change how it starts, or delete the automation.")
    left = [step for step in doc.steps if step.id != step_id]
    return _with_steps(doc, [_without(step, lambda ref: ref.split(".")[0] == step_id) for step in left])


def move_step(doc: Automation, step_id: str, before: str | None) -> Automation:
    """The step in front of `before`; None = at the end. A step stays behind those that it uses."""
    at = _position(doc, step_id)
    moved = doc.steps[at]
    rest = [step for step in doc.steps if step.id != step_id]
    to = len(rest) if before is None else next((i for i, step in enumerate(rest) if step.id == before), at)
    if (at == 0 and _is_trigger(moved)) or (to == 0 and rest and _is_trigger(rest[0])):
        raise EditRefused("The start of the automation stays first.")
    changed = _with_steps(doc, [*rest[:to], moved, *rest[to:]])
    for position, step in enumerate(changed.steps):
        for used in _uses(step):
            if used in {later.id for later in changed.steps[position + 1 :]}:
                user, source = title_of(step), title_of(doc.steps[_position(doc, used)])
                raise EditRefused(f"'{user}' uses what '{source}' gives, so it must come after it.")
    return changed


def duplicate_step(doc: Automation, step_id: str) -> tuple[Automation, str]:
    """A copy right behind the step; returns the copy's id too."""
    at = _position(doc, step_id)
    step = doc.steps[at]
    if at == 0 and _is_trigger(step):
        raise EditRefused("An automation has one start. Copy the whole automation to start it in another way.")
    copy = step.model_copy(update={"id": _free_id(doc, step.id), "title": f"{title_of(step)} (copy)"})
    return _with_steps(doc, [*doc.steps[: at + 1], copy, *doc.steps[at + 1 :]]), copy.id


def set_disabled(doc: Automation, step_id: str, disabled: bool) -> Automation:
    if disabled and _position(doc, step_id) == 0:
        raise EditRefused("The start cannot be switched off alone. Switch the whole automation off in the list.")
    return _changed(doc, step_id, disabled=disabled)


def set_title(doc: Automation, step_id: str, title: str) -> Automation:
    """'' = the title of the node."""
    return _changed(doc, step_id, title=title.strip())


def set_name(doc: Automation, name: str, description: str | None = None) -> Automation:
    """Another name for the automation; None leaves the description as it is."""
    name = name.strip()
    if not name or len(name) > 120:
        raise EditRefused("Give the automation a name of at most 120 characters.")
    told = doc.description if description is None else description.strip()
    return doc.model_copy(update={"name": name, "description": told})


def set_config(doc: Automation, step_id: str, field: str, value: Any) -> Automation:
    """One setting of a step; None puts it back to what the node does by itself."""
    step = doc.steps[_position(doc, step_id)]
    spec = _spec(step.node)
    if field not in spec.config.model_fields:
        raise EditRefused(f"'{title_of(step)}' has no setting '{field}'.")
    config = {name: kept for name, kept in step.config.items() if name != field}
    return _changed(doc, step_id, config=config if value is None else {**config, field: value})


def set_input(doc: Automation, step_id: str, field: str, ref: str) -> Automation:
    """Connect an input with an earlier output; '' disconnects it."""
    step = doc.steps[_position(doc, step_id)]
    if field not in _spec(step.node).input.model_fields:
        raise EditRefused(f"'{title_of(step)}' has no input '{field}'.")
    kept = {name: written for name, written in step.input.items() if name != field}
    return _changed(doc, step_id, input={**kept, field: ref.strip()} if ref.strip() else kept)


def set_when(doc: Automation, step_id: str, conditions: Sequence[When]) -> Automation:
    """The conditions that must all hold; none = always."""
    if conditions and _position(doc, step_id) == 0:
        raise EditRefused("The start has nothing before it that a condition could name.")
    return _changed(doc, step_id, when=list(conditions))


def set_step_options(
    doc: Automation,
    step_id: str,
    *,
    on_error: Literal["stop", "continue"] | None = None,
    retries: int | None = None,
    timeout: float | None = None,
) -> Automation:
    """What happens at an error, how often it is tried again, how long it may take; None leaves one as it is."""
    wanted = {"on_error": on_error, "retries": retries, "timeout_seconds": timeout}
    return _changed(doc, step_id, **{name: value for name, value in wanted.items() if value is not None})


def set_trigger(doc: Automation, node_key: str) -> Automation:
    """Start in another way. What the new start does not offer is disconnected; common settings are kept."""
    spec = _spec(node_key)
    if spec.group != "trigger":
        raise EditRefused(f"'{spec.title}' is not a way to start an automation.")
    if not doc.steps or not _is_trigger(doc.steps[0]):
        return _with_steps(doc, [Step(id=_first_id(doc, spec), node=node_key), *doc.steps])
    old, *others = doc.steps
    config = {name: value for name, value in old.config.items() if name in spec.config.model_fields}
    new = old.model_copy(update={"node": node_key, "config": config, "title": ""})

    def is_gone(ref: str) -> bool:
        step, _, field = ref.partition(".")
        return step == old.id and field.split(".")[0] not in spec.output.model_fields

    return _with_steps(doc, [new, *(_without(step, is_gone) for step in others)])


def _changed(doc: Automation, step_id: str, **values: Any) -> Automation:
    at = _position(doc, step_id)
    try:
        step = Step.model_validate({**doc.steps[at].model_dump(by_alias=True), **_dumped(values)})
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]).replace("_", " ") if first["loc"] else "The value"
        raise EditRefused(f"{field.capitalize()}: {first['msg']}.") from error
    return _with_steps(doc, [*doc.steps[:at], step, *doc.steps[at + 1 :]])


def _dumped(values: dict[str, Any]) -> dict[str, Any]:
    if "when" in values:
        return {**values, "when": [condition.model_dump(by_alias=True) for condition in values["when"]]}
    return values


def _without(step: Step, is_gone: Callable[[str], bool]) -> Step:
    """The step without the inputs and conditions that name something gone. Texts keep theirs: the check points at them."""
    inputs = {name: ref for name, ref in step.input.items() if not is_gone(ref)}
    conditions = [condition for condition in step.when if not is_gone(condition.value)]
    return step.model_copy(update={"input": inputs, "when": conditions})


def _uses(step: Step) -> set[str]:
    """The steps that a step refers to."""
    written = [*step.input.values(), *(condition.value for condition in step.when)]
    if TEMPLATE.search(str(step.config)):
        written += references_in(str(step.config))
    found = set()
    for ref in written:
        try:
            found.add(reference(ref).step)
        except ValueError:
            continue  # the check names it
    return found


def _position(doc: Automation, step_id: str) -> int:
    for position, step in enumerate(doc.steps):
        if step.id == step_id:
            return position
    raise EditRefused("This step is not there any more.")


def _spec(key: str) -> NodeSpec:
    spec = spec_of(key)
    if spec is None:
        raise EditRefused(f"There is no step of the kind '{key}' here.")
    return spec


def _is_trigger(step: Step) -> bool:
    spec = spec_of(step.node)
    return spec is not None and spec.group == "trigger"


def _first_id(doc: Automation, spec: NodeSpec) -> str:
    return _free_id(doc, _SHORT.get(spec.name, spec.name))


def _free_id(doc: Automation, wanted: str) -> str:
    taken = {step.id for step in doc.steps}
    base = wanted.rstrip("0123456789").rstrip("_")[: LONGEST_ID - 4] or "step"
    if wanted not in taken and len(wanted) <= LONGEST_ID:
        return wanted
    return next(name for number in range(2, 1000) if (name := f"{base}_{number}") not in taken)


def _with_steps(doc: Automation, steps: Sequence[Step]) -> Automation:
    return doc.model_copy(update={"steps": list(steps)})
