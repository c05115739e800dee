"""The OAuth tokens of a GoHighLevel connection: exchanged in time, by one process at a time, and stored before they are used.

A refresh token works once. So: one thread of a process, one process of all (a slot with a lease in the database), read again
what is stored once it is our turn, exchange with no transaction open, store, use. Secrets of the connection: access_token,
refresh_token, expires_at; for an installation by the agency company_access_token, company_refresh_token and company_expires_at,
out of which the location's token is made.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from db import audit, connections, live, slots
from db.engine import DatabaseBusy, DatabaseUnreachable, transaction
from nodes.clients import ghl_oauth
from nodes.clients.ghl_oauth import App, Grant
from nodes.errors import AuthFailed, ClientError, NotSent

AHEAD = timedelta(minutes=10)  # before its end a token is exchanged
LEASE_SECONDS = 40.0  # of an exchange; its two calls take 15 s each at most
WAIT_SECONDS = 45.0
POLL_SECONDS = 0.05
STORE_TRIES = 5

log = logging.getLogger(__name__)
_locks: defaultdict[UUID, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class Kept:
    """The tokens as they are stored."""

    secrets: Mapping[str, str] = field(repr=False)

    @property
    def access_token(self) -> str:
        return self.secrets.get("access_token", "")

    def ends_soon(self, prefix: str = "") -> bool:
        return _moment(self.secrets.get(f"{prefix}expires_at", "")) - datetime.now(UTC) < AHEAD

    def has_ended(self) -> bool:
        return _moment(self.secrets.get("expires_at", "")) <= datetime.now(UTC)


class StoredTokens:
    """The tokens of one connection, for nodes.clients.ghl_http; safe for several threads and processes."""

    def __init__(self, workspace: UUID, connection: UUID, app: App | None, secrets: Mapping[str, str]) -> None:
        self._workspace, self._connection, self._app = workspace, connection, app
        self._kept = Kept(dict(secrets))

    def __repr__(self) -> str:
        return f"StoredTokens(connection={self._connection})"

    def token(self) -> str:
        """The access token, exchanged ten minutes before its end. Where that fails, it is used until it ends."""
        kept = self._kept
        if kept.access_token and not kept.ends_soon():
            return kept.access_token
        try:
            return self._exchanged(kept.access_token)
        except AuthFailed:
            raise
        except ClientError as error:
            if kept.has_ended():
                raise NotSent(f"The sign-in at GoHighLevel could not be renewed: {error.reason}") from error
            return kept.access_token

    def instead_of(self, stale: str) -> str:
        """The token after `stale`, which GHL refused: another process's, or a new one."""
        return self._exchanged(stale)

    def company_token(self) -> str:
        """The agency's own token, for an installation by the agency; '' where there is none."""
        with _locks[self._connection]:
            kept = self._read()
            if not kept.secrets.get("company_refresh_token"):
                return ""
            if kept.ends_soon("company_"):
                kept = self._alone(kept.secrets.get("company_access_token", ""), "company_")
            return kept.secrets.get("company_access_token", "")

    def _exchanged(self, stale: str) -> str:
        with _locks[self._connection]:
            self._kept = self._alone(stale, "")
            return self._kept.access_token

    def _alone(self, stale: str, prefix: str) -> Kept:
        """What is stored once it is our turn, exchanged unless somebody did that meanwhile."""
        until = time.monotonic() + WAIT_SECONDS
        while True:
            kept = self._read()
            if kept.secrets.get(f"{prefix}access_token", "") != stale and not kept.ends_soon(prefix):
                return kept
            slot = self._turn()
            if slot is not None:
                break
            if time.monotonic() > until:
                raise NotSent("Another process renews the sign-in at GoHighLevel and does not come to an end.")
            time.sleep(POLL_SECONDS)
        try:
            kept = self._read()
            if kept.secrets.get(f"{prefix}access_token", "") != stale and not kept.ends_soon(prefix):
                return kept
            return self._exchange(kept, prefix)
        finally:
            self._give_back(slot)

    def _exchange(self, kept: Kept, prefix: str) -> Kept:
        if self._app is None:
            raise AuthFailed(
                "The client id and secret of the marketplace app are missing. Enter them in the connection."
            )
        try:
            if kept.secrets.get("company_refresh_token"):
                return self._by_company(self._app, kept, prefix)
            grant = ghl_oauth.refresh(self._app, kept.secrets.get("refresh_token", ""), "Location")
            return self._store(kept, stored(grant))
        except AuthFailed as error:
            return self._after_refusal(kept, error)

    def _by_company(self, app: App, kept: Kept, prefix: str) -> Kept:
        if prefix or kept.ends_soon("company_"):
            grant = ghl_oauth.refresh(app, kept.secrets["company_refresh_token"], "Company")
            kept = self._store(kept, stored(grant, "company_"))
        if prefix:
            return kept
        location, company = kept.secrets.get("location_id", ""), kept.secrets.get("company_id", "")
        return self._store(
            kept,
            stored(ghl_oauth.location_token(app.base_url, kept.secrets["company_access_token"], company, location)),
        )

    def _after_refusal(self, kept: Kept, error: AuthFailed) -> Kept:
        """A refused refresh token ends the connection, unless a newer one was stored since we read."""
        now = self._read()
        if now.secrets != kept.secrets and not now.ends_soon():
            return now
        with transaction(self._workspace) as tx:
            present = connections.get(tx, self._connection)
            if present is not None and (present.state, present.state_reason) == ("paused", error.reason):
                raise error  # known; this was a look whether it works again
            connections.pause(tx, self._connection, error.reason)
            audit.record(
                tx,
                self._workspace,
                "system",
                "connection.paused",
                f"connection:{self._connection}",
                reason=error.reason,
            )
            live.publish(tx, self._workspace, "connection", connection=self._connection)
        log.error(
            "The sign-in at GoHighLevel has ended",
            extra={"action": "ghl.sign_in_ended", "connection": self._connection},
        )
        raise error

    def _read(self) -> Kept:
        with transaction(self._workspace) as tx:
            found = connections.with_secrets(tx, self._connection)
        if found is None:
            raise AuthFailed("The GoHighLevel connection does not exist any more.")
        row, secrets = found
        place = {name: str(row.config.get(name) or "") for name in ("location_id", "company_id")}
        return Kept({**secrets, **place})

    def _store(self, kept: Kept, changes: Mapping[str, str]) -> Kept:
        """Write the new pair before anybody uses it. It cannot be had twice, so the database gets several tries."""
        for attempt in range(STORE_TRIES):
            try:
                with transaction(self._workspace) as tx:
                    connections.update(tx, self._connection, secrets=changes)
                return Kept({**kept.secrets, **changes})
            except (DatabaseUnreachable, DatabaseBusy, SQLAlchemyError):
                if attempt == STORE_TRIES - 1:
                    log.critical("New tokens of GoHighLevel could not be stored", extra={"action": "ghl.tokens_lost"})
                    raise
                time.sleep(0.2 * 2**attempt)
        raise AssertionError

    def _turn(self) -> int | None:
        with transaction(self._workspace, durable=False) as tx:
            return slots.take(tx, f"ghl-tokens:{self._connection}", 1, 0, LEASE_SECONDS)[0]

    def _give_back(self, slot: int) -> None:
        with transaction(self._workspace, durable=False) as tx:
            slots.give_back(tx, slot, 0)


def stored(grant: Grant, prefix: str = "") -> dict[str, str]:
    """A grant as secrets of a connection."""
    ends = datetime.now(UTC) + timedelta(seconds=grant.expires_in)
    found = {f"{prefix}access_token": grant.access_token, f"{prefix}expires_at": ends.isoformat()}
    return found | ({f"{prefix}refresh_token": grant.refresh_token} if grant.refresh_token else {})


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
