"""Starts the processes of a table, keeps them running, and stops them in order.

One thread and one loop: a turn reads output, looks after every process, and writes the state file when something changed.
A crash starts the process again after 0.5, 1, 2 ... 30 s; a minute of good running forgets the crashes.
"""

import logging
import selectors
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from db.embedded_program import PostgresUnavailable
from deployments import state
from deployments.program import Program, Runnable, Spec

log = logging.getLogger(__name__)

TURN_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
FORGIVEN_AFTER_SECONDS = 60.0
ASK_EVERY_SECONDS = 10.0  # how often a ready process is asked again
SILENT_TOO_LONG_SECONDS = 120.0  # alive but not answering: started again
STOP_SECONDS = {2: 6.0, 1: 1.5, 0: 2.0}  # patience per stage; together below 10 s


@dataclass
class Supervised:
    """A process of the table and what happened to it so far."""

    spec: Spec
    runnable: Runnable
    started: float | None = None  # monotonic; None = not running
    since: float | None = None  # wall clock
    ready: bool = False
    asked: float = 0.0
    answered: float = 0.0
    crashes: int = 0  # in a row; decides the pause
    restarts: int = 0
    start_again: float = 0.0
    finished: bool = False  # a step that ran to its end


class Supervisor:
    """Runs a process table until it is told to stop."""

    def __init__(
        self,
        specs: Sequence[Spec],
        home: Path,
        show: Callable[[str, str], None],
        *,
        addresses: Mapping[str, str] | None = None,
        own: Mapping[str, Runnable] | None = None,
    ) -> None:
        """`own` holds runnables that are no plain child process (the embedded Postgres), by name."""
        self._home = home
        self._show = show
        self._addresses = dict(addresses or {})
        self._selector = selectors.DefaultSelector()
        logs = home / "logs"
        self._all = [
            Supervised(spec, (own or {}).get(spec.name) or Program(spec, logs, self._selector, show)) for spec in specs
        ]
        self._stopping = False
        self._hurry = False
        self._written: list[state.ProcessState] = []

    def run(self, on_ready: Callable[[], None] = lambda: None) -> int:
        """Start everything, call `on_ready` once when all of it answers, stay until told to stop; 1 if a step failed."""
        self._catch_signals()
        announced = False
        failed = 0
        try:
            while not self._stopping and not failed:
                self.turn()
                failed = int(any(item.finished and not item.ready for item in self._all))
                if not announced and self.everything_is_ready():
                    announced = True
                    on_ready()
                self.pause()
        finally:
            self.stop()
        return failed

    def ask_to_stop(self) -> None:
        """Leave `run` after this turn; a second time: without patience."""
        self._hurry = self._stopping
        self._stopping = True

    def everything_is_ready(self) -> bool:
        return all(item.ready for item in self._all)

    def turn(self) -> None:
        """Look after every process once."""
        for item in self._all:
            self._look_after(item)
        self._write_state()

    def stop(self) -> None:
        """Stop every process, the last stage first, each politely and then for certain."""
        for stage in sorted({item.spec.stage for item in self._all}, reverse=True):
            self._stop_stage([item for item in self._all if item.spec.stage == stage], STOP_SECONDS[stage])
        self._write_state()

    def _look_after(self, item: Supervised) -> None:
        if item.finished:
            return
        if item.started is None:
            self._start_if_due(item)
            return
        code = item.runnable.exit_code()
        if code is not None:
            self._ended(item, code)
            return
        self._ask(item)

    def _start_if_due(self, item: Supervised) -> None:
        now = time.monotonic()
        waits_for = [other for other in self._all if other.spec.name in item.spec.after]
        if now < item.start_again or not all(other.ready for other in waits_for):
            return
        try:
            item.runnable.start()
        except PostgresUnavailable as error:
            if item.restarts == 0 and item.crashes == 0:
                raise state.CannotStart(str(error)) from error
            self._show(item.spec.name, str(error))
            self._plan_restart(item, now)
            return
        item.started, item.since, item.answered, item.ready = now, time.time(), now, False
        self._ask(item)

    def _ended(self, item: Supervised, code: int) -> None:
        now = time.monotonic()
        ran = now - (item.started or now)
        item.started = item.since = None
        if item.spec.once:
            item.finished, item.ready = True, code == 0
            return
        if ran > FORGIVEN_AFTER_SECONDS:
            item.crashes = 0
        self._plan_restart(item, now)
        pause = item.start_again - now
        self._show(item.spec.name, f"ended with {_describe(code)} after {ran:.0f} s; starting again in {pause:.1f} s")

    def _plan_restart(self, item: Supervised, now: float) -> None:
        item.ready = False
        item.start_again = now + min(FIRST_PAUSE_SECONDS * 2**item.crashes, LONGEST_PAUSE_SECONDS)
        item.crashes += 1
        item.restarts += 1

    def _ask(self, item: Supervised) -> None:
        """Ask whether it is ready: often until it is, then now and then."""
        now = time.monotonic()
        pause = ASK_EVERY_SECONDS if item.ready else 2 * TURN_SECONDS
        if item.spec.once or now - item.asked < pause:
            return
        answers = item.spec.ready()
        item.asked = time.monotonic()
        if answers:
            item.answered, item.ready = item.asked, True
        elif item.asked - item.answered > SILENT_TOO_LONG_SECONDS:
            self._show(item.spec.name, f"has not answered for {SILENT_TOO_LONG_SECONDS:.0f} s and is started again")
            item.runnable.kill()

    def _stop_stage(self, items: list[Supervised], patience_seconds: float) -> None:
        running = [item for item in items if item.started is not None and item.runnable.exit_code() is None]
        for item in running:
            item.runnable.ask_to_stop()
        deadline = time.monotonic() + patience_seconds
        while any(item.runnable.exit_code() is None for item in running):
            if time.monotonic() > deadline or self._hurry:
                break
            self.pause()
        for item in running:
            if item.runnable.exit_code() is None:
                item.runnable.kill()
            item.started, item.since, item.ready = None, None, False

    def pause(self) -> None:
        """Read output until the next turn is due."""
        for key, _ in self._selector.select(TURN_SECONDS):
            key.data()

    def _write_state(self) -> None:
        lines = [
            state.ProcessState(item.spec.name, item.runnable.pid(), item.since, item.restarts, item.ready)
            for item in self._all
            if not item.spec.once
        ]
        if lines != self._written:
            state.write(self._home, self._addresses, lines)
            self._written = lines

    def _catch_signals(self) -> None:
        def stop(number: int, frame: FrameType | None) -> None:
            self.ask_to_stop()

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, stop)


def _describe(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
