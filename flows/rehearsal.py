"""Walk through an automation with everything real but the world: the same steps, the same nodes, and effects that stay data.

Nothing can leave: nodes read in a read-only transaction and only return effects, and what is returned goes into a list. There is
no run, no outbox row and no message. Test runs and backtests are both this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlmodel import Session

from db.runs import StepRecord
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


@dataclass(frozen=True)
class Outside:
    """The models and the systems that steps may ask."""

    llm: LanguageModel | None
    embedder: Embedder
    crm: Crm | None = None
    web: Web | None = None


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
    kept = _Kept(dict(earlier or {}))
    waits: dict[str, list[str]] = {}
    begun = time.perf_counter()
    now = at.now
    state: Literal["done", "failed", "waiting"] = "done"
    sentence = ""
    desk = _Desk(at)
    run_id = uuid4()
    try:
        while True:
            walk = Walk(
                plan, _contexts(at, outside, desk, run_id, now), kept.records, kept, Execution(run_id), desk.close
            )
            try:
                walk.go()
                break
            except RunPaused as pause:
                step = next(id for id, record in kept.records.items() if record.state == "waiting")
                waits.setdefault(step, []).append(pause.reason)
                now = max(now, pause.until)
                if sum(map(len, waits.values())) > MOST_PAUSES:
                    state, sentence = "waiting", "It waits again and again, so the test ends here."
                    break
            except RunFailed as failure:
                state, sentence = "failed", str(failure)
                break
            except NotSent as failure:
                state, sentence = "failed", failure.reason
                break
    finally:
        desk.close()
    took = (time.perf_counter() - begun) * 1000
    records = sorted(kept.records.values(), key=lambda record: record.position)
    return Rehearsed(state, sentence, tuple(records), tuple(kept.effects), waits, took)


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


class _Desk(ReadDesk):
    """One transaction that the cheap steps share, opened as the situation says."""

    def __init__(self, at: Situation) -> None:
        self._open = at.read
        self._stack = ExitStack()
        self._session: Session | None = None

    @contextmanager
    def __call__(self) -> Iterator[Session]:
        if self._session is None:
            self._session = self._stack.enter_context(self._open())
        try:
            yield self._session
        except BaseException:
            self.close()  # after an error Postgres refuses every further query of the transaction
            raise


def _contexts(
    at: Situation, outside: Outside, desk: _Desk, run_id: UUID, now: datetime
) -> Callable[[str, datetime | None], Context]:
    first = Context(
        run_id=run_id,
        step_id="",
        now=now,
        business=at.business,
        contact=at.contact,
        conversation=at.conversation,
        turn=at.turn,
        trigger=at.trigger,
        llm=outside.llm,
        embedder=OutsideTransaction(outside.embedder, desk),
        read=desk,
        crm=outside.crm,
        web=outside.web,
    )

    def context(step_id: str, paused_since: datetime | None) -> Context:
        return replace(first, step_id=step_id, paused_since=paused_since)

    return context
