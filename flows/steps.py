"""Carry out the steps of a plan in order. Knows nothing of Prefect and writes nothing: what a step did goes to a `Keeper`.

The live engine, a test run and a backtest differ only in their keeper.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NoReturn, Protocol

from pydantic import ValidationError

from db.journal import StepRecord
from flows.crash_points import crash_point
from flows.observe import Execution, StepOutcome
from flows.plan import BoundStep, Plan, look_up, reference, render
from nodes.contract import Context, NodeFailed, Pause, Result, Values
from nodes.effects import Effect
from nodes.errors import ClientError, NotSent, OutcomeUnknown, Throttled

CLIENTS_GIVE_UP_SECONDS = (
    60.0  # every client has a shorter time limit of its own, so a step with this one needs no watch
)
# Threads for steps that ask a model with a tighter limit; a step that does not come back in time is left behind in here.
_costly_steps = ThreadPoolExecutor(max_workers=32, thread_name_prefix="frontdesk-costly")


@dataclass(frozen=True)
class StepEffects:
    """The effects of one step, to be kept under the keys `step:0`, `step:1`, ...; `step.2:0` after its second pause."""

    step_id: str
    effects: tuple[Effect, ...]
    pauses: int = 0

    @property
    def key(self) -> str:
        return f"{self.step_id}.{self.pauses}" if self.pauses else self.step_id


class Keeper(Protocol):
    """Where the outcome of steps goes."""

    def keep(self, records: Sequence[StepRecord], effects: Sequence[StepEffects], *, last: bool) -> bool:
        """Keep what was done, in one transaction; `last` = the run is done with it. False = stop here."""


class RunStopped(Exception):
    """The keeper said stop: the run was superseded or cancelled, and its row says so already."""


class RunFailed(Exception):
    """A step failed and the automation stops at a failure. The message is the sentence to show."""


class RunPaused(Exception):
    """A step waits."""

    def __init__(self, until: datetime, reason: str) -> None:
        super().__init__(reason)
        self.until = until
        self.reason = reason


@dataclass
class Progress:
    """What is known so far of the steps of a run."""

    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    unkept: list[StepRecord] = field(default_factory=list)
    effects: list[StepEffects] = field(default_factory=list)


class Walk:
    """One walk through a plan, from the first step that is not in the journal."""

    def __init__(
        self,
        plan: Plan,
        context: Callable[[str, datetime | None], Context],
        journal: Mapping[str, StepRecord],
        keeper: Keeper,
        execution: Execution,
        before_costly: Callable[[], None] = lambda: None,
    ) -> None:
        self._plan = plan
        self._context = context
        self._journal = journal
        self._keeper = keeper
        self._execution = execution
        self._before_costly = before_costly
        self._progress = Progress()

    def go(self) -> None:
        """Run to the end. Raises RunPaused, RunFailed, RunStopped, Throttled or NotSent (both: take the run up again later)."""
        for bound in self._plan.steps:
            known = self._journal.get(bound.id)
            if known is not None and known.state != "waiting":
                self._recall(known)
            else:
                self._step(bound, known)
        self._keep(last=True)

    def _recall(self, known: StepRecord) -> None:
        self._progress.outputs[known.step_id] = {**known.output, **_booleans(known.state)}
        self._tell(known)

    def _step(self, bound: BoundStep, paused: StepRecord | None) -> None:
        started_at = self._context(bound.id, None).now
        unmet = _unmet(bound, self._progress.outputs)
        if unmet:
            self._note(StepRecord(bound.id, bound.position, bound.spec.key, "skipped", started_at, note=unmet))
            return
        if bound.spec.costly and (self._progress.unkept or self._progress.effects):
            self._keep(last=False, only_if_worth=True)
        self._execution.step_started(bound.id)
        self._carry_out(bound, paused, paused.started_at if paused else started_at)

    def _carry_out(self, bound: BoundStep, paused: StepRecord | None, started_at: datetime) -> None:
        begun = time.perf_counter()
        given: Mapping[str, Any] = {}
        attempts = 0
        while True:
            attempts += 1
            try:
                config, values = _prepare(bound, self._progress.outputs)
                given = values.model_dump(mode="json")
                result = self._call(bound, config, values, self._context_of(bound, paused))
                break
            except (Throttled, NotSent):
                if attempts <= bound.step.retries:
                    continue
                if bound.step.on_error == "continue":
                    self._failed(
                        bound, started_at, given, "The provider could not be reached.", attempts, begun, paused
                    )
                    return
                self._keep(last=False, only_if_worth=True)
                raise
            except (ClientError, NodeFailed, ValidationError, FutureTimeout) as error:
                if attempts <= bound.step.retries and not isinstance(error, OutcomeUnknown | ValidationError):
                    continue
                self._failed(bound, started_at, given, _sentence(bound, error), attempts, begun, paused)
                return
        self._done(bound, result, started_at, given, attempts, begun, _pauses(paused))

    def _context_of(self, bound: BoundStep, paused: StepRecord | None) -> Context:
        """What woke the run is told to the step that waited, and to no later one."""
        if paused is None:
            return replace(self._context(bound.id, None), woken_by=None)
        return replace(self._context(bound.id, paused.started_at), memory=paused.detail.get("memory", {}))

    def _call(self, bound: BoundStep, config: Any, values: Values, ctx: Context) -> Values | Result[Any] | Pause:
        if not bound.spec.costly:
            return bound.spec.run(config, values, ctx)
        self._before_costly()
        if bound.step.timeout_seconds >= CLIENTS_GIVE_UP_SECONDS:
            return bound.spec.run(config, values, ctx)
        return _costly_steps.submit(bound.spec.run, config, values, ctx).result(timeout=bound.step.timeout_seconds)

    def _done(
        self,
        bound: BoundStep,
        result: Values | Result[Any] | Pause,
        started_at: datetime,
        given: Mapping[str, Any],
        attempts: int,
        begun: float,
        pauses: int,
    ) -> None:
        took = (time.perf_counter() - begun) * 1000
        if isinstance(result, Pause):
            self._pause(bound, result, started_at, given, pauses, took)
        done = result if isinstance(result, Result) else Result(result)
        _refuse_undeclared(bound, done.effects)
        self._note(
            StepRecord(
                bound.id,
                bound.position,
                bound.spec.key,
                "done",
                started_at,
                given,
                done.output.model_dump(mode="json"),
                [effect.model_dump(mode="json") for effect in done.effects],
                done.detail,
                attempts=attempts,
                duration_ms=took,
            )
        )
        if bound.spec.costly:
            crash_point("generate")
        if done.effects:
            self._progress.effects.append(StepEffects(bound.id, done.effects, pauses))

    def _pause(
        self, bound: BoundStep, pause: Pause, started_at: datetime, given: Mapping[str, Any], pauses: int, took: float
    ) -> NoReturn:
        _refuse_undeclared(bound, pause.effects)
        detail = {
            "until": pause.until.isoformat(),
            "wakes_on": list(pause.wakes_on),
            "memory": dict(pause.memory),
            "pauses": pauses + 1,
        }
        said = [effect.model_dump(mode="json") for effect in pause.effects]
        self._note(
            StepRecord(
                bound.id, bound.position, bound.spec.key, "waiting", started_at, given, {}, said, detail, pause.reason,
                duration_ms=took,
            )
        )  # fmt: skip
        if pause.effects:
            self._progress.effects.append(StepEffects(bound.id, pause.effects, pauses))
        self._keep(last=False)
        raise RunPaused(pause.until, pause.reason)

    def _failed(
        self,
        bound: BoundStep,
        started_at: datetime,
        given: Mapping[str, Any],
        note: str,
        attempts: int,
        begun: float,
        paused: StepRecord | None,
    ) -> None:
        took = (time.perf_counter() - begun) * 1000
        self._note(
            StepRecord(
                bound.id,
                bound.position,
                bound.spec.key,
                "failed",
                started_at,
                given,
                effects=paused.effects if paused else (),
                detail=paused.detail if paused else {},  # where it goes on if the run is taken up again
                note=note,
                attempts=attempts,
                duration_ms=took,
            )
        )
        if bound.step.on_error == "stop":
            self._keep(last=False)
            raise RunFailed(f"{bound.title}: {note}")

    def _note(self, record: StepRecord) -> None:
        self._progress.unkept.append(record)
        self._progress.outputs[record.step_id] = {**record.output, **_booleans(record.state)}
        self._tell(record)

    def _tell(self, record: StepRecord) -> None:
        self._execution.step_ended(
            StepOutcome(record.step_id, record.state, record.note, record.output, record.duration_ms)
        )

    def _keep(self, *, last: bool, only_if_worth: bool = False) -> None:
        """Hand over to the keeper, before anything that takes long and at the end.

        `only_if_worth`: cheap reads alone may be done again after a crash, a costly result may not, and effects must not wait.
        """
        if only_if_worth and not self._worth_keeping():
            return
        records, effects = self._progress.unkept, self._progress.effects
        self._progress.unkept, self._progress.effects = [], []
        self._before_costly()  # the keeper has a transaction of its own: threads with two each could use up all connections
        if not self._keeper.keep(records, effects, last=last):
            raise RunStopped

    def _worth_keeping(self) -> bool:
        costly = {bound.id for bound in self._plan.steps if bound.spec.costly}
        return bool(self._progress.effects) or any(record.step_id in costly for record in self._progress.unkept)


def _pauses(record: StepRecord | None) -> int:
    """How often the step has paused before."""
    return int(record.detail.get("pauses", 1)) if record else 0


def _unmet(bound: BoundStep, outputs: Mapping[str, Mapping[str, Any]]) -> str:
    """Why the step is skipped, or ''."""
    if bound.step.disabled:
        return "The step is disabled."
    for condition in bound.step.when:
        if bool(look_up(outputs, reference(condition.value))) is not condition.is_:
            return f"Only if {condition.value} is {'yes' if condition.is_ else 'no'}."
    return ""


def _prepare(bound: BoundStep, outputs: Mapping[str, Mapping[str, Any]]) -> tuple[Any, Values]:
    config = bound.spec.config.model_validate(render(bound.step.config, outputs))
    given: dict[str, Any] = {}
    for name, written in bound.step.input.items():
        value = look_up(outputs, reference(written))
        if value is not None:  # a skipped step has no outputs: the input's own default holds
            given[name] = value
    for name, info in bound.spec.input.model_fields.items():
        if name in given and info.annotation is str and not isinstance(given[name], str):
            given[name] = render("{{v.v}}", {"v": {"v": given[name]}})
    return config, bound.spec.input.model_validate(given)


def _booleans(state: str) -> dict[str, bool]:
    return {"failed": state == "failed", "skipped": state == "skipped"}


def _refuse_undeclared(bound: BoundStep, effects: Sequence[Effect]) -> None:
    for effect in effects:
        if effect.kind not in bound.spec.effects:
            raise RunFailed(
                f"{bound.title}: the node '{bound.spec.key}' returned '{effect.kind}', which it does not declare."
            )


def _sentence(bound: BoundStep, error: Exception) -> str:
    match error:
        case ValidationError():
            first = error.errors()[0]
            return f"'{'.'.join(str(part) for part in first['loc'])}' cannot be used: {first['msg']}."
        case FutureTimeout():
            return f"It took longer than {bound.step.timeout_seconds:g} seconds."
        case _:
            return str(error)
