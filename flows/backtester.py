"""Takes comparisons as soon as they are there, and shows each as a run of the Prefect deployment `backtest`.

A thread of the process that serves the schedules. Where Prefect is away the comparisons are done all the same.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import uuid
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from db import backtests
from db.backtests import Backtest
from db.engine import DatabaseUnreachable, system
from db.live import WORK, Listener
from db.settings import get_settings
from flows import backtest
from flows.models import ConnectedModels, Models
from flows.timing import lease_seconds

log = logging.getLogger(__name__)

LONGEST_SLEEP_SECONDS = 5.0
PATIENCE_SECONDS = 5.0  # for one answer of Prefect
DRAIN_SECONDS = 6.0
DEPLOYMENT = "backtest/backtest"  # flow / deployment, as in prefect.yaml
TAGS = ["frontdesk", "backtest"]
NICENESS = 10  # of 19; replies to customers come first


class Backtester:
    """One comparison at a time. `show` = also as Prefect flow runs."""

    def __init__(self, models: Models | None = None, *, show: bool = True) -> None:
        self._models, self._show = models, show
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._listener = Listener([WORK], self._notice)
        self._thread = threading.Thread(target=self._loop, name="backtester", daemon=True)

    def start(self) -> None:
        self._listener.start()
        self._thread.start()

    def stop(self) -> None:
        """Give back what is under way and end; the next one goes on with it at once."""
        self._stopping.set()
        self._listener.stop()
        self._wake.set()
        self._thread.join(DRAIN_SECONDS)

    def _notice(self, channel: str, kind: str) -> None:
        if kind in ("backtest", ""):
            self._wake.set()

    def _loop(self) -> None:
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)  # threads that it starts inherit it
        while not self._stopping.is_set():
            try:
                self._turn()
            except (DBAPIError, DatabaseUnreachable) as error:
                log.warning("Waiting for Postgres", extra={"action": "backtest.database", "error": str(error)[:300]})
                self._stopping.wait(LONGEST_SLEEP_SECONDS)
            except Exception as error:
                # The broad catch of this loop: the lease ends, and the comparison is taken up again, some times at most.
                log.error("A comparison was broken off", exc_info=error, extra={"action": "backtest.broken_off"})
                self._stopping.wait(LONGEST_SLEEP_SECONDS)

    def _turn(self) -> None:
        self._wake.clear()
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        with system() as tx:
            claimed = backtests.claim(tx, owner, lease_seconds())
            wait = None if claimed else backtests.seconds_until_expiry(tx)
        if claimed is not None:
            asyncio.run(self._do(claimed, owner))
        else:
            self._wake.wait(min(max(wait or LONGEST_SLEEP_SECONDS, 0.05), LONGEST_SLEEP_SECONDS))

    async def _do(self, claimed: Backtest, owner: str) -> None:
        """Do it in a thread; show it meanwhile where Prefect answers."""
        if self._models is None:
            self._models = ConnectedModels()
        work = asyncio.create_task(asyncio.to_thread(backtest.do, claimed, owner, self._models, self._stopping))
        if self._show:
            # Whatever Prefect's engine throws, the comparison goes on.
            (trouble,) = await asyncio.gather(_shown(claimed, work), return_exceptions=True)
            if isinstance(trouble, Exception) and not work.done():
                said = {"action": "backtest.unseen", "error": repr(trouble)[:300]}
                log.warning("A comparison is not shown in Prefect", extra=said)
        await work


async def _shown(claimed: Backtest, work: asyncio.Task[tuple[str, str]]) -> None:
    """Raises where Prefect does not answer."""
    from prefect.exceptions import ObjectNotFound
    from prefect.flow_engine import run_flow_async
    from prefect.states import Pending

    from flows.backtest_flow import backtest as as_flow
    from flows.backtest_flow import under_way
    from flows.prefect_client import prefect_client

    settings = get_settings()
    under_way.set(asyncio.shield(work))
    parameters = {"backtest": str(claimed.id)}
    async with prefect_client(settings.prefect_api_url, settings.home / "prefect", PATIENCE_SECONDS) as client:
        try:
            # Pending, not scheduled: it is under way here, and no runner is to take it.
            deployment = await client.read_deployment_by_name(DEPLOYMENT)
            flow_run = await client.create_flow_run_from_deployment(
                deployment.id, parameters=parameters, state=Pending(), tags=TAGS
            )
        except ObjectNotFound:  # not served yet
            flow_run = await client.create_flow_run(as_flow, parameters=parameters, state=Pending(), tags=TAGS)
        await asyncio.to_thread(_note_flow_run, claimed, flow_run.id)
        await run_flow_async(as_flow, flow_run=flow_run, parameters=parameters, return_type="state")


def _note_flow_run(claimed: Backtest, flow_run: UUID) -> None:
    with system() as tx:
        backtests.set_prefect_run(tx, claimed.id, flow_run)
