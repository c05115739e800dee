"""Reading what strangers wrote in a process of its own: it has little memory, a clock, and may die without harm.

The process stays for the next document, because starting one takes longer than reading a page.
"""

from __future__ import annotations

import json
import math
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from nodes.extract import extract
from nodes.reading import CannotRead, Reading

MEMORY_BYTES = 1_500_000_000  # address space, of which the parsers' own code takes 300 MB
PAGE_SECONDS = 20.0  # of the processor
FILE_SECONDS = 120.0
BUSY = 4  # times as long by the clock: the machine has other things to do
DOCUMENTS_PER_PROCESS = 500  # parsers leak a little
_SIZE = struct.Struct("!Q")


class Extractor:
    """Reads documents one after the other; `close` ends the process. For one thread at a time."""

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._memory = memory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0
        self._lock = threading.Lock()

    def extract(
        self, content: bytes, kind: str, name: str, charset: str = "", seconds: float = FILE_SECONDS
    ) -> Reading:
        """Raises CannotRead, also where the parser took too long, too much memory, or crashed."""
        with self._lock:
            process = self._running()
            try:
                answer = self._ask(process, (kind, name, charset, seconds), content)
            except TimeoutError:
                self._end()
                raise _too_slow(name, seconds) from None
            except (OSError, EOFError):
                if self._end() == -signal.SIGXCPU:
                    raise _too_slow(name, seconds) from None
                raise CannotRead(
                    f"'{name}' could not be read within the memory that one document may use. Split it, or save it in a simpler form."
                ) from None
        if isinstance(answer, str):
            raise CannotRead(answer)
        return answer

    def close(self) -> None:
        with self._lock:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and (self._process.poll() is not None or self._read >= DOCUMENTS_PER_PROCESS):
            self._end()
        if self._process is None:
            command = [sys.executable, "-m", "nodes.extract_process", str(self._memory)]
            here = Path(__file__).resolve().parent.parent
            self._process = subprocess.Popen(
                command, cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
            )
            self._read = 0
        self._read += 1
        return self._process

    def _ask(
        self, process: subprocess.Popen[bytes], header: tuple[str, str, str, float], content: bytes
    ) -> Reading | str:
        assert process.stdin is not None and process.stdout is not None
        _write(process.stdin, json.dumps(header).encode())
        _write(process.stdin, content)
        deadline = time.monotonic() + BUSY * header[-1]
        size = _SIZE.unpack(_read_until(process.stdout, _SIZE.size, deadline))[0]
        answer = json.loads(_read_until(process.stdout, size, deadline))
        if "refused" in answer:
            return str(answer["refused"])
        return Reading(**{**answer, "links": tuple(answer["links"])})

    def _end(self) -> int:
        """End the process; returns its exit code, that of its own end where it came first."""
        if self._process is None:
            return 0
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(
                0.2 if self._process.stdout and select.select([self._process.stdout], [], [], 0)[0] else 0
            )
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        code = self._process.wait()
        self._process = None
        return code


def _too_slow(name: str, seconds: float) -> CannotRead:
    return CannotRead(f"'{name}' was not read within {seconds:.0f} seconds. Split it, or save it in a simpler form.")


def _write(stream: IO[bytes], data: bytes) -> None:
    view = memoryview(_SIZE.pack(len(data)) + data)
    while view:
        view = view[stream.write(view) :]


def _read_until(stream: IO[bytes], size: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    while size:
        if not select.select([stream], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError
        part = stream.read(min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _frame(stream: IO[bytes]) -> bytes:
    return _read_exactly(stream, _SIZE.unpack(_read_exactly(stream, _SIZE.size))[0])


def _read_exactly(stream: IO[bytes], size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = stream.read(min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def main(memory_bytes: int) -> None:
    """The other process: read, answer, until the pipe is closed."""
    _confine(memory_bytes)
    with open(0, "rb", buffering=0) as questions, open(1, "wb", buffering=0) as answers:
        while True:
            try:
                kind, name, charset, seconds = json.loads(_frame(questions))
                content = _frame(questions)
            except EOFError:
                return
            _set_clock(seconds)
            _write(answers, json.dumps(_outcome(content, kind, name, charset)).encode())


def _outcome(content: bytes, kind: str, name: str, charset: str) -> dict[str, object]:
    try:
        return asdict(extract(content, kind, name, charset))
    except CannotRead as error:
        return {"refused": str(error)}
    except MemoryError:
        raise  # the process is of no more use
    except Exception as error:  # noqa: BLE001 - parsers fail in any way on what strangers wrote; it is this document's trouble alone
        how = f"it is damaged, or made in an unusual way ({type(error).__name__})"
        return {"refused": f"'{name}' cannot be read: {how}. Save it anew, then try again."}


def _set_clock(seconds: float) -> None:
    """The system ends this process (SIGXCPU) when it used the processor for so long from now on."""
    used = time.process_time()
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used + seconds), hard))


def _confine(memory_bytes: int) -> None:
    """No more memory than this, no core file, no files written."""
    for limit, value in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        _, hard = resource.getrlimit(limit)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, hard))


if __name__ == "__main__":
    main(int(sys.argv[1]))
