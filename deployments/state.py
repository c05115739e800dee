"""What a running supervisor leaves for others to read: a lock that dies with it, and a small file about its processes."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil


class CannotStart(Exception):
    """Something on this machine is in the way; the text is one plain sentence with its remedy."""


@dataclass(frozen=True)
class ProcessState:
    """One line of `frontdesk status`. Times are seconds since 1970."""

    name: str
    pid: int | None
    since: float | None
    restarts: int
    ready: bool
    note: str = ""


@dataclass(frozen=True)
class State:
    """The supervisor and its processes."""

    pid: int
    started: float  # of the process, as the system tells it: recognises a later process with the same number
    addresses: dict[str, str] = field(default_factory=dict)
    processes: list[ProcessState] = field(default_factory=list)


def write(home: Path, addresses: dict[str, str], processes: list[ProcessState]) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    state = State(os.getpid(), psutil.Process().create_time(), addresses, processes)
    unfinished = _file(home).with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(state)))
    unfinished.replace(_file(home))


def read(home: Path) -> State | None:
    """What the last supervisor wrote; whether it still runs is another question."""
    try:
        raw = json.loads(_file(home).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return State(raw["pid"], raw["started"], raw["addresses"], [ProcessState(**item) for item in raw["processes"]])


def is_running(home: Path) -> bool:
    """Whether a supervisor holds this folder now."""
    try:
        with _lock_file(home).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Hold this folder; raises CannotStart when another supervisor does. The system lets go of it even after kill -9."""
    _lock_file(home).touch(mode=0o600)
    with _lock_file(home).open("r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(_already_running(home)) from None
        yield


def end_leftovers(home: Path, *, patience_seconds: float = 10) -> list[str]:
    """End what a killed supervisor left running; returns the names. Call it while holding the folder."""
    state = read(home)
    left = [(item, process) for item in (state.processes if state else []) if (process := _same_process(item))]
    for _, process in left:
        process.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs([process for _, process in left], timeout=patience_seconds)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=2)
    return [item.name for item, _ in left]


def stop_running(home: Path, *, patience_seconds: float = 15) -> bool:
    """Ask the supervisor of this folder to stop everything and wait for it. False: none was running."""
    state = read(home)
    if state is None or not is_running(home):
        return False
    os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_seconds
    while is_running(home):
        if time.monotonic() > deadline:
            raise CannotStart(
                f"Process {state.pid} does not end. End it with `kill -9 {state.pid}`, then run `frontdesk up`."
            )
        time.sleep(0.1)
    return True


def _same_process(item: ProcessState) -> psutil.Process | None:
    """The process of that line, unless it ended and its number went to somebody else since."""
    if item.pid is None or item.since is None or item.name == "postgres":  # Postgres has its own file and its own care
        return None
    try:
        process = psutil.Process(item.pid)
        is_same = abs(process.create_time() - item.since) < 2 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if is_same else None


def _already_running(home: Path) -> str:
    state = read(home)
    who = f"process {state.pid}" if state else "another process"
    return f"Frontdesk is already running here ({who}). `frontdesk status` shows it, `frontdesk down` stops it."


def _file(home: Path) -> Path:
    return home / "run" / "supervisor.json"


def _lock_file(home: Path) -> Path:
    return home / "run" / "supervisor.lock"
