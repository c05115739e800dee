"""Live pages: a notice of Postgres becomes a server-sent event, and the event re-runs one fragment of an open page.

Nothing is asked at intervals. One listener per process feeds the hub, the hub feeds the open streams, and a stream belongs to
one browser tab. A notice only says what changed; the page reads the rows itself, with the rights of whoever is signed in.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from uuid import UUID

from db.live import LIVE, Listener

EVERYTHING = {"topic": "all"}  # something was missed: read again whatever is shown
MAX_PENDING = 50  # notices kept for a tab that is slow to read; more become one "all"
HEARTBEAT_SECONDS = 15.0


class Subscription:
    """One open stream. Notices arrive from the listener's thread and leave on the event loop."""

    def __init__(self, workspace: UUID, loop: asyncio.AbstractEventLoop) -> None:
        self.workspace = str(workspace)
        self._loop = loop
        self._wake = asyncio.Event()
        self._lock = threading.Lock()
        self._pending: dict[str, None] = {}  # ordered, and equal notices are one
        self._closed = False

    def push(self, notice: dict[str, str]) -> None:
        with self._lock:
            if len(self._pending) >= MAX_PENDING:
                self._pending = {json.dumps(EVERYTHING): None}
            else:
                self._pending[json.dumps(notice)] = None
        self._ring()

    def close(self) -> None:
        self._closed = True
        self._ring()

    async def batches(self, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> AsyncIterator[list[str]]:
        """Notices as JSON texts, as soon as there are any; an empty list is a heartbeat. Ends when the hub closes."""
        while not self._closed:
            try:
                await asyncio.wait_for(self._wake.wait(), heartbeat_seconds)
            except TimeoutError:
                yield []
                continue
            self._wake.clear()
            with self._lock:
                batch, self._pending = list(self._pending), {}
            if batch:
                yield batch

    def _ring(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)


class Hub:
    """Hands each notice to the streams of its workspace."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._lock = threading.Lock()

    def subscribe(self, workspace: UUID) -> Subscription:
        """Open a stream; call it on the event loop that will read it."""
        subscription = Subscription(workspace, asyncio.get_running_loop())
        with self._lock:
            self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.discard(subscription)

    def on_notice(self, channel: str, payload: str) -> None:
        """What the listener calls. An empty payload means that it connected anew, so anything may have changed."""
        notice: dict[str, str] = json.loads(payload) if payload else EVERYTHING
        workspace = notice.get("workspace")
        told = {name: value for name, value in notice.items() if name != "workspace"}
        for subscription in self.open():
            if workspace is None or workspace == subscription.workspace:
                subscription.push(told)

    def open(self) -> list[Subscription]:
        with self._lock:
            return list(self._subscriptions)

    def close(self) -> None:
        """End every stream, so that the server can stop at once."""
        for subscription in self.open():
            subscription.close()


def start_listener(on_notice: Callable[[str, str], None], channels: Sequence[str] = (LIVE,)) -> Listener:
    listener = Listener(channels, on_notice)
    listener.start()
    return listener


def as_events(batch: list[str]) -> str:
    """A batch in the wire form of server-sent events."""
    return "".join(f"data: {notice}\n\n" for notice in batch) or ": still here\n\n"
