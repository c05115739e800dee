"""Walk through an automation with everything real but the world: the same steps, the same nodes, and effects that stay data.

Nothing can leave: nodes read in a read-only transaction and only return effects, and what is returned goes into a list. There is
no run, no outbox row and no message. Test runs and backtests are both this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlmodel import Session

from db.journal import StepRecord
from flows.engine import OutsideTransaction
from flows.facts import ReadDesk
from flows.observe import Execution
from flows.plan import BoundStep, Plan
from flows.steps import RunFailed, RunPaused, StepEffects, Walk
from nodes.contract import Business, ContactFacts, Context, ConversationFacts, Embedder, LanguageModel, Turn
from nodes.effects import Effect
from nodes.errors import NotSent
from nodes.ports import Crm, Web

MOST_PAUSES = 20  # of one walk; an automation that waits more often is stopped with a note


@dataclass(frozen=True)
class Situation:
    """What a run would be about. `read` opens the transaction in which the steps look around."""

    workspace: UUID
    business: Business
    contact: ContactFacts | None
    conversation: ConversationFacts | None
    turn: Turn
    trigger: Mapping[str, Any]
    now: datetime
    read: Callable[[], AbstractContextManager[Session]]


# Makes the reader of the CRM; it is given what ends the open transaction before anything outside is asked.
CrmMaker = Callable[[Callable[[], None]], Crm]
# What ends a pause early, as `ctx.woken_by`; None = time does.
Wake = Callable[[BoundStep, StepRecord], Mapping[str, Any] | None]


def time_passes(step: BoundStep, record: StepRecord) -> None:
    """Nothing ends a pause before its time."""
    return


@dataclass(frozen=True)
class Outside:
    """The models and the systems that steps may ask, and what ends their pauses.

    `ends_at_question`: a walk that waits for the customer's answer ends there, for nobody knows the answer.
    """

    llm: LanguageModel | None
    embedder: Embedder
    crm: CrmMaker | None = None
    web: Web | None = None
    wake: Wake = time_passes
    ends_at_question: bool = False


@dataclass(frozen=True)
class Rehearsed:
    """How a walk ended. `waits`: per step the sentences of what it would have waited for."""

    state: Literal["done", "failed", "waiting"]
    sentence: str  # why it failed or stopped; '' when it reached its end
    records: tuple[StepRecord, ...]
    effects: tuple[tuple[str, Effect], ...]  # (step, effect) in the order in which they would be performed
    waits: Mapping[str, Sequence[str]]
    duration_ms: float


def rehearse(plan: Plan, at: Situation, outside: Outside, earlier: Mapping[str, StepRecord] | None = None) -> Rehearsed:
    """Walk through the plan; steps in `earlier` are taken as they are. A pause is noted, and the walk goes on after it.

    Raises Throttled where a model asks for patience: the walk can be begun again then.
    """
    walking = _Walking(plan, at, outside, _Kept(dict(earlier or {})), ReadDesk(at.read))
    begun = time.perf_counter()
    try:
        state, sentence = walking.to_the_end()
    finally:
        walking.desk.close()
    took = (time.perf_counter() - begun) * 1000
    records = sorted(walking.kept.records.values(), key=lambda record: record.position)
    return Rehearsed(state, sentence, tuple(records), tuple(walking.kept.effects), walking.waits, took)


Ended = Literal["done", "failed", "waiting"]


class _Walking:
    """One rehearsal under way: it walks, and after each pause it walks again from there, at a later time."""

    def __init__(self, plan: Plan, at: Situation, outside: Outside, kept: _Kept, desk: ReadDesk) -> None:
        self._plan, self._at, self._outside, self.kept, self.desk = plan, at, outside, kept, desk
        self._run_id = uuid4()
        self._now = at.now
        self._woken_by: Mapping[str, Any] | None = None
        self.waits: dict[str, list[str]] = {}

    def to_the_end(self) -> tuple[Ended, str]:
        while True:
            walk = Walk(
                self._plan, self._contexts(), self.kept.records, self.kept, Execution(self._run_id), self.desk.close
            )
            try:
                walk.go()
                return "done", ""
            except RunFailed as failure:
                return "failed", str(failure)
            except NotSent as failure:
                return "failed", failure.reason
            except RunPaused as pause:
                if ended := self._paused(pause):
                    return "waiting", ended

    def _paused(self, pause: RunPaused) -> str:
        """Note the pause and set what ends it; the sentence with which the walk ends here, if so."""
        record = next(record for record in self.kept.records.values() if record.state == "waiting")
        self.waits.setdefault(record.step_id, []).append(pause.reason)
        if self._outside.ends_at_question and "message" in record.detail.get("wakes_on", ()):
            return pause.reason
        if sum(map(len, self.waits.values())) > MOST_PAUSES:
            return "It waits again and again, so the test ends here."
        self._woken_by = self._outside.wake(self._plan.steps[record.position], record)
        soon = self._now + timedelta(minutes=1)
        self._now = min(soon, pause.until) if self._woken_by is not None else max(self._now, pause.until)
        return ""

    def _contexts(self) -> Callable[[str, datetime | None], Context]:
        at, outside = self._at, self._outside
        first = Context(
            run_id=self._run_id,
            step_id="",
            now=self._now,
            business=at.business,
            contact=at.contact,
            conversation=at.conversation,
            turn=at.turn,
            trigger=at.trigger,
            llm=outside.llm,
            embedder=OutsideTransaction(outside.embedder, self.desk),
            read=self.desk,
            crm=outside.crm(self.desk.close) if outside.crm else None,
            web=outside.web,
            woken_by=self._woken_by,
        )
        return lambda step_id, paused_since: replace(first, step_id=step_id, paused_since=paused_since)


def with_output(bound: BoundStep, output: Mapping[str, Any]) -> BoundStep:
    """The step with a result that is given instead of worked out. Raises ValidationError where it is no result of this node."""
    result = bound.spec.output.model_validate(output)
    return replace(bound, spec=replace(bound.spec, run=lambda config, given, ctx: result, costly=False))


def with_input(bound: BoundStep, changed: Mapping[str, Any]) -> BoundStep:
    """The step with some inputs given instead of looked up. Raises ValidationError where they do not fit."""
    spec = bound.spec
    spec.input.model_validate(spec.sample.model_dump() | dict(changed))

    def run(config: Any, given: Any, ctx: Context) -> Any:
        return spec.run(config, spec.input.model_validate({**given.model_dump(), **changed}), ctx)

    return replace(bound, spec=replace(spec, run=run))


@dataclass
class _Kept:
    """A keeper that keeps in memory alone."""

    records: dict[str, StepRecord]
    effects: list[tuple[str, Effect]] = field(default_factory=list)

    def keep(self, records: Sequence[StepRecord], effects: Sequence[StepEffects], *, last: bool) -> bool:
        self.records.update({record.step_id: record for record in records})
        self.effects += [(step.step_id, effect) for step in effects for effect in step.effects]
        return True
