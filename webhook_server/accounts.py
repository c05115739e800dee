"""The accounts behind webhook addresses, remembered for a few seconds so that a call does not read and decrypt each time."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from db import connections
from db.engine import system
from nodes.clients.channel import Account

KEEP_SECONDS = 5.0
MOST_KEPT = 1000

Key = tuple[str, UUID | None]


class Accounts:
    """Looks accounts up by kind and connection; safe for several threads.

    An account belongs to exactly the address it was looked up by, so one workspace never answers for another.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[Key, tuple[float, Account | None]] = {}

    def find(self, kind: str, connection: UUID | None, *, fresh: bool = False) -> Account | None:
        """The account of an address; `connection` None = the default one. None where there is none."""
        if not fresh and (kept := self._kept.get((kind, connection))) and kept[0] > self._clock():
            return kept[1]
        account = _read(kind, connection)
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[(kind, connection)] = (self._clock() + KEEP_SECONDS, account)
        return account

    def is_kept(self, kind: str, connection: UUID | None) -> bool:
        """Whether `find` would answer without the database."""
        kept = self._kept.get((kind, connection))
        return kept is not None and kept[0] > self._clock()

    def forget(self) -> None:
        self._kept.clear()


def _read(kind: str, connection: UUID | None) -> Account | None:
    with system() as tx:
        found = connections.find(tx, kind, str(connection) if connection else None)
    if found is None:
        return None
    row, secrets = found
    return Account(id=row.id, workspace_id=row.workspace_id, kind=row.kind, config=row.config, secrets=secrets)
