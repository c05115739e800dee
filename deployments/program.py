"""One supervised process: its place in the table, and the running thing."""

import os
import re
import selectors
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from db.child import die_with_parent, give_way
from deployments.environment import CODE
from deployments.log_file import MOST_BYTES, LogFile

_COLOURS = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Spec:
    """A line of the process table."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ready: Callable[[], bool] = lambda: True
    after: tuple[str, ...] = ()  # starts when these are ready (or, for a step that ends, have succeeded)
    once: bool = False  # runs to its end; a failure stops everything
    stage: int = 2  # the highest stage is stopped first: 2 ours, 1 Prefect, 0 Postgres
    folder: Path = CODE
    niceness: int = 0  # of 19; more leaves the processor to others, such as the answer to a webhook


class Runnable(Protocol):
    """What the supervisor can start, watch and stop."""

    def start(self) -> None: ...
    def exit_code(self) -> int | None: ...
    def pid(self) -> int | None: ...
    def ask_to_stop(self) -> None: ...
    def kill(self) -> None: ...


class Program:
    """A child process whose output goes line by line to its log file and to `show`."""

    def __init__(
        self,
        spec: Spec,
        logs: Path,
        selector: selectors.BaseSelector,
        show: Callable[[str, str], None],
        *,
        log_bytes: int = MOST_BYTES,
    ) -> None:
        self._spec = spec
        self._log = LogFile(logs / f"{spec.name}.log", spec.name, log_bytes)
        self._selector = selector
        self._show = show
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self.last_line = ""

    def start(self) -> None:
        self._close()
        self._log.open()
        self._process = subprocess.Popen(
            self._spec.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(self._spec.environment),
            cwd=self._spec.folder,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops things in order
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - the supervisor has no other thread
        )
        give_way(self._process.pid, self._spec.niceness)
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._selector.register(self._process.stdout, selectors.EVENT_READ, self.read_output)

    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def exit_code(self) -> int | None:
        """None while it runs or was never started."""
        code = self._process.poll() if self._process else None
        if code is not None:
            self.read_output()
        return code

    def ask_to_stop(self) -> None:
        if self.pid() is not None:
            assert self._process is not None
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and everything it started."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._process.wait(2)

    def read_output(self) -> None:
        """Copy what the process wrote since the last call."""
        if self._process is None or self._process.stdout is None or self._process.stdout.closed:
            return
        while chunk := self._process.stdout.read(65536):
            self._take(chunk)
        if chunk == b"":  # the end; None would mean nothing more for now
            self._selector.unregister(self._process.stdout)
            self._process.stdout.close()
            self._take(b"\n" if self._rest else b"")

    def _take(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for raw in lines:
            line = _COLOURS.sub(b"", raw).rstrip()
            self._log.write(line)
            text = line.decode(errors="replace")
            self.last_line = text or self.last_line
            self._show(self._spec.name, text)

    def _close(self) -> None:
        if self._process and self._process.stdout and not self._process.stdout.closed:
            self._selector.unregister(self._process.stdout)
            self._process.stdout.close()
        self._log.close()
        self._rest = b""
