"""Prefect as the window on what the workers do: live, cheap, and never in the way of a reply.

The engine executes a run in a worker thread at once; this window follows it from an event loop in a thread of its own.
With little work waiting each run is a flow run with a task per step; under load many runs share one flow run.
While Prefect is away runs go unshown, are counted as a gap, and the window opens again by itself.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from db import runs
from db.engine import system
from db.settings import get_settings
from flows.observe import Execution

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

log = logging.getLogger(__name__)

LITTLE_BACKLOG = 3  # more runs than these waiting = no time for details
DETAILED_AT_ONCE = 4
DETAILED_BURST = 4.0  # a flow run with five tasks costs about 0.1 s of a core, so details are rationed:
DETAILED_PER_SECOND = 1.0  # a burst first, then this many
HEAD_START_SECONDS = 0.15  # a quick reply is out before its flow run competes with it for the processor
BATCH_SECONDS = 5.0  # under load one flow run of each worker shows this much time
PATIENCE_SECONDS = 5.0  # for one answer of Prefect
ASK_AGAIN_SECONDS = 2.0
TELL_EVERY_SECONDS = 60.0

Remember = Callable[[Sequence[UUID], UUID], None]


@dataclass(frozen=True)
class WindowStatus:
    state: Literal["starting", "open", "away", "closed"]
    detailed: int  # runs shown with a task per step
    batched: int  # runs shown as part of a batch
    gap: int  # runs that Prefect never saw


def remember_prefect_run(run_ids: Sequence[UUID], prefect_run_id: UUID) -> None:
    """Store the flow run's id with its runs, for the link on the page."""
    with system() as tx:
        for run_id in run_ids:
            runs.set_prefect_run(tx, run_id, prefect_run_id)


