"""The Prefect flow of the deployment `crawl-source`: one flow run per job, started by a schedule or by the trainer.

The flow shows the job; the work itself is plain code in a thread, and goes on where Prefect went away meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Awaitable
from contextvars import ContextVar
from uuid import UUID

from prefect import State, flow
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from db import sources, training_jobs
from db.engine import system, transaction
from db.training_jobs import Claimed
from flows import job as jobs
from flows.job import Tools
from flows.models import training_embedders
from flows.pulse import JobGivenBack, Pulse
from flows.timing import lease_seconds
from nodes.contract import Embedder

NICENESS = 10  # a crawl may take all the processor that replies to customers leave, and no more

# The work of the trainer, which is under way already when its flow run begins.
under_way: ContextVar[Awaitable[tuple[str, str]] | None] = ContextVar("under_way", default=None)


def _name() -> str:
    """The flow run is called like the source."""
    with system() as tx:
        found = sources.get(tx, UUID(flow_run.get_parameters()["source"]))
    return found.name if found else "A source that was deleted"


@flow(name="crawl-source", flow_run_name=_name, persist_result=False, retries=0)
async def crawl_source(source: str) -> State[None]:
    """Crawl a source, or read what was added to it."""
    work = under_way.get()
    if work is None:
        claimed = await asyncio.to_thread(_begin, UUID(source), flow_run.get_id())
        if isinstance(claimed, str):
            return Completed(name="Skipped", message=claimed)
        work = _do_here(claimed)
    return _state(*await work)


async def _do_here(claimed: Claimed) -> tuple[str, str]:
    """Do a job in this process; a flow run that is cancelled gives the job back."""
    pulses: list[Pulse] = []
    work = asyncio.create_task(asyncio.to_thread(jobs.do, claimed, _OWNER, standard_tools(), pulses.append))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        for pulse in pulses:
            pulse.stop(JobGivenBack("The flow run was stopped."))
        await work
        raise


def standard_tools() -> Tools:
    return Tools(embedders, lease_seconds=lease_seconds(), niceness=NICENESS)


def embedders(workspace: UUID) -> list[Embedder]:
    with transaction(workspace) as tx:
        return training_embedders(tx)


_OWNER = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def _begin(source: UUID, prefect_run: str | None) -> Claimed | str:
    """A job for a scheduled crawl, held by this process; or why there is none to do."""
    with system() as tx:
        found = sources.get(tx, source)
        if found is None:
            return "The source was deleted."
        job, made = training_jobs.add(tx, found.workspace_id, source, "schedule")
        claimed = training_jobs.claim(tx, _OWNER, lease_seconds(), job) if made else None
        if claimed is None:
            return "The source is being worked on already."
        if prefect_run:
            training_jobs.set_prefect_run(tx, job, UUID(prefect_run))
    return claimed


def _state(state: str, sentence: str) -> State[None]:
    """The end of a job in Prefect's words."""
    if state == "failed":
        return Failed(message=sentence)
    if state in ("cancelled", "lost", "given back"):
        return Cancelled(name=state.capitalize(), message=sentence)
    return Completed(message=sentence)
