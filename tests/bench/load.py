"""A load generator that costs little: kept-open connections, requests made beforehand, no HTTP library."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.twilio_twin import Webhook


@dataclass
class Posted:
    """One webhook call: when it began, how long the answer took, what it was. Times are time.monotonic()."""

    key: str  # stands in the message's text, and so in the model's answer to it
    began: float = 0.0
    seconds: float = 0.0
    status: int = 0


class Connections:
    """Kept-open connections to one server; each carries one request at a time."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, call: Webhook) -> int:
        """The status of the answer."""
        parts = urlsplit(call.url)
        head = [f"POST {parts.path} HTTP/1.1", f"host: {self._host}:{self._port}", f"content-length: {len(call.body)}"]
        head += [f"{name}: {value}" for name, value in call.headers.items()]
        status, _ = await self._exchange("\r\n".join([*head, "", ""]).encode() + call.body)
        return status

    async def get(self, path: str) -> Any:
        """The JSON answer."""
        _, body = await self._exchange(f"GET {path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\n\r\n".encode())
        return json.loads(body)

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        while self._idle:
            kept = self._idle.pop()
            try:
                return await self._on(*kept, request)
            except (asyncio.IncompleteReadError, ConnectionError):
                kept[1].close()  # the server closed it while it was idle
        return await self._on(*await asyncio.open_connection(self._host, self._port), request)

    async def _on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> tuple[int, bytes]:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        self._idle.append((reader, writer))
        return int(head.split(b" ", 2)[1]), body

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()


@dataclass
class Replies:
    """What arrived at the Twilio twin, by the key in its text."""

    twin: Connections
    arrived: dict[str, list[float]] = field(default_factory=dict)
    seen: int = 0

    async def look(self) -> None:
        """Fetch what is new."""
        state = await self.twin.get(f"/_twin/state?since={self.seen}")
        self.seen += len(state["sent"])
        for message in state["sent"]:
            for key in {word for word in message["body"].split() if word.startswith("key")}:
                self.arrived.setdefault(key, []).append(message["monotonic"])

    async def wait_for(self, posted: Sequence[Posted], seconds: float, pause: float) -> bool:
        """Whether all of them were answered in time."""
        deadline = time.monotonic() + seconds
        while any(each.key not in self.arrived for each in posted):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(pause)
            await self.look()
        return True


async def post(door: Connections, call: Webhook, key: str) -> Posted:
    posted = Posted(key, began=time.monotonic())
    posted.status = await door.post(call)
    posted.seconds = time.monotonic() - posted.began
    return posted


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]
