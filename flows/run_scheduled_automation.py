"""The Prefect flow of the deployment `run-scheduled-automation`: one flow run for each time that a schedule names."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from prefect import State, flow
from prefect.runtime import flow_run
from prefect.states import Completed

from db import automation_starts
from db.engine import system
from flows.scheduled_automations import start


def _name() -> str:
    """The flow run is called like the automation."""
    with system() as tx:
        found = automation_starts.whose(tx, UUID(flow_run.get_parameters()["automation"]))
    return found[1] if found else "An automation that was deleted"


@flow(name="run-scheduled-automation", flow_run_name=_name, persist_result=False, retries=2, retry_delay_seconds=30)
async def run_scheduled_automation(automation: str) -> State[None]:
    """Start an automation; the runs themselves are the workers'."""
    planned = flow_run.get_scheduled_start_time() or datetime.now(UTC)
    _, sentence = await asyncio.to_thread(start, UUID(automation), planned.astimezone(UTC).replace(microsecond=0))
    return Completed(message=sentence)