class Window:
    """Follows executions in Prefect from its own thread. `submit` never blocks and never raises."""

    def __init__(self, remember: Remember = remember_prefect_run) -> None:
        self._remember = remember
        self._thread = threading.Thread(target=self._run, name="frontdesk-window", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: Context | None = None
        self._client: PrefectClient | None = None
        self._state: Literal["starting", "open", "away", "closed"] = "starting"
        self._under_way: set[asyncio.Task[None]] = set()
        self._details_under_way = 0
        self._allowance, self._allowance_at = DETAILED_BURST, time.monotonic()
        self._batch: list[Execution] = []
        self._detailed = self._batched = self._gap = 0
        self._told_at, self._told_gap = -TELL_EVERY_SECONDS, 0
        self._opened = threading.Event()
        self._stopping: asyncio.Event | None = None
        self._closing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Open the window in the background; what is submitted before it is open counts as a gap."""
        self._thread.start()

    def submit(self, execution: Execution, backlog: int) -> None:
        """Show a run that is being executed; `backlog` = how many runs wait."""
        try:
            self._soon(self._take, execution, backlog)
        except RuntimeError:  # not open yet, or closed already
            self._gap += 1

    def status(self) -> WindowStatus:
        return WindowStatus(self._state, self._detailed, self._batched, self._gap)

    def wait_open(self, timeout: float) -> bool:
        """Whether the window opened within `timeout` seconds; importing Prefect takes two."""
        return self._opened.wait(timeout)

    def close(self, timeout: float) -> None:
        """Let what is under way reach Prefect for up to `timeout` seconds, then leave."""
        try:
            self._soon(self._begin_to_close, timeout * 0.8)
            self._thread.join(timeout)
        except RuntimeError:  # never opened: there is nothing to wait for
            log.info("Prefect's window never opened", extra={"action": "window.never_open"})
        self._state = "closed"

    def _soon(self, call: Callable[..., None], *arguments: object) -> None:
        """Call it on the loop, within the client's context: the caller's would know nothing of Prefect's settings."""
        if self._loop is None or self._context is None:
            raise RuntimeError("The window is not open.")
        self._loop.call_soon_threadsafe(call, *arguments, context=self._context)

    def _run(self) -> None:
        asyncio.run(self._watch())

    async def _watch(self) -> None:
        from flows.prefect_client import prefect_client

        settings = get_settings()
        async with prefect_client(
            settings.prefect_api_url, settings.home / "prefect", PATIENCE_SECONDS
        ) as self._client:
            self._stopping = asyncio.Event()
            self._context = copy_context()
            self._loop = asyncio.get_running_loop()
            self._state = "open"
            self._opened.set()
            await self._stopping.wait()
            self._state, self._loop = "closed", None

    def _take(self, execution: Execution, backlog: int) -> None:
        """Choose how a run is shown (on the loop)."""
        if self._state != "open":
            self._miss(1)
        elif backlog <= LITTLE_BACKLOG and self._details_under_way < DETAILED_AT_ONCE and self._spend():
            self._follow(self._show_detailed(execution))
        else:
            self._batch.append(execution)
            if len(self._batch) == 1:
                self._follow(self._show_batch())

    def _spend(self) -> bool:
        """Take one detailed flow run out of the allowance."""
        now = time.monotonic()
        grown = self._allowance + (now - self._allowance_at) * DETAILED_PER_SECOND
        self._allowance, self._allowance_at = min(DETAILED_BURST, grown), now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _show_detailed(self, execution: Execution) -> None:
        from flows.mirror import show_run

        self._details_under_way += 1
        try:
            await asyncio.sleep(HEAD_START_SECONDS)
            await execution.wait_plan()
            shown = await self._shown(show_run, execution, [execution])
            self._detailed += shown
        finally:
            self._details_under_way -= 1

    async def _show_batch(self) -> None:
        from flows.mirror import show_batch

        await asyncio.sleep(BATCH_SECONDS)
        executions, self._batch = self._batch, []
        await asyncio.gather(*(execution.wait_plan() for execution in executions))
        shown = await self._shown(show_batch, executions, executions)
        self._batched += shown

    async def _shown(
        self, show: Callable[..., Coroutine[Any, Any, None]], what: object, executions: Sequence[Execution]
    ) -> int:
        """How many runs Prefect shows now: all of them, or none where it is away."""
        started: asyncio.Future[UUID] = asyncio.get_running_loop().create_future()
        started.add_done_callback(lambda known: self._note(executions, known))
        # Whatever Prefect's engine throws, it is the window that suffers from it and never the run.
        for trouble in await asyncio.gather(show(self._client, what, started), return_exceptions=True):
            if trouble is not None:
                self._lose_sight(trouble)
        if started.done() and not started.cancelled():
            return len(executions)
        self._miss(len(executions))
        return 0

    def _note(self, executions: Sequence[Execution], known: asyncio.Future[UUID]) -> None:
        if not known.cancelled():
            ids = [execution.run_id for execution in executions]
            self._follow(self._link(ids, known.result()))

    async def _link(self, run_ids: Sequence[UUID], prefect_run_id: UUID) -> None:
        stored = asyncio.to_thread(self._remember, run_ids, prefect_run_id)
        (trouble,) = await asyncio.gather(stored, return_exceptions=True)
        if trouble is not None:  # the database is away: only the link on the page is lost
            log.warning("A flow run's id was not stored", extra={"action": "window.link", "error": repr(trouble)})

    def _lose_sight(self, error: BaseException) -> None:
        if self._state == "open":
            self._state = "away"
            log.warning("Prefect is away, replies go on", extra={"action": "window.away", "error": repr(error)})
            self._follow(self._look_again())

    async def _look_again(self) -> None:
        assert self._client is not None
        while await self._client.api_healthcheck() is not None:  # returns the error instead of raising it
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        if self._state == "away":
            self._state = "open"
            log.info("Prefect is back", extra={"action": "window.back", "gap": self._gap})

    def _miss(self, number: int) -> None:
        self._gap += number
        if time.monotonic() - self._told_at >= TELL_EVERY_SECONDS:
            log.warning(
                "%d runs were not shown in Prefect",
                self._gap - self._told_gap,
                extra={"action": "window.gap", "gap": self._gap},
            )
            self._told_at, self._told_gap = time.monotonic(), self._gap

    def _begin_to_close(self, timeout: float) -> None:
        assert self._stopping is not None
        stop = self._stopping.set
        self._closing = asyncio.get_running_loop().create_task(self._drain(timeout))
        self._closing.add_done_callback(lambda _: stop())

    async def _drain(self, timeout: float) -> None:
        """Wait for what is under way; give up the rest. All of it within `timeout` seconds."""
        from flows.prefect_client import events_sent

        under_way = [task for task in self._under_way if self._state == "open"]
        if under_way:
            await asyncio.wait(under_way, timeout=timeout * 0.6)
        left = list(self._under_way)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=timeout * 0.2)
        await asyncio.wait([asyncio.ensure_future(events_sent())], timeout=timeout * 0.2)
