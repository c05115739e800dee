"""The trainer: takes jobs on training sources as soon as they are there, and shows each as a Prefect flow run.

It runs as threads of the process that serves the schedules, or by itself (`python -m flows.trainer`). Where Prefect is away the
jobs are done all the same.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from db import logs, sources, training_jobs
from db.engine import DatabaseUnreachable, dispose, system, transaction
from db.live import WORK, Listener
from db.settings import get_settings
from db.training_jobs import Claimed
from flows import job
from flows.job import Tools
from flows.pulse import JobGivenBack, Pulse

log = logging.getLogger(__name__)

JOBS_AT_ONCE = 2  # so that a file does not wait for the end of a large crawl
LONGEST_SLEEP_SECONDS = 5.0
RECONCILE_SECONDS = 60.0
PATIENCE_SECONDS = 5.0  # for one answer of Prefect
DRAIN_SECONDS = 6.0
TAKEN_OVER = "The process that did this ended. Another one goes on with it, in a flow run of its own."


class Trainer:
    """Claims jobs in threads of its own. `show` = also as Prefect flow runs, and with the schedules of the sources kept in Prefect."""

    def __init__(self, tools: Callable[[], Tools] | None = None, *, show: bool = True) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._tools, self._show = tools or _standard_tools, show
        self._stopping = threading.Event()
        self._wake, self._reconcile = threading.Event(), threading.Event()
        self._pulses: list[Pulse] = []
        self._listener = Listener([WORK], self._notice)
        self._threads = [
            threading.Thread(target=self._claim_loop, name=f"trainer-{number + 1}", daemon=True)
            for number in range(JOBS_AT_ONCE)
        ]
        if show:
            self._threads.append(threading.Thread(target=self._reconcile_loop, name="trainer-schedules", daemon=True))

    def start(self) -> None:
        self._listener.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Give back what is under way and end; the next trainer goes on with it at once."""
        self._stopping.set()
        self._listener.stop()
        for pulse in list(self._pulses):
            pulse.stop(JobGivenBack("This process ends."))
        self._wake.set()
        self._reconcile.set()
        deadline = time.monotonic() + DRAIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _notice(self, channel: str, kind: str) -> None:
        if kind in ("training", ""):
            self._wake.set()
            self._reconcile.set()

    def _claim_loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except (DBAPIError, DatabaseUnreachable) as error:
                log.warning("Waiting for Postgres", extra={"action": "training.database", "error": str(error)[:300]})
                self._stopping.wait(LONGEST_SLEEP_SECONDS)
            except Exception as error:
                # The broad catch of this loop: the lease of the job ends, and it is taken up again, some times at most.
                log.error("A job was broken off", exc_info=error, extra={"action": "training.broken_off"})
                self._stopping.wait(LONGEST_SLEEP_SECONDS)

    def _turn(self) -> None:
        self._wake.clear()
        owner = f"{self.owner}:{uuid.uuid4().hex[:6]}"  # of this claim alone: a job whose lease ended here is not ours any more
        with system() as tx:
            claimed = training_jobs.claim(tx, owner, self._tools().lease_seconds)
            wait = None if claimed else training_jobs.seconds_until_expiry(tx)
        if claimed is not None:
            asyncio.run(self._do(claimed, owner))
        else:
            self._wake.wait(min(max(wait or LONGEST_SLEEP_SECONDS, 0.05), LONGEST_SLEEP_SECONDS))

    async def _do(self, claimed: Claimed, owner: str) -> None:
        """Do the job in a thread; show it meanwhile where Prefect answers."""
        pulses: list[Pulse] = _Noted(self._pulses, self._stopping)
        work = asyncio.create_task(asyncio.to_thread(job.do, claimed, owner, self._tools(), pulses.append))
        try:
            if self._show:
                # Whatever Prefect's engine throws, the job goes on.
                (trouble,) = await asyncio.gather(self._shown(claimed, work), return_exceptions=True)
                if isinstance(trouble, Exception) and not work.done():
                    log.warning(
                        "A job is not shown in Prefect",
                        extra={"action": "training.unseen", "error": repr(trouble)[:300]},
                    )
            await work
        finally:
            for pulse in pulses:
                self._pulses.remove(pulse)

    async def _shown(self, claimed: Claimed, work: asyncio.Task[tuple[str, str]]) -> None:
        """Raises where Prefect does not answer."""
        from prefect.flow_engine import run_flow_async
        from prefect.states import Pending

        from flows.crawl_source import crawl_source, under_way
        from flows.prefect_client import prefect_client

        settings = get_settings()
        under_way.set(asyncio.shield(work))
        parameters = {"source": str(claimed.job.source_id)}
        async with prefect_client(settings.prefect_api_url, settings.home / "prefect", PATIENCE_SECONDS) as client:
            name = await asyncio.to_thread(_name, claimed)
            flow_run = await client.create_flow_run(
                crawl_source, name=name, parameters=parameters, state=Pending(), tags=["frontdesk", claimed.job.cause]
            )
            await asyncio.to_thread(_note_flow_run, claimed, flow_run.id)
            if claimed.left_behind is not None:
                await _close(client, claimed.left_behind)
            await run_flow_async(crawl_source, flow_run=flow_run, parameters=parameters, return_type="state")

    def _reconcile_loop(self) -> None:
        while not self._stopping.is_set():
            self._reconcile.clear()
            try:
                _reconcile()
            except Exception as error:  # noqa: BLE001 - Prefect is away, or starting; its client raises what it likes
                # The schedules are in our rows, and the next turn puts them there.
                log.info(
                    "Schedules wait for Prefect",
                    extra={"action": "training.schedules_wait", "error": repr(error)[:300]},
                )
                self._stopping.wait(LONGEST_SLEEP_SECONDS)
                continue
            self._reconcile.wait(RECONCILE_SECONDS)


