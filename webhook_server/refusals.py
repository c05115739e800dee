"""What a wrong signature or token costs: one audit row per address and minute, and 429 after too many.

A provider calls for many customers from the same addresses, so somebody else's wrong calls from there must not lock ours
out: a refused address is only kept away from the database, its signatures are still checked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from db import audit, limits
from db.engine import system

REFUSED_PER_MINUTE = 30
MOST_KEPT = 10_000


class Refusals:
    """Counts refused calls per address; safe for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def wait(self, address: str) -> float:
        """Seconds until the address may cost database work again; 0 = now."""
        return max(0.0, self._until.get(address, 0.0) - self._clock())

    def record(
        self, address: str, reason: str, *, subject: str, workspace: UUID | None, action: str = "webhook.refused"
    ) -> float:
        """Note one refused call; returns the seconds the address has to wait, 0 while it is below the limit."""
        if wait := self.wait(address):
            return wait
        now = datetime.now(UTC)
        with system() as tx:
            if not limits.take(tx, f"refused-audit:{action}:{address}", 1, 60, now):
                audit.record(tx, workspace, f"address:{address}", action, subject, reason=reason[:300])
            wait = limits.take(tx, f"refused:{address}", REFUSED_PER_MINUTE, 60, now)
        if wait:
            self._remember(address, wait)
        return wait

    def _remember(self, address: str, wait: float) -> None:
        if len(self._until) >= MOST_KEPT:
            self._until.clear()
        self._until[address] = self._clock() + wait
