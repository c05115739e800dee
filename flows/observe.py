"""What an observer sees of a run that is being executed: its plan, each step's outcome, its end.

The engine tells an `Execution` from a worker thread and never waits for it; Prefect's window awaits it on its own event loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from uuid import UUID

StepState = Literal["done", "skipped", "failed", "waiting"]
T = TypeVar("T")


@dataclass(frozen=True)
class PlannedStep:
    id: str
    title: str
    node: str


@dataclass(frozen=True)
class StepOutcome:
    """How a step ended. `note` is the sentence why it was skipped, failed or waits."""

    id: str
    state: StepState
    note: str
    output: Mapping[str, Any]
    duration_ms: float


class Execution:
    """One taking-up of a run. Thread-safe: the engine tells, an observer awaits, and neither holds up the other."""

    def __init__(self, run_id: UUID) -> None:
        self.run_id = run_id
        self.automation = ""
        self.contact = ""
        self.steps: tuple[PlannedStep, ...] = ()
        self._lock = threading.Lock()
        self._planned: Future[None] = _uncancellable()
        self._outcomes: dict[str, Future[StepOutcome]] = {}
        self._end: Future[tuple[str, str]] = _uncancellable()

    def plan(self, automation: str, contact: str, steps: tuple[PlannedStep, ...]) -> None:
        """Tell what is going to happen; `contact` is the name to show."""
        self.automation, self.contact, self.steps = automation, contact, steps
        _settle(self._planned, None)

    def step_started(self, id: str) -> None:
        """Tell that a step begins."""
        self._outcome(id)

    def step_ended(self, outcome: StepOutcome) -> None:
        _settle(self._outcome(outcome.id), outcome)

    def ended(self, state: str, outcome: str) -> None:
        """Tell the run's state and its sentence; whoever awaits a step that was not reached learns so."""
        with self._lock:
            _settle(self._end, (state, outcome))
            unreached = [(id, future) for id, future in self._outcomes.items() if not future.done()]
        for id, future in unreached:
            _settle(future, _not_reached(id))
        _settle(self._planned, None)

    async def wait_plan(self) -> None:
        """Return once the plan is known, or the run ended without one (`steps` is empty then)."""
        await asyncio.wrap_future(self._planned)

    async def wait_step(self, id: str) -> StepOutcome:
        return await asyncio.wrap_future(self._outcome(id))

    async def wait_end(self) -> tuple[str, str]:
        """The run's state and the sentence that goes with it."""
        return await asyncio.wrap_future(self._end)

    def _outcome(self, id: str) -> Future[StepOutcome]:
        with self._lock:
            future = self._outcomes.setdefault(id, _uncancellable())
            if self._end.done():
                _settle(future, _not_reached(id))
            return future


def _not_reached(id: str) -> StepOutcome:
    return StepOutcome(id, "skipped", "The run ended before this step.", {}, 0.0)


def _uncancellable() -> Future[Any]:
    """A future that an observer who gives up cannot cancel for the engine and for other observers."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future


def _settle(future: Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)
