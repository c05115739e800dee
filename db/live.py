"""Postgres NOTIFY as the bell between processes: it wakes, it never carries what must not be lost."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url
from sqlmodel import Session

from db.engine import DatabaseUnreachable, database_url, notices_of

log = logging.getLogger(__name__)

WORK = "frontdesk_work"  # a worker has something to do; payload: event, run or outbox
LIVE = "frontdesk_live"  # pages and chat windows have something to show; payload: JSON, see publish
RECONNECT_SECONDS = 1.0
CHECK_SECONDS = 1.0


def ring(tx: Session, kind: str) -> None:
    """Wake the workers once this transaction has committed: event, run, outbox or training."""
    notices_of(tx).append((WORK, kind))


def publish(tx: Session, workspace: UUID, topic: str, **ids: Any) -> None:
    """Tell open pages that something changed, once this transaction has committed.

    `topic`: message, conversation, handoff, approval, run, typing, source. `ids` are small: conversation="<uuid>", contact=..., state=...;
    None is left out. A page reads the rows itself; the notice only says which.
    """
    named = {name: str(value) for name, value in ids.items() if value is not None}
    notices_of(tx).append((LIVE, json.dumps({"workspace": str(workspace), "topic": topic, **named})))


class Listener(threading.Thread):
    """Calls `on_notice(channel, payload)` for each notice, in its own thread, and connects again when Postgres went away.

    `on_notice` is also called with an empty payload after every (re)connect: what happened meanwhile is in the tables.
    """

    def __init__(self, channels: Sequence[str], on_notice: Callable[[str, str], None]) -> None:
        super().__init__(name="frontdesk-listener", daemon=True)
        self._channels = channels
        self._on_notice = on_notice
        self._stopping = threading.Event()
        self.connected = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except (psycopg.Error, DatabaseUnreachable) as error:
                self.connected.clear()
                log.warning(
                    "Waiting for Postgres to listen again", extra={"action": "live.reconnect", "error": str(error)}
                )
                self._stopping.wait(RECONNECT_SECONDS)

    def _listen(self) -> None:
        url = make_url(database_url()).set(drivername="postgresql").difference_update_query(["pgbouncer"])
        # A listener sends nothing, so without keepalives it would not notice for hours that a router forgot the connection.
        with psycopg.connect(
            url.render_as_string(hide_password=False),
            autocommit=True,
            connect_timeout=10,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        ) as connection:
            for channel in self._channels:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            self.connected.set()
            for channel in self._channels:
                self._tell(channel, "")
            while not self._stopping.is_set():
                for notice in connection.notifies(timeout=CHECK_SECONDS):
                    self._tell(notice.channel, notice.payload)
                    if self._stopping.is_set():
                        return

    def _tell(self, channel: str, payload: str) -> None:
        try:
            self._on_notice(channel, payload)
        except Exception:  # the end of this thread would leave the process deaf; the next notice may well be handled
            log.exception("A notice was not handled", extra={"action": "live.notice_failed", "channel": channel})
