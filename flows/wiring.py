"""What an earlier step offers to a later one: in words for menus, and as the choice that a new step starts with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flows import plan
from flows.automation import Automation, Step, When
from flows.check import kinds_of
from flows.plan import STEP_BOOLEANS
from nodes import registry
from nodes.contract import NodeSpec

Kind = Literal["boolean", "text", "any"]

_ABOUT_BOOLEANS = {"failed": "Whether the step failed.", "skipped": "Whether the step was left out."}


@dataclass(frozen=True)
class Reference:
    """An output of an earlier step. `ref` is what the document keeps, the rest is what a menu shows."""

    ref: str
    step_title: str
    label: str
    description: str

    @property
    def words(self) -> str:
        return f"{self.step_title}: {self.label}"


def references(doc: Automation, step_id: str | None, *, kind: Kind = "any") -> list[Reference]:
    """What the steps before `step_id` offer, the nearest first; None = everything, as for a step at the end.

    boolean: for conditions; text: what reads well within a text; any: all of it.
    """
    return [
        found
        for step, spec in reversed(list(_before(doc, step_id)))
        for found, annotation in _offers(step, spec)
        if _is_of(kind, annotation)
    ]


def fitting(doc: Automation, step_id: str, field: str) -> list[Reference]:
    """What may be connected to an input, the nearest step first."""
    step = step_of(doc, step_id)
    spec = spec_of(step.node)
    if spec is None or field not in spec.input.model_fields:
        return []
    wanted = kinds_of(spec.input.model_fields[field].annotation)
    return [
        found
        for step, of in reversed(list(_before(doc, step_id)))
        for found, annotation in _offers(step, of)
        if wanted & {"any", "text"} or kinds_of(annotation) & (wanted | {"any"})
    ]


def in_words(doc: Automation, ref: str) -> str:
    """A reference as a person reads it: "Write the answer: Text". What names nothing is given back as it is written."""
    found = offered(doc, ref)
    return found.words if found else ref


def offered(doc: Automation, ref: str) -> Reference | None:
    """What a reference names; None where no step offers it."""
    wanted = ref.strip()
    # Only the step that is named is looked at: a page of sixty cards asks this for every one of them.
    named = (pair for pair in _before(doc, None) if pair[0].id == wanted.partition(".")[0])
    return next((found for pair in named for found, _ in _offers(*pair) if found.ref == wanted), None)


def step_of(doc: Automation, step_id: str) -> Step:
    """Raises LookupError."""
    for step in doc.steps:
        if step.id == step_id:
            return step
    raise LookupError(f"There is no step '{step_id}' in this automation.")


def title_of(step: Step) -> str:
    spec = spec_of(step.node)
    return step.title or (spec.title if spec else step.node)


def spec_of(key: str) -> NodeSpec | None:
    try:
        return registry.get(key)
    except KeyError:
        return None


def first_inputs(earlier: Sequence[Step], spec: NodeSpec) -> dict[str, str]:
    """The inputs that a new step starts with: for each the nearest earlier output that is meant for it."""
    found = {name: _meant_for(earlier, spec, name) for name in spec.input.model_fields}
    return {name: ref for name, ref in found.items() if ref}


def first_conditions(earlier: Sequence[Step], spec: NodeSpec, inputs: dict[str, str]) -> list[When]:
    """The conditions that a new step starts with: those of what it works on, and of the step before it."""
    for name, (output, _) in _VERDICTS.items():
        if spec.name == name and (source := inputs.get(_VERDICTS[name][1])):
            step = plan.reference(source).step
            return [When(value=f"{step}.{output}")]
    if not earlier[1:]:  # only the trigger
        return []
    neighbour = earlier[-1]
    neighbour_spec = spec_of(neighbour.node)
    name = neighbour_spec.name if neighbour_spec else ""
    opens = [When(value=f"{neighbour.id}.{_OPENS[name]}")] if name in _OPENS else []
    if (
        name == "hand_off" and "verdict" not in neighbour.input
    ):  # a wish for a person: the rest is for those without one
        opens = [When.model_validate({"value": f"{neighbour.id}.requested", "is": False})]
    return [*neighbour.when, *opens]


# Steps that open a way: what follows them is meant for the case that they say yes.
_OPENS = {"gate": "may_answer", "condition": "yes", "approve": "approved", "ask": "answered"}
# node -> (the boolean that it waits for, the input by which it is known whose boolean).
_VERDICTS = {"send_message": ("answered", "text"), "hand_off": ("needs_person", "verdict")}
# Inputs that do not go by the name of the output: (node of the step, its output), any of them.
_MEANT = {
    "facts": [("lookup_contact", "facts")],
    "memory": [("recall", "facts")],
    "verdict": [("generate", "needs_person")],
    "reason": [("generate", "reason")],
    "model": [("generate", "used_model")],
    "used_passages": [("generate", "used_passages")],
}


def _meant_for(earlier: Sequence[Step], spec: NodeSpec, name: str) -> str:
    wanted = _MEANT.get(name)
    if spec.name == "send_message" and name in ("text", "passages"):
        wanted = [("generate", "text" if name == "text" else "used_passages")]
    for step in reversed(earlier):
        offering = spec_of(step.node)
        if offering is None or step.disabled:
            continue
        for output in offering.output.model_fields:
            if wanted is not None:
                if (offering.name, output) in wanted:
                    return f"{step.id}.{output}"
            elif _is_meant(offering, output, spec, name):
                return f"{step.id}.{output}"
    return ""


def _is_meant(offering: NodeSpec, output: str, spec: NodeSpec, name: str) -> bool:
    if name in ("message", "text"):  # what the customer wrote, for whatever reads it
        return (name == "message" or spec.group in ("ai", "logic")) and (offering.group, output) == ("trigger", "text")
    if offering.group == "out" or name != output:
        return False
    wanted, offered = spec.input.model_fields[name].annotation, offering.output.model_fields[output].annotation
    return bool(kinds_of(wanted) & kinds_of(offered) - {"nothing"})


def _before(doc: Automation, step_id: str | None) -> Iterator[tuple[Step, NodeSpec]]:
    for step in doc.steps:
        if step.id == step_id:
            return
        if (spec := spec_of(step.node)) is not None and not step.disabled:
            yield step, spec


def _offers(step: Step, spec: NodeSpec) -> Iterator[tuple[Reference, Any]]:
    title = title_of(step)
    for name, info in spec.output.model_fields.items():
        label = str(info.title or name.replace("_", " ").capitalize())
        yield Reference(f"{step.id}.{name}", title, label, info.description or ""), info.annotation
        if "mapping" in kinds_of(info.annotation):
            for part in _named(step):
                described = f"The value '{part}' of this step."
                yield Reference(f"{step.id}.{name}.{part}", title, part.replace("_", " ").capitalize(), described), str
    if spec.group != "trigger":
        for name in STEP_BOOLEANS:
            yield Reference(f"{step.id}.{name}", title, name.capitalize(), _ABOUT_BOOLEANS[name]), bool


def _named(step: Step) -> Iterator[str]:
    """Names that the settings of a step give to the parts of what it puts out."""
    for value in step.config.values():
        for entry in value if isinstance(value, list) else []:
            if isinstance(entry, dict) and isinstance(entry.get("name"), str) and entry["name"]:
                yield entry["name"]


def _is_of(kind: Kind, annotation: Any) -> bool:
    kinds = kinds_of(annotation) - {"nothing"}
    match kind:
        case "boolean":
            return kinds == {"yes/no"}
        case "text":
            return not kinds & {"list", "mapping", "record"} or annotation == list[str]
        case "any":
            return True
