"""The Prefect flow of the deployment `backtest`: one flow run per comparison of a draft with the live version.

The flow shows the comparison; the work itself is plain code in a thread, and goes on where Prefect went away meanwhile.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable
from contextvars import ContextVar
from uuid import UUID

from prefect import State, flow
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from db import backtests
from db.engine import one, system
from flows import backtest as comparisons

Ended = tuple[str, str] | None

# The work of the process that serves the schedules, which is under way already when its flow run begins.
under_way: ContextVar[Awaitable[Ended] | None] = ContextVar("under_way", default=None)


def _name() -> str:
    """The flow run is called like the automation."""
    with system() as tx:
        found = one(
            tx,
            "SELECT a.name FROM backtests b JOIN automations a ON a.id = b.automation_id WHERE b.id = %(id)s",
            id=UUID(flow_run.get_parameters()["backtest"]),
        )
    return str(found["name"]) if found else "A comparison that was deleted"


@flow(name="backtest", flow_run_name=_name, persist_result=False, retries=0)
async def backtest(backtest: str) -> State[None]:
    """Compare a draft with the live version over past turns."""
    work = under_way.get()
    return _state(await (work if work is not None else _here(UUID(backtest))))


async def _here(id: UUID) -> Ended:
    """Do it in this process; a flow run that is cancelled gives it back."""
    stopping = threading.Event()
    _note(id)
    work = asyncio.create_task(asyncio.to_thread(comparisons.work, id, stopping=stopping))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stopping.set()
        await work
        raise


def _note(id: UUID) -> None:
    if run := flow_run.get_id():
        with system() as tx:
            backtests.set_prefect_run(tx, id, UUID(run))


def _state(ended: Ended) -> State[None]:
    """The end of a comparison in Prefect's words."""
    if ended is None:
        return Completed(name="Skipped", message="It is done already, or another process does it.")
    state, sentence = ended
    if state == "failed":
        return Failed(message=sentence)
    if state in ("cancelled", "lost", "given back"):
        return Cancelled(name=state.capitalize(), message=sentence)
    return Completed(message=sentence)
