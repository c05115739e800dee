"""Try an automation with nothing leaving: every step's input and output, and what it would have done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Literal
from uuid import UUID

from pydantic import ValidationError

from db.engine import read_only
from db.journal import StepRecord
from db.views.automations import automation_list
from flows.actions import ActionRefused
from flows.answers import answering
from flows.automation import Automation
from flows.check import check
from flows.crm import is_connected
from flows.crm_context import CrmContexts, CrmReader, TagsOfThen
from flows.models import ConnectedModels, Models
from flows.occasions import refusal
from flows.plan import BoundStep, Plan, compile_document
from flows.rehearsal import Outside, Rehearsed, rehearse, with_input, with_output
from flows.situation import Case, Given, PastMessage, Sample, Typed, case_of
from flows.web_reader import WebReader, hosts_of
from flows.would import Setting, Would, would
from nodes.errors import Throttled

__all__ = ["Given", "PastMessage", "Sample", "Trial", "TrialStep", "Typed", "Would", "trial"]

GIVEN = "The output was given; the step did not work."
KEPT = "Kept from the test before."


@dataclass(frozen=True)
class TrialStep:
    """One step of a test. `note` says why it was skipped, failed, or what it would have waited for."""

    step_id: str
    title: str
    state: Literal["done", "skipped", "failed", "waiting"]
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    detail: Mapping[str, Any]
    would: list[Would]
    note: str
    ms: float


@dataclass(frozen=True)
class Trial:
    """A test run. `sentence` says how it ended; `text` is what the customer wrote, or ''."""

    steps: list[TrialStep]
    outcome: Literal["done", "failed", "waiting", "not started"]
    sentence: str
    text: str = ""
    at: datetime | None = None  # the moment that was tried

    @property
    def would(self) -> list[Would]:
        """Everything that would have been done, in order."""
        return [each for step in self.steps for each in step.would]

    @property
    def outputs(self) -> dict[str, Mapping[str, Any]]:
        """What `earlier` of the next test may be, to go on from a step."""
        return {step.step_id: step.output for step in self.steps if step.state == "done"}

    @property
    def cost_usd(self) -> float:
        return sum(float(step.detail.get("cost_usd") or 0) for step in self.steps)


def trial(
    workspace: UUID,
    document: Automation,
    given: Given,
    *,
    pins: Mapping[str, Mapping[str, Any]] | None = None,
    inputs: Mapping[str, Mapping[str, Any]] | None = None,
    start_at: str | None = None,
    earlier: Mapping[str, Mapping[str, Any]] | None = None,
    answers: Mapping[str, str] | None = None,
    models: Models | None = None,
) -> Trial:
    """Run a draft with nothing leaving.

    `pins`: outputs that are given instead of worked out; `inputs`: values that take the place of those from earlier steps.
    With `start_at` the steps before it keep the outputs in `earlier` (a step that is not in there was skipped), as after a
    test of which one value was edited. `answers`: what the customer says to the question of a step; a colleague approves
    everything. Raises ActionRefused where the draft has a problem or a value does not fit.
    """
    plan = _plan(document, pins or {}, inputs or {})
    case = case_of(workspace, plan, given)
    refused = "" if start_at else refusal(plan, case.occasion)
    if refused and not isinstance(given, Sample):
        return Trial([], "not started", f"It would not start. {refused}", case.occasion.text, case.situation.now)
    outside = _outside(workspace, case, models or _models(), answers or {})
    try:
        done = rehearse(plan, case.situation, outside, _journal(plan, case, start_at, earlier or {}))
    except Throttled as busy:
        raise ActionRefused(f"{busy.reason} Try again in {busy.retry_after_seconds:.0f} seconds.") from busy
    steps = _steps(workspace, plan, case, done, set(pins or {}), inputs or {})
    sentence = _sentence(done, steps)
    if refused:  # no invented message sets it off; the steps are worth seeing all the same
        sentence = f"This example would not start it ({refused.rstrip('.')}). {sentence}"
    return Trial(steps, done.state, sentence, case.occasion.text, case.situation.now)


def _outside(workspace: UUID, case: Case, models: Models, answers: Mapping[str, str]) -> Outside:
    """What the live engine gives to steps, for reading alone."""
    llm, embedder = models.of(workspace)
    contact = case.situation.contact

    def crm(before_asking: Callable[[], None]) -> CrmReader:
        known = contact.crm if contact else {}
        now = CrmReader(_contexts(), workspace, case.contact_id, known, None, before_asking)
        return TagsOfThen(**vars(now), then=known["tags"]) if case.tags == "of then" else now

    web = WebReader(hosts_of(case.situation.business.settings))
    return Outside(llm, embedder, crm if is_connected(workspace) else None, web, answering(answers))


@cache
def _contexts() -> CrmContexts:
    return CrmContexts()


@cache
def _models() -> Models:
    return ConnectedModels()


def _plan(document: Automation, pins: Mapping[str, Mapping[str, Any]], inputs: Mapping[str, Mapping[str, Any]]) -> Plan:
    if problems := check(document):
        raise ActionRefused(f"Correct this first. {problems[0]}")
    plan = compile_document(document.model_dump(mode="json", by_alias=True))
    return replace(plan, steps=tuple(_given(bound, pins.get(bound.id), inputs.get(bound.id)) for bound in plan.steps))


def _given(bound: BoundStep, pin: Mapping[str, Any] | None, changed: Mapping[str, Any] | None) -> BoundStep:
    try:
        if pin is not None:
            return with_output(bound, pin)
        return with_input(bound, changed) if changed else bound
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ActionRefused(f"'{bound.title}', {field}: this value does not fit. {first['msg']}.") from error


def _journal(
    plan: Plan, case: Case, start_at: str | None, earlier: Mapping[str, Mapping[str, Any]]
) -> dict[str, StepRecord]:
    """The steps before `start_at` as they were."""
    if start_at is None:
        return {}
    places = [bound.id for bound in plan.steps]
    if start_at not in places:
        raise ActionRefused("The step to begin at is not there any more. Run the whole test again.")
    return {
        bound.id: StepRecord(
            bound.id, bound.position, bound.spec.key, "done" if bound.id in earlier else "skipped", case.situation.now,
            output=earlier.get(bound.id, {}), note=KEPT,
        )
        for bound in plan.steps[: places.index(start_at)]
    }  # fmt: skip


def _steps(
    workspace: UUID, plan: Plan, case: Case, done: Rehearsed, pinned: set[str],
    inputs: Mapping[str, Mapping[str, Any]],
) -> list[TrialStep]:  # fmt: skip
    at = Setting(
        case.situation.contact,
        case.situation.conversation.channel if case.situation.conversation else "",
        case.situation.business.timezone,
        _names(workspace),
    )
    records = {record.step_id: record for record in done.records}
    return [
        _step(bound, records[bound.id], done, at, bound.id in pinned, inputs.get(bound.id, {}))
        for bound in plan.steps
        if bound.id in records
    ]


def _step(
    bound: BoundStep, record: StepRecord, done: Rehearsed, at: Setting, is_pinned: bool, changed: Mapping[str, Any]
) -> TrialStep:
    waited = [f"Would have paused here: {reason}" for reason in done.waits.get(bound.id, ())]
    notes = [
        record.note if record.state != "waiting" else "",
        *waited,
        GIVEN if is_pinned and record.state == "done" else "",
    ]
    return TrialStep(
        bound.id,
        bound.title,
        record.state,
        {**record.input, **changed} if record.state == "done" else record.input,
        record.output,
        record.detail,
        [would(effect, at) for step, effect in done.effects if step == bound.id],
        " ".join(note for note in notes if note),
        record.duration_ms,
    )


def _sentence(done: Rehearsed, steps: Sequence[TrialStep]) -> str:
    if done.state == "failed":
        return f"It failed. {done.sentence} A person would be asked for."
    if done.state == "waiting":
        return done.sentence
    count = sum(len(step.would) for step in steps)
    if count:
        return f"It would have done {'one thing' if count == 1 else f'{count} things'}. Nothing left this page."
    skipped = next((step.note for step in steps if step.state == "skipped" and step.note), "")
    return f"It would have done nothing. {skipped}".strip()


def _names(workspace: UUID) -> dict[str, str]:
    """How the automations are called, for sentences."""
    with read_only(workspace) as tx:
        return {str(line.id): line.name for line in automation_list(tx)}
