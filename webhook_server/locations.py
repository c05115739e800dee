"""The CRM connection that a call is for: by the location or agency that its body names, or by the token in its address.

Remembered for a few seconds, also that there is none. A signed call needs no secret of ours, so none is decrypted.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable

from db import connections
from db.engine import system
from nodes.clients.channel import Account

KEEP_SECONDS = 5.0
MOST_KEPT = 1000
KIND = "ghl"


class Locations:
    """Looks CRM connections up by one of their settings; safe for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, Account | None]] = {}

    def of(self, location_id: str, company_id: str) -> Account | None:
        """Of a location, or where a call names only the agency, of a location of that agency."""
        if location_id:
            return self._find("location_id", location_id)
        return self._find("company_id", company_id) if company_id else None

    def of_token(self, token: str) -> Account | None:
        """Of the token in the address of a workflow's webhook step."""
        account = self._find("workflow_token", token) if token else None
        if account is None or not hmac.compare_digest(str(account.config["workflow_token"]).encode(), token.encode()):
            return None
        return account

    def _find(self, name: str, value: str) -> Account | None:
        if (kept := self._kept.get((name, value))) and kept[0] > self._clock():
            return kept[1]
        account = _read(name, value)
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[(name, value)] = (self._clock() + KEEP_SECONDS, account)
        return account


def _read(name: str, value: str) -> Account | None:
    with system() as tx:
        row = connections.find_by(tx, KIND, name, value)
    return Account(row.id, row.workspace_id, row.kind, row.config, {}) if row else None
