"""Why a step of a run or of a test was skipped, in words: short for its folded line, whole for what it unfolds."""

from __future__ import annotations

from flows import editing
from flows.automation import Automation, Step, When
from ui import canvas
from ui.builder_steps import spec_of


def short(document: Automation, id: str, note: str) -> str:
    """'only if nothing blocks'; the note of the journal as it is where it names none of the step's conditions."""
    step = _step(document, id)
    if step is None or not note:
        return note
    if unmet := _unmet(step, note):
        specs = {each.id: spec_of(each.node) for each in document.steps}
        claim = canvas.label(canvas.Asked(unmet.value, True), document, specs).removeprefix("Only if ")
        claim = claim if "“" in claim else claim.partition(":")[0]
        return f"only if {claim}" if unmet.is_ else claim  # an "unless" came true: that is the reason
    return "switched off" if step.disabled else note


def whole(document: Automation, id: str, note: str) -> str:
    step = _step(document, id)
    if step is None or not note:
        return note
    if unmet := _unmet(step, note):
        return f"This step runs {editing.describe_when(document, unmet)}."
    return "This step is switched off." if step.disabled else note


def _step(document: Automation, id: str) -> Step | None:
    return next((step for step in document.steps if step.id == id), None)


def _unmet(step: Step, note: str) -> When | None:
    """The condition that the note names by its reference."""
    return next((when for when in step.when if f" {when.value} is " in note), None)
