"""The log of one process: a file of JSON lines that is set aside by size, also while the process runs.

Our own processes write JSON and their lines are kept as they are; what others write becomes {"time", "process", "message"}.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

MOST_BYTES = 10 * 1024 * 1024  # of the file that is being written; as much is kept in each that was set aside
KEPT = 2  # files set aside: name.log.1 is the newer one


class LogFile:
    """Opened by its program at each start. `write` hands every line to the operating system before it returns."""

    def __init__(self, path: Path, process: str, most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._process = process
        self._most_bytes = most_bytes
        self._file: IO[bytes] | None = None
        self._size = 0

    def open(self) -> None:
        self.close()
        self._file = self._path.open("ab", buffering=0)
        self._size = os.fstat(self._file.fileno()).st_size

    def write(self, line: bytes) -> None:
        """Add a line as the process wrote it. Empty ones carry nothing and are left out."""
        if not line:
            return
        entry = line if _is_json(line) else self._as_json(line)
        if self._size and self._size + len(entry) + 1 > self._most_bytes:
            self._set_aside()
        assert self._file is not None, "a program opens its log before it writes"
        self._file.write(entry + b"\n")
        self._size += len(entry) + 1

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _as_json(self, line: bytes) -> bytes:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        entry = {"time": now, "process": self._process, "message": line.decode(errors="replace")}
        return json.dumps(entry, ensure_ascii=False).encode()

    def _set_aside(self) -> None:
        """The names move on by one, and the oldest is replaced. Whoever follows the file by name goes on with the new one."""
        for number in range(KEPT, 0, -1):
            older = self._path.with_suffix(f".log.{number}")
            newer = self._path.with_suffix(f".log.{number - 1}") if number > 1 else self._path
            if newer.exists():
                newer.replace(older)
        self.open()


def _is_json(line: bytes) -> bool:
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
