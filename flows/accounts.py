"""The accounts behind connections, remembered for a few seconds so that each message does not read and decrypt anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from db import connections
from db.engine import transaction
from nodes.clients.channel import Account

FRESH_SECONDS = 3.0


@dataclass(frozen=True)
class KnownAccount:
    """An account and whether its connection may be used now."""

    account: Account
    active: bool
    reason: str


class Accounts:
    """Accounts by connection id; safe for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[UUID, tuple[float, KnownAccount]] = {}

    def get(self, tx: Session, connection_id: UUID) -> KnownAccount:
        """Raises LookupError where the connection is gone."""
        kept = self._known.get(connection_id)
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        found = connections.with_secrets(tx, connection_id)
        if found is None:
            raise LookupError(f"The connection {connection_id} does not exist any more.")
        row, secrets = found
        account = Account(row.id, row.workspace_id, row.kind, row.config, secrets)
        known = KnownAccount(account, row.state == "active", row.state_reason)
        self._known[connection_id] = (self._clock() + FRESH_SECONDS, known)
        return known

    def of(self, workspace: UUID, connection_id: UUID) -> KnownAccount:
        """Like `get`, with a transaction of its own only where one is needed."""
        kept = self._known.get(connection_id)
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        with transaction(workspace) as tx:
            return self.get(tx, connection_id)

    def forget(self, connection_id: UUID) -> None:
        """Read it again at the next use (it was paused or changed just now)."""
        self._known.pop(connection_id, None)