class _Noted(list[Pulse]):
    """A list that also tells the trainer, which may be stopping already."""

    def __init__(self, all_pulses: list[Pulse], stopping: threading.Event) -> None:
        super().__init__()
        self._all, self._stopping = all_pulses, stopping

    def append(self, pulse: Pulse) -> None:
        super().append(pulse)
        self._all.append(pulse)
        if self._stopping.is_set():
            pulse.stop(JobGivenBack("This process ends."))


def _standard_tools() -> Tools:
    from flows.crawl_source import standard_tools

    return standard_tools()


def _name(claimed: Claimed) -> str:
    with transaction(claimed.job.workspace_id) as tx:
        source = sources.get(tx, claimed.job.source_id)
    return source.name if source else "A source that was deleted"


def _note_flow_run(claimed: Claimed, flow_run: UUID) -> None:
    with system() as tx:
        training_jobs.set_prefect_run(tx, claimed.job.id, flow_run)


async def _close(client: object, flow_run: UUID) -> None:
    """The flow run of a process that died would show as running for ever."""
    from prefect.client.orchestration import PrefectClient
    from prefect.states import Crashed

    assert isinstance(client, PrefectClient)
    await client.set_flow_run_state(flow_run, Crashed(message=TAKEN_OVER), force=True)


def _reconcile() -> None:
    from prefect.client.orchestration import get_client
    from prefect.settings import temporary_settings

    from flows import scheduled_automations, schedules

    settings = get_settings()
    with temporary_settings({"api.url": settings.prefect_api_url}), get_client(sync_client=True) as client:
        schedules.reconcile(client)
        scheduled_automations.reconcile(client)


def main() -> None:
    """Run a trainer until SIGTERM or Ctrl-C."""
    logs.setup("trainer")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    trainer = Trainer()
    trainer.start()
    stop.wait()
    trainer.stop()
    dispose()


if __name__ == "__main__":
    main()
