"""A workspace that is connected to a twin of GoHighLevel, for tests of what goes between the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db import connections
from db.engine import system, transaction
from flows.crm import account_of, client_of
from nodes.clients.channel import Account
from nodes.clients.ghl import Ghl
from tests.db.builders import a_workspace
from tests.fakes.ghl_twin import APP_ID, CLIENT_ID, CLIENT_SECRET, COMPANY_ID, TOKEN, GhlTwin


@dataclass(frozen=True)
class Desk:
    workspace: UUID
    connection: UUID

    @property
    def account(self) -> Account:
        return account_of(self.workspace, self.connection)

    def client(self, patience_seconds: float = 30.0) -> Ghl:
        return client_of(self.account, patience_seconds)

    def change(self, *, config: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None) -> None:
        with transaction(self.workspace) as tx:
            connections.update(tx, self.connection, config=config, secrets=secrets)

    def state(self) -> tuple[str, str]:
        with transaction(self.workspace) as tx:
            found = connections.get(tx, self.connection)
        assert found is not None
        return found.state, found.state_reason


def by_token(twin: GhlTwin, workspace: UUID | None = None, **config: Any) -> Desk:
    """Connected by private integration token."""
    return _desk(twin, {"auth": "token", **config}, {"token": TOKEN}, workspace)


def by_oauth(twin: GhlTwin, workspace: UUID | None = None, **secrets: str) -> Desk:
    """Connected by sign-in, with a pair of tokens that lasts a day unless `expires_at` says otherwise."""
    pair = twin.issue()
    kept = {name: str(pair[name]) for name in ("access_token", "refresh_token")}
    config = {"auth": "oauth", "client_id": CLIENT_ID, "company_id": COMPANY_ID, "app_id": APP_ID}
    kept |= {"client_secret": CLIENT_SECRET, "expires_at": "2100-01-01T00:00:00+00:00", **secrets}
    return _desk(twin, config, kept, workspace)


def _desk(twin: GhlTwin, config: Mapping[str, Any], secrets: Mapping[str, str], workspace: UUID | None) -> Desk:
    whole = {"location_id": twin.location_id, "base_url": twin.base_url, **config}
    with system() as tx:
        place = workspace or a_workspace(tx)
        made = connections.create(tx, place, "ghl", "GoHighLevel", whole, secrets, is_default=True)
    return Desk(place, made.id)
