"""The worker: three loops that claim events, runs and effects, woken by Postgres NOTIFY, and one that tidies up.

Any worker may die at any line: what it held has a lease, and another worker takes it up when the lease ends.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from db import events, logs, runs, statistics
from db.engine import DatabaseBusy, DatabaseUnreachable, dispose, one, plan_once, system
from db.events import Event
from db.live import WORK, Listener
from db.runs import Run
from flows import conversation_events
from flows.accounts import Accounts
from flows.crash_points import crash_point
from flows.delivery import Delivery, Ready
from flows.engine import Engine
from flows.intake import EventLost, Intake, ReceiptTooEarly
from flows.models import ConnectedModels, Models
from flows.observe import Execution
from flows.reconciliation import Reconciliation
from flows.timing import lease_seconds, reconcile_after_seconds
from flows.window import Window

log = logging.getLogger(__name__)

THREADS = {"event": 2, "run": 8, "outbox": 6}  # more of the second: a run waits for a model most of its time
SHORT_SLEEP_SECONDS = 0.02
GATHER_SECONDS = 0.01
EVENTS_AT_ONCE = 8  # in one transaction
LONGEST_SLEEP_SECONDS = 1.0  # a notice may get lost with its connection; the tables do not
TIDY_SECONDS = 1.0
LOOK_SECONDS = 3.0  # between two looks at what has no notice of its own
DRAIN_SECONDS = 8.0
AFTER_TROUBLE_SECONDS = 1.0
NO_DATABASE = (DBAPIError, DatabaseUnreachable, DatabaseBusy)  # what a loop outlives


@dataclass
class Lane:
    """One kind of work: claims for its free threads and as much again to keep them busy, and sleeps until woken."""

    name: str
    threads: int
    claim: Callable[[int], list[Any]]
    work: Callable[[Any], None]
    next_due: str  # SQL: seconds until something becomes due, or NULL
    wake: threading.Event = field(default_factory=threading.Event)
    busy: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix=f"frontdesk-{self.name}")

    def loop(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                self._turn()
            except NO_DATABASE as error:
                log.warning(
                    "Waiting for Postgres",
                    extra={"action": "worker.database", "lane": self.name, "error": str(error)[:300]},
                )
                stopping.wait(AFTER_TROUBLE_SECONDS)

    def _turn(self) -> None:
        self.wake.clear()
        wanted = self.threads * 2 - self.busy if self.busy < self.threads else 0
        claimed = self.claim(wanted) if wanted else []
        for item in claimed:
            with self._lock:
                self.busy += 1
            self._pool.submit(self.work, item).add_done_callback(self._done)
        if wanted and len(claimed) == wanted:
            return  # there may be more
        # With work going on the next notice comes soon; only a lane that stays idle asks when something becomes due.
        if not self.wake.wait(SHORT_SLEEP_SECONDS):
            self.wake.wait(self._sleep())
        if self.busy:
            time.sleep(GATHER_SECONDS)  # a busy lane claims several at once instead of each by itself

    def _sleep(self) -> float:
        with system() as tx:
            found = one(tx, self.next_due)
        seconds = found["seconds"] if found else None
        return LONGEST_SLEEP_SECONDS if seconds is None else min(max(float(seconds), 0.005), LONGEST_SLEEP_SECONDS)

    def _done(self, future: Future[None]) -> None:
        with self._lock:
            self.busy -= 1
            has_room = self.busy < self.threads
        if has_room:
            self.wake.set()
        error = future.exception()
        if error is not None:
            # The lease of what it held ends by itself, and the work is taken up again.
            log.error("Work was broken off", exc_info=error, extra={"action": "worker.broken_off", "lane": self.name})

    def drain(self, seconds: float) -> None:
        """Let what is under way finish, for so long at most."""
        closing = threading.Thread(target=self._pool.shutdown, kwargs={"cancel_futures": True}, daemon=True)
        closing.start()
        closing.join(seconds)


class Worker:
    """One worker process. `window` mirrors runs in Prefect; the work itself never waits for it."""

    def __init__(self, models: Models, window: Window | None = None) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._lease = lease_seconds()
        accounts = Accounts()
        self._intake = Intake(self.owner, accounts)
        self._models = models
        self._engine = Engine(self.owner, models, plans=self._intake.plans)
        self._delivery = Delivery(self.owner, self._lease, accounts)
        self._reconciliation = Reconciliation(accounts, reconcile_after_seconds())
        self._window = window
        self._alive_file = os.environ.get("FRONTDESK_ALIVE_FILE", "")
        self._stopping = threading.Event()
        self._next_look = 0.0
        self._held: dict[uuid.UUID, Run] = {}
        self._not_begun: dict[uuid.UUID, Ready] = {}  # effects that wait in the pool
        self._lanes = {
            "event": Lane("event", THREADS["event"], self._claim_events, self._accept, _EVENT_DUE),
            "run": Lane("run", THREADS["run"], self._claim_runs, self._execute, _RUN_DUE),
            "outbox": Lane("outbox", THREADS["outbox"], self._claim_effects, self._deliver, _OUTBOX_DUE),
        }
        self._listener = Listener([WORK], self._notice)

    def start(self) -> None:
        """Begin to work in threads of its own."""
        if self._window is not None:
            self._window.start()
        self._listener.start()
        for lane in self._lanes.values():
            threading.Thread(target=lane.loop, args=[self._stopping], name=f"lane-{lane.name}", daemon=True).start()
        threading.Thread(target=self._tidy_loop, name="tidy", daemon=True).start()
        log.info("The worker is ready", extra={"action": "worker.ready", "owner": self.owner})

    def stop(self) -> None:
        """Claim nothing more, finish what is under way for at most 8 s, give the rest back."""
        self._stopping.set()
        self._listener.stop()
        for lane in self._lanes.values():
            lane.wake.set()
        for lane in reversed(self._lanes.values()):
            lane.drain(DRAIN_SECONDS / len(self._lanes))
        with system() as tx:
            given_back = events.release(tx, self.owner) + runs.release(tx, self.owner)
        given_back += self._delivery.release(list(self._not_begun.values()))
        if self._window is not None:
            self._window.close(1.0)
        log.info("The worker stopped", extra={"action": "worker.stopped", "given_back": given_back})

    def _notice(self, channel: str, kind: str) -> None:
        lane = self._lanes.get(kind)
        for woken in [lane] if lane else self._lanes.values():
            woken.wake.set()

    def _claim_events(self, limit: int) -> list[list[Event]]:
        """Batches of one workspace each."""
        with system(durable=False) as tx:
            claimed = events.claim(tx, self.owner, self._lease, limit * EVENTS_AT_ONCE)
        crash_point("claim")
        by_workspace = groupby(sorted(claimed, key=_workspace_of), key=_workspace_of)
        return [batch for _, each in by_workspace for batch in _batches(list(each), EVENTS_AT_ONCE)]

    def _accept(self, batch: list[Event]) -> None:
        try:
            self._intake.accept(*batch)
        except NO_DATABASE as error:
            if len(batch) == 1 or _is_away(error):
                raise  # the leases end by themselves, and it is no fault of the events
            self._accept_one_by_one(batch)
        except Exception as error:  # noqa: BLE001 - the one broad catch of this loop: whatever is wrong, it is kept and shown
            if len(batch) == 1:
                self._refuse(batch[0], error)
            else:
                self._accept_one_by_one(batch)
        self._models.warm()

    def _accept_one_by_one(self, batch: list[Event]) -> None:
        for event in batch:
            self._accept([event])

    def _refuse(self, event: Event, error: Exception) -> None:
        expected = isinstance(error, ReceiptTooEarly | EventLost)
        log.log(
            logging.INFO if expected else logging.ERROR,
            "An event is tried again",
            exc_info=None if expected else error,
            extra={"action": "event.retry", "event": str(event.id)},
        )
        with system() as tx:
            events.fail(tx, event, self.owner, f"{type(error).__name__}: {error}")

    def _claim_runs(self, limit: int) -> list[Run]:
        with system(durable=False) as tx:
            claimed = runs.claim(tx, self.owner, self._lease, limit)
        crash_point("claim")
        self._held.update({run.id: run for run in claimed})
        return claimed

    def _execute(self, run: Run) -> None:
        execution = Execution(run.id)
        if self._window is not None:
            self._window.submit(execution, backlog=self._lanes["run"].busy)
        try:
            self._engine.execute(run, execution)
        except (DBAPIError, DatabaseUnreachable):
            raise
        except Exception as error:
            log.error("A run broke", exc_info=error, extra={"action": "run.broken", "run": str(run.id)})
            self._engine.fail(run, f"Something unexpected happened ({type(error).__name__}). The log has the details.")
        finally:
            execution.ended("lost", "The worker broke this run off.")
            self._held.pop(run.id, None)

    def _claim_effects(self, limit: int) -> list[Ready]:
        claimed = self._delivery.claim(limit)
        self._not_begun.update({ready.row.id: ready for ready in claimed})
        return claimed

    def _deliver(self, ready: Ready) -> None:
        del self._not_begun[ready.row.id]
        self._delivery.perform(ready)

    def _tidy_loop(self) -> None:
        while not self._stopping.wait(TIDY_SECONDS):
            self._say_alive()
            try:
                self._tidy()
            except NO_DATABASE as error:
                log.warning(
                    "Waiting for Postgres",
                    extra={"action": "worker.database", "lane": "tidy", "error": str(error)[:300]},
                )

    def _say_alive(self) -> None:
        """The supervisor looks at the age of this file. Not at the database: a pooler hides who is connected."""
        if self._alive_file:
            Path(self._alive_file).touch()

    def _tidy(self) -> None:
        held = list(self._held)
        with system() as tx:
            if held:
                runs.extend_leases(tx, self.owner, held, self._lease)
            freed = events.release_expired(tx) + runs.release_expired(tx)
        freed += self._reconciliation.take_over_expired() + self._reconciliation.ask()
        if freed:
            self._notice("", "")
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_SECONDS
            self._look_around()

    def _look_around(self) -> None:
        """What is looked at now and then: figures that the planner has outgrown, conversations that fell silent."""
        with system(durable=False) as tx:
            statistics.refresh(tx)
        conversation_events.sweep(datetime.now(UTC))


def _workspace_of(event: Event) -> str:
    return str(event.workspace_id)


def _batches(claimed: list[Event], size: int) -> Iterator[list[Event]]:
    for start in range(0, len(claimed), size):
        yield claimed[start : start + size]


def _is_away(error: Exception) -> bool:
    """Whether Postgres itself is gone, as opposed to one statement that it refused."""
    return not isinstance(error, DBAPIError) or error.connection_invalidated


_EVENT_DUE = "SELECT extract(epoch FROM min(due_at) - now()) AS seconds FROM events_queue WHERE state = 'pending' AND due_at > now()"
_RUN_DUE = "SELECT extract(epoch FROM min(due_at) - now()) AS seconds FROM runs WHERE state IN ('pending', 'waiting') AND due_at > now()"
_OUTBOX_DUE = (
    "SELECT extract(epoch FROM min(due_at) - now()) AS seconds FROM outbox WHERE state = 'pending' AND due_at > now()"
)


def main() -> None:
    """Run a worker until SIGTERM or Ctrl-C."""
    logs.setup("worker")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    plan_once()
    worker = Worker(ConnectedModels(), Window())
    # What is loaded now stays; without this each full collection walks through it again, 5 % of a busy worker's time.
    gc.collect()
    gc.freeze()
    worker.start()
    stop.wait()
    worker.stop()
    dispose()


if __name__ == "__main__":
    main()
