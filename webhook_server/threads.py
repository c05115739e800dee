"""Small pools of threads, so that webhooks, the API and the chat never wait for each other's database connections."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import anyio
import anyio.to_thread

T = TypeVar("T")

# Together no more than the 10 connections of db.engine, so no thread ever waits for one.
WEBHOOK_THREADS = 4
API_THREADS = 3
CHAT_THREADS = 2
HEALTH_THREADS = 1
ANSWER_THREADS = 2  # beyond the 10: they wait for models nearly all the time, and hold no connection meanwhile


class Threads:
    """Runs synchronous functions, at most `most` at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        if self._limiter is None:  # made inside the event loop that uses it
            self._limiter = anyio.CapacityLimiter(self._most)
        return await anyio.to_thread.run_sync(partial(function, *args, **options), limiter=self._limiter)
