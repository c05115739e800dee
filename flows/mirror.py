"""The Prefect flows that show runs: one flow run per run with a task per step, or one flow run for many runs.

Importing this module imports Prefect, which takes two seconds: `flows.window` does it in its own thread.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import Flow, State, Task, flow, task
from prefect.artifacts import acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow_async
from prefect.states import Cancelled, Completed, Failed, Pending

from flows.observe import Execution, PlannedStep, StepOutcome

TAG = "frontdesk-run"  # not on scheduled work, which may take hours
ROWS_SHOWN = 200
# Given so that Prefect does not ask the server for a default at every run; nothing is ever stored there.
NO_RESULTS = Path("/nonexistent/frontdesk-results")

_shown: ContextVar[Sequence[Execution]] = ContextVar("shown")


class StepFailed(Exception):
    """A step of the run failed; the message is the step's own sentence."""


@task(persist_result=False, cache_policy=NO_CACHE, retries=0)
async def show_step(step: str) -> State[Any]:
    """Await the outcome of one step; fails with the step's own error."""
    (execution,) = _shown.get()
    outcome = await execution.wait_step(step)
    if outcome.state == "failed":
        raise StepFailed(outcome.note)
    names = {"done": None, "skipped": "Skipped", "waiting": "Waiting"}
    return Completed(name=names[outcome.state] or "Completed", message=_sentence(outcome))


@flow(persist_result=False, result_storage=NO_RESULTS, validate_parameters=False, retries=0)
async def run_automation(run: str) -> State[Any]:
    """Show one run while it is being executed: its steps as tasks, its outcome as the state."""
    (execution,) = _shown.get()
    for step in execution.steps:
        await _task_of(step)(step.id, return_state=True)
    return _state(*await execution.wait_end())


@flow(name="Many runs at once", persist_result=False, result_storage=NO_RESULTS, validate_parameters=False, retries=0)
async def run_batch(runs: int) -> State[Any]:
    """Show many runs as one, without tasks: totals in the state, one line per run in an artifact."""
    executions = _shown.get()
    ends = await asyncio.gather(*(execution.wait_end() for execution in executions))
    await acreate_table_artifact(
        table=_table(executions, ends), description="The journal of each run is on the Runs page of Frontdesk."
    )
    totals = Counter(state for state, _ in ends)
    sentence = f"{runs} runs: " + ", ".join(f"{number} {state}" for state, number in totals.most_common())
    return Failed(message=sentence) if totals["failed"] else Completed(message=sentence)


async def show_run(client: PrefectClient, execution: Execution, started: asyncio.Future[UUID]) -> None:
    """One flow run for one run. `started` gets the flow run's id as soon as Prefect knows it. Raises where Prefect does not answer."""
    _shown.set((execution,))
    shown = _flow_of(execution.automation)
    await _run(client, shown, execution.contact, {"run": str(execution.run_id)}, started)


async def show_batch(client: PrefectClient, executions: Sequence[Execution], started: asyncio.Future[UUID]) -> None:
    """One flow run for many runs."""
    _shown.set(tuple(executions))
    await _run(client, run_batch, _batch_name(executions), {"runs": len(executions)}, started)


async def _run(
    client: PrefectClient, shown: Flow[Any, Any], name: str, parameters: dict[str, Any], started: asyncio.Future[UUID]
) -> None:
    flow_run: FlowRun = await client.create_flow_run(
        shown, name=name, parameters=parameters, state=Pending(), tags=[TAG]
    )
    started.set_result(flow_run.id)
    await run_flow_async(shown, flow_run=flow_run, parameters=parameters, return_type="state")


@lru_cache(maxsize=256)
def _flow_of(automation: str) -> Flow[Any, Any]:
    return run_automation.with_options(name=automation or "Automation")


@lru_cache(maxsize=1024)
def _task_of(step: PlannedStep) -> Task[Any, Any]:
    title = step.title or step.node
    return show_step.with_options(name=title, task_run_name=title)


def _state(state: str, sentence: str) -> State[Any]:
    """The run's state in Prefect's words; what was superseded or cancelled shows as such."""
    if state == "failed":
        return Failed(message=sentence)
    if state in ("superseded", "cancelled", "lost"):
        return Cancelled(name=state.capitalize(), message=sentence)
    return Completed(name="Completed" if state == "done" else state.capitalize(), message=sentence)


def _sentence(outcome: StepOutcome) -> str:
    """What happened, without a word of what customers wrote: Prefect's page has no sign-in."""
    if outcome.state != "done":
        return outcome.note
    summary = ", ".join(f"{name}: {_brief(value)}" for name, value in outcome.output.items())
    return f"{outcome.duration_ms:.0f} ms. {summary}"


def _brief(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:g}"
        case str():
            return f"{len(value)} characters"
        case Mapping() | Sequence():
            return f"{len(value)} items"
        case _:
            return type(value).__name__


def _batch_name(executions: Sequence[Execution]) -> str:
    names = Counter(execution.automation or "Automation" for execution in executions).most_common()
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{len(executions)} runs · {names[0][0]}{more}"


def _table(executions: Sequence[Execution], ends: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    shown = list(zip(executions, ends, strict=True))[:ROWS_SHOWN]
    return [
        {
            "automation": execution.automation,
            "contact": execution.contact,
            "state": state,
            "outcome": sentence,
            "run": str(execution.run_id),
        }
        for execution, (state, sentence) in shown
    ]
