"""`frontdesk status`: one line per process of the running supervisor."""

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from deployments import state

HEADINGS = ("PROCESS", "PID", "UP", "RESTARTS", "MEMORY", "READY")


@dataclass(frozen=True)
class Line:
    """What a person wants to know of a process. Memory counts a page shared by n processes as 1/n where the system says so."""

    name: str
    pid: int | None
    up_seconds: float | None
    restarts: int
    memory_bytes: int
    ready: bool


def lines(home: Path) -> list[Line]:
    """The supervisor and its processes; empty when nothing runs."""
    known = state.read(home)
    if known is None or not state.is_running(home):
        return []
    now = time.time()
    supervisor = Line("supervisor", known.pid, now - known.started, 0, memory_of(known.pid, family=False), True)
    return [supervisor, *(_line(item, now) for item in known.processes)]


def render(found: list[Line]) -> str:
    """The lines as a table, with the sum of the memory."""
    cells = [HEADINGS, *(_cells(line) for line in found)]
    cells.append(("together", "", "", "", _megabytes(sum(line.memory_bytes for line in found)), ""))
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def memory_of(pid: int | None, *, family: bool = True) -> int:
    """The memory of a process and, with `family`, of its descendants; 0 for none."""
    if pid is None:
        return 0
    try:
        process = psutil.Process(pid)
        return sum(
            _own_memory(member) for member in ([process, *process.children(recursive=True)] if family else [process])
        )
    except psutil.NoSuchProcess:
        return 0


def _own_memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    except psutil.AccessDenied:  # another user's process: only the plain figure is public
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _line(item: state.ProcessState, now: float) -> Line:
    up = now - item.since if item.since else None
    return Line(item.name, item.pid, up, item.restarts, memory_of(item.pid), item.ready)


def _cells(line: Line) -> tuple[str, ...]:
    up = "-" if line.up_seconds is None else duration(line.up_seconds)
    ready = "yes" if line.ready else "no"
    return (line.name, str(line.pid or "-"), up, str(line.restarts), _megabytes(line.memory_bytes), ready)


def duration(seconds: float) -> str:
    """Two units at most: 42 s, 3 min 5 s, 7 h 12 min, 4 d 3 h."""
    left = int(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        amount, left = divmod(left, size)
        if amount or (unit == "s" and not parts):
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2])


def _megabytes(amount: int) -> str:
    return f"{amount / 1024 / 1024:.0f} MB"
