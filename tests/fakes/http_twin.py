"""A loopback HTTP server that plays a provider: strict, cheap, and able to misbehave on request.

It runs in a thread (`with Twin() as twin: twin.base_url`) or as a process of its own (`run_as_process`). HTTP/1.1 with
keep-alive and Content-Length bodies only, because that is what the clients send.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import SplitResult, parse_qsl, urlsplit


@dataclass(frozen=True)
class Received:
    """A request as it came, with the moment of its last byte."""

    method: str
    target: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    monotonic: float = field(default_factory=time.monotonic)

    @property
    def url(self) -> SplitResult:
        return urlsplit(self.target)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.url.query, keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay_seconds: float = 0.0

    @classmethod
    def json(cls, status: int, value: Any, **headers: str) -> Answer:
        text = json.dumps(value, separators=(",", ":")).encode()
        return cls(status, text, {name.replace("_", "-"): each for name, each in headers.items()})


@dataclass(frozen=True)
class Fault:
    """What the twin does wrong with one request. `accepts` = it keeps what was asked, and only the answer goes wrong."""

    status: int = 0  # answer this instead; 0 = the right answer
    code: int | str = 0  # the provider's own error code
    message: str = "The twin was told to misbehave."
    retry_after: str = ""  # the header, as text
    body: bytes | None = None  # answer these bytes instead of a proper error
    delay_seconds: float = 0.0
    drop: bool = False  # close the connection without an answer
    hang: bool = False  # never answer
    accepts: bool = False


class HttpTwin:
    """The server. A subclass says what it answers (`answer`) and how it words a refusal (`refusal`)."""

    delay_seconds = 0.0  # every answer takes this long

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.requests: list[Received] = []
        self.refused: list[str] = []  # why a request was not of the documented form
        self._faults: deque[Fault] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connections: set[_Connection] = set()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, request: Received) -> Answer:
        raise NotImplementedError

    def refusal(self, status: int, code: int | str, message: str) -> Answer:
        return Answer.json(status, {"code": code, "message": message, "status": status})

    def misbehave(self, fault: Fault, times: int = 1) -> None:
        """Treat the next `times` requests so."""
        self._faults.extend([fault] * times)

    def behave(self) -> None:
        self._faults.clear()

    def handle(self, request: Received) -> tuple[Answer | None, Fault]:
        """The answer (None = none at all) and the fault that was applied. Runs on the server's own thread."""
        if request.path.startswith("/_twin/"):
            return self.control(request), Fault()
        self.requests.append(request)
        fault = self._faults.popleft() if self._faults else Fault()
        right = self.answer(request) if fault.accepts or not (fault.status or fault.drop or fault.hang) else None
        if fault.drop or fault.hang:
            return None, fault
        return self._with(fault, right), fault

    def _with(self, fault: Fault, right: Answer | None) -> Answer:
        if fault.body is not None:
            right = Answer(fault.status or 200, fault.body)
        elif fault.status:
            right = self.refusal(fault.status, fault.code, fault.message)
        assert right is not None
        if fault.retry_after:
            right = replace(right, headers={**right.headers, "Retry-After": fault.retry_after})
        return replace(right, delay_seconds=right.delay_seconds + self.delay_seconds + fault.delay_seconds)

    def control(self, request: Received) -> Answer:
        """How another process looks in and gives orders: GET /_twin/state, POST /_twin/misbehave {times, ...fault}."""
        if request.path == "/_twin/misbehave":
            order = json.loads(request.body)
            self.misbehave(times=order.pop("times", 1), fault=Fault(**order))
        elif request.path == "/_twin/settings":
            self.delay_seconds = json.loads(request.body)["delay_seconds"]
        return Answer.json(200, self.state(int(request.query.get("since", 0))))

    def state(self, since: int) -> dict[str, Any]:
        return {"requests": len(self.requests), "refused": self.refused}

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve_thread, args=(ready,), name=type(self).__name__, daemon=True)
        self._thread.start()
        assert ready.wait(10), "the twin did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None and self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve_thread(self, ready: threading.Event) -> None:
        self._loop = asyncio.new_event_loop()
        server = self._loop.run_until_complete(self.listen(self._loop))
        ready.set()
        self._loop.run_forever()
        server.close()
        for connection in list(self._connections):
            connection.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.Server:
        server = await loop.create_server(lambda: _Connection(self, loop), "127.0.0.1", self.port, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        return server


class _Connection(asyncio.Protocol):
    """One connection: cuts requests out of the bytes and writes answers in their order."""

    def __init__(self, twin: HttpTwin, loop: asyncio.AbstractEventLoop) -> None:
        self._twin, self._loop = twin, loop
        self._buffer = bytearray()
        self._busy = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._twin._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._twin._connections.discard(self)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while not self._busy:
            request = self._next()
            if request is None:
                return
            self._treat(request)

    def _next(self) -> Received | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(self._buffer) < end + 4 + length:
            return None
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        method, target, _ = first.split(" ", 2)
        return Received(method, target, headers, body)

    def _treat(self, request: Received) -> None:
        answer, fault = self._twin.handle(request)
        if answer is not None and not answer.delay_seconds:
            return self._write(answer)
        self._busy = True
        if answer is not None:
            self._loop.call_later(answer.delay_seconds, self._late, answer)
        elif fault.drop:
            self._loop.call_later(fault.delay_seconds, self.abort)

    def _late(self, answer: Answer) -> None:
        self._busy = False
        self._write(answer)
        self.data_received(b"")

    def _write(self, answer: Answer) -> None:
        head = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}", f"Content-Type: {answer.content_type}"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        head += [f"Content-Length: {len(answer.body)}", "", ""]
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write("\r\n".join(head).encode("latin-1") + answer.body)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Other"


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that every answer takes")
    return parser


def run_as_process(twin: HttpTwin) -> None:
    """Serve until SIGTERM or Ctrl-C. The first line of output is {"base_url": ..., "pid": ...}, printed when it listens."""

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        async with await twin.listen(loop):
            print(json.dumps({"base_url": twin.base_url, "pid": os.getpid()}), flush=True)
            await stop.wait()

    asyncio.run(serve())
