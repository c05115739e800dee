"""What the processes of the stack take: memory as the kernel shares it out, and processor time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil


def memory_mb(processes: Mapping[str, Sequence[psutil.Process]]) -> dict[str, float]:
    """Proportional set size by name: memory that processes share is divided among them, so the sum is true."""
    return {name: sum(_pss(process.pid) for process in group) / 1024 for name, group in processes.items()}


def cpu_seconds(processes: Mapping[str, Sequence[psutil.Process]]) -> dict[str, float]:
    """Processor time so far, by name."""
    return {name: sum(_cpu(process) for process in group) for name, group in processes.items()}


def _pss(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return 0.0
    return float(next(line.split()[1] for line in lines if line.startswith("Pss:")))


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
