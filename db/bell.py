"""Rings after the commit: the notices of finished transactions leave from one thread, gathered, on a connection of its own.

Not within the transactions: Postgres lets only one transaction with a NOTIFY commit at a time and holds the others back until the
disk has confirmed it, which under load made a webhook wait seconds for its answer. A notice only wakes; what it is about is in
the tables already, and who misses one looks there within a second.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from queue import Empty, SimpleQueue

import psycopg

log = logging.getLogger(__name__)

Notice = tuple[str, str]  # channel, payload
MOST_AT_ONCE = 500


class Bell:
    """One thread that rings what it is handed. `ring` never blocks and never raises."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[str, Notice]] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._url = ""

    def ring(self, url: str, notices: Iterable[Notice]) -> None:
        """Ring these soon in the database at `url` (a libpq address)."""
        for notice in notices:
            self._queue.put((url, notice))
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._loop, name="frontdesk-bell", daemon=True)
                self._thread.start()

    def _loop(self) -> None:
        while True:
            url, notice = self._queue.get()
            waiting = {notice: None}  # the same notice twice is one
            try:
                while len(waiting) < MOST_AT_ONCE:
                    next_url, notice = self._queue.get_nowait()
                    if next_url != url:
                        self._send(url, list(waiting))
                        url, waiting = next_url, {}
                    waiting[notice] = None
            except Empty:
                pass
            self._send(url, list(waiting))

    def _send(self, url: str, notices: list[Notice]) -> None:
        try:
            self._connected(url).execute(
                "SELECT pg_notify(channel, payload) FROM unnest(%s::text[], %s::text[]) AS n(channel, payload)",
                [[channel for channel, _ in notices], [payload for _, payload in notices]],
            )
        except psycopg.Error as error:
            self._let_go()
            log.info("A notice was not rung", extra={"action": "bell.silent", "error": str(error)[:200]})

    def _connected(self, url: str) -> psycopg.Connection[tuple[object, ...]]:
        if self._connection is None or self._connection.closed or url != self._url:
            self._let_go()
            # Nothing of value is written here, so no commit waits for the disk.
            self._connection = psycopg.connect(
                url, autocommit=True, connect_timeout=10, prepare_threshold=None, options="-c synchronous_commit=off"
            )
            self._url = url
        return self._connection

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


bell = Bell()
