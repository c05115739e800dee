"""Rings after the commit: the notices of finished transactions leave from one thread, gathered, on a connection of its own.

Not within the transactions: Postgres lets only one transaction with a NOTIFY commit at a time and holds the others back until the
disk has confirmed it, which under load made a webhook wait seconds for its answer. A notice only wakes; what it is about is in
the tables already, and who misses one looks there within a second.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from queue import Empty, SimpleQueue

import psycopg

log = logging.getLogger(__name__)

Notice = tuple[str, str]  # channel, payload
MOST_AT_ONCE = 500
# Nothing of value is written here, so the commit does not wait for the disk. One JSON text is quicker to pass than two arrays.
_RING = """
    SELECT set_config('synchronous_commit', 'off', true), pg_notify(n.notice ->> 0, n.notice ->> 1)
    FROM json_array_elements(%s::json) AS n(notice)
"""


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
            self._connected(url).execute(_RING, [json.dumps(notices)])
        except psycopg.Error as error:
            self._let_go()
            log.info("A notice was not rung", extra={"action": "bell.silent", "error": str(error)[:200]})

    def _connected(self, url: str) -> psycopg.Connection[tuple[object, ...]]:
        if self._connection is None or self._connection.closed or url != self._url:
            self._let_go()
            self._connection = psycopg.connect(url, autocommit=True, connect_timeout=10, prepare_threshold=None)
            self._url = url
        return self._connection

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


bell = Bell()
