"""GoHighLevel's limits, kept by all processes together: 100 calls in 10 s and 200,000 a day for each location."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from db import limits, slots
from db.engine import DatabaseBusy, DatabaseUnreachable, transaction
from db.settings import get_settings
from nodes.errors import Throttled

PATIENCE_SECONDS = 2.0  # how long a call waits for room before it is put off
LONGEST_SECONDS = 60.0  # of one call; afterwards its slot is taken from it
DAY_SECONDS = 86_400

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SharedLimit:
    """Room for calls to one location. It is the location's, whichever workspace or connection asks."""

    workspace: UUID
    location_id: str
    patience_seconds: float = PATIENCE_SECONDS

    @contextmanager
    def one_call(self) -> Iterator[None]:
        """Wait for room, at most `patience_seconds`; then Throttled. The room is kept until the answer is there."""
        slot = self._take()
        try:
            yield
        finally:
            self._give_back(slot)

    def hold(self, seconds: float) -> None:
        """GHL refused with 429 all the same: somebody else uses its limit too."""
        with transaction(self.workspace, durable=False) as tx:
            slots.hold(tx, self._key, seconds)

    @property
    def _key(self) -> str:
        return f"ghl:{self.location_id}"

    def _take(self) -> int | None:
        until = time.monotonic() + self.patience_seconds
        while True:
            slot, wait = self._try()
            if wait <= 0:
                return slot
            if time.monotonic() + wait > until:
                raise Throttled("The limit of calls to this GoHighLevel location is reached.", wait)
            time.sleep(wait)

    def _try(self) -> tuple[int | None, float]:
        chosen = get_settings()
        if not chosen.limit_ghl_burst:
            return None, 0.0
        window = chosen.limit_ghl_burst_seconds
        with transaction(self.workspace, durable=False) as tx:
            slot, wait = slots.take(tx, self._key, chosen.limit_ghl_burst, window, LONGEST_SECONDS)
            if slot is None:
                return None, wait
            day = limits.take(tx, f"{self._key}:day", chosen.limit_ghl_per_day, DAY_SECONDS, datetime.now(UTC))
            if day:
                slots.give_back(tx, slot, 0)
                return None, day
        return slot, 0.0

    def _give_back(self, slot: int | None) -> None:
        if slot is None:
            return
        try:
            with transaction(self.workspace, durable=False) as tx:
                slots.give_back(tx, slot, get_settings().limit_ghl_burst_seconds)
        except (DatabaseUnreachable, DatabaseBusy, SQLAlchemyError) as error:
            # What GHL answered counts; the slot frees itself later.
            log.warning(
                "A slot could not be given back", extra={"action": "ghl.slot_kept", "error": type(error).__name__}
            )
