"""Spreads the notices of Postgres over everybody who watches in this process: one listener, a small queue per watcher."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from db.live import LIVE, Listener
from webhook_server.errors import Refusal

log = logging.getLogger(__name__)

QUEUE_LENGTH = 200  # notices a watcher may lag behind before it is dropped
MOST_PER_WATCHER = 20  # open streams of one key or visitor
MOST_WATCHERS = 2000


@dataclass(frozen=True)
class Notice:
    """Something changed; `ids` say what. The topic `resync` means: read everything again, notices were lost."""

    topic: str
    ids: Mapping[str, str] = field(default_factory=dict)


RESYNC = Notice("resync")
CLOSED = Notice("closed")


class Watch:
    """The notices of one workspace for one watcher."""

    def __init__(self, watcher: str) -> None:
        self.watcher = watcher
        self._queue: asyncio.Queue[Notice] = asyncio.Queue(QUEUE_LENGTH)
        self._ending = False

    async def next(self, timeout_seconds: float) -> Notice | None:
        """The next notice, None after a quiet `timeout_seconds`. CLOSED is the last one."""
        if self.over:
            return CLOSED
        try:
            return await asyncio.wait_for(self._queue.get(), timeout_seconds)
        except TimeoutError:
            return None

    @property
    def over(self) -> bool:
        """Whether the last notice has been handed out."""
        return self._ending and self._queue.empty()

    def skip_waiting(self) -> None:
        """Drop what waits, for a watcher that is about to read everything anyway."""
        while not self._ending and not self._queue.empty():
            self._queue.get_nowait()

    def put(self, notice: Notice) -> None:
        if self._ending:
            return
        try:
            self._queue.put_nowait(notice)
        except asyncio.QueueFull:
            self.end(RESYNC)

    def end(self, last: Notice = CLOSED) -> None:
        """Drop what waits; the watcher sees `last`, then the end."""
        self._ending = True
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(last)


class Bell(Protocol):
    """What rings the hub: db.live.Listener, or a hand in a test."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Hub:
    """All watchers of this process. Everything but the bell's thread runs on one event loop."""

    def __init__(self, make_bell: Callable[[Callable[[str, str], None]], Bell] | None = None) -> None:
        self._make_bell = make_bell or (lambda on_notice: Listener([LIVE], on_notice))
        self._bell: Bell | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watches: dict[str, set[Watch]] = {}
        self._per_watcher: Counter[str] = Counter()
        self._closed = False

    @contextmanager
    def watch(self, workspace: object, watcher: str) -> Iterator[Watch]:
        """Follow a workspace until the block ends."""
        self._start()
        watch = Watch(watcher)
        self._watches.setdefault(str(workspace), set()).add(watch)
        self._per_watcher[watcher] += 1
        if self._closed:
            watch.end()
        try:
            yield watch
        finally:
            self._leave(str(workspace), watch)

    def check_room(self, watcher: str) -> None:
        """Raises Refusal 429 where the watcher, or this process, has too many streams open."""
        if self._per_watcher.get(watcher, 0) >= MOST_PER_WATCHER or self.count() >= MOST_WATCHERS:
            raise Refusal(429, "too_many_streams", "Too many live streams are open. Close one first.")

    def count(self) -> int:
        """How many streams are open."""
        return self._per_watcher.total()

    def close_soon(self) -> None:
        """`close` from another thread, or from a signal."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.close)

    def close(self) -> None:
        """End every stream; the server is stopping. Browsers come back by themselves."""
        self._closed = True
        for watches in self._watches.values():
            for watch in watches:
                watch.end()
        if self._bell:
            self._bell.stop()
            self._bell = None

    def _leave(self, workspace: str, watch: Watch) -> None:
        self._watches[workspace].discard(watch)
        if not self._watches[workspace]:
            del self._watches[workspace]
        self._per_watcher[watch.watcher] -= 1
        if not self._per_watcher[watch.watcher]:
            del self._per_watcher[watch.watcher]

    def _start(self) -> None:
        # At the first watcher, not at start-up: a serverless instance that only takes webhooks needs no listener.
        if self._bell is None and not self._closed:
            self._loop = asyncio.get_running_loop()
            self._bell = self._make_bell(self._on_notice)
            self._bell.start()

    def _on_notice(self, _channel: str, payload: str) -> None:
        """Called in the bell's thread."""
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._spread, payload)

    def _spread(self, payload: str) -> None:
        if not payload:  # the listener connected again: what happened meanwhile is in the tables
            for watch in [watch for watches in self._watches.values() for watch in watches]:
                watch.put(RESYNC)
            return
        try:
            ids = {str(name): str(value) for name, value in json.loads(payload).items()}
        except (ValueError, AttributeError):
            log.warning("A notice could not be read", extra={"action": "live.unreadable"})
            return
        notice = Notice(ids.pop("topic", ""), ids)
        for watch in list(self._watches.get(ids.pop("workspace", ""), ())):
            watch.put(notice)
