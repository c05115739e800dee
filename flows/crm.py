"""The CRM of a workspace: its GoHighLevel connection as a client that keeps the limits and renews its own sign-in.

Connection kind `ghl`. config: location_id, location_name, timezone, country, base_url, auth (token | oauth), provider_id (the
conversation provider), company_id, app_id, client_id, install_url, sync_messages, sync_contacts, scopes. secrets: token, or
client_secret and the tokens of flows.crm_tokens.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from db import connections, limits, live
from db.engine import transaction
from db.secrets import SecretsUnreadable
from db.settings import get_settings
from flows.crm_limits import PATIENCE_SECONDS, SharedLimit
from flows.crm_tokens import StoredTokens
from nodes.clients import ghl
from nodes.clients.channel import Account
from nodes.clients.ghl import Ghl
from nodes.clients.ghl_answer import TOKEN_REFUSED, WRONG_LOCATION
from nodes.clients.ghl_http import BASE_URL, FixedToken, Tokens
from nodes.clients.ghl_oauth import App
from nodes.errors import ClientError, Rejected

KIND = "ghl"
REVIVE_SECONDS = 60.0
FRESH_SECONDS = 3.0  # how long a change of the connection may go unnoticed by a running process

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Crm:
    """A location that can be asked."""

    connection_id: UUID
    location_id: str
    config: Mapping[str, Any]
    client: Ghl


@dataclass(frozen=True)
class Standing:
    """How it stands with the workspace's CRM. `paused` = there is one, and what it is to get must wait; `reason` says why."""

    state: Literal["none", "active", "paused"]
    reason: str = ""
    crm: Crm | None = field(default=None, repr=False)


_NONE = Standing("none")
_known: dict[UUID, tuple[float, Standing]] = {}


def crm_of(workspace: UUID) -> Crm | None:
    """The CRM that may be asked now; None where none is connected or the connection is paused."""
    return standing(workspace).crm


def is_connected(workspace: UUID) -> bool:
    """Whether there is one to ask. Remembered for some seconds: this is asked at every message."""
    return standing(workspace).state == "active"


def standing(workspace: UUID) -> Standing:
    """The CRM and its state, at most FRESH_SECONDS old."""
    kept = _known.get(workspace)
    if kept is not None and kept[0] > time.monotonic():
        return kept[1]
    found = _look_up(workspace)
    _known[workspace] = (time.monotonic() + FRESH_SECONDS, found)
    return found


def forget(workspace: UUID) -> None:
    """Look it up again at the next use: the connection was changed just now."""
    _known.pop(workspace, None)


def client_of(account: Account, patience_seconds: float = PATIENCE_SECONDS) -> Ghl:
    """The client of a connection. `patience_seconds` = how long a call may wait for room under GHL's limit."""
    location = str(account.config.get("location_id") or "")
    return ghl.make(account.config, tokens_of(account), SharedLimit(account.workspace_id, location, patience_seconds))


def tokens_of(account: Account) -> Tokens:
    if is_oauth(account):
        return StoredTokens(account.workspace_id, account.id, app_of(account), account.secrets)
    return FixedToken(account.secrets.get("token", ""))


def is_oauth(account: Account) -> bool:
    return account.config.get("auth") == "oauth" or not account.secrets.get("token")


def app_of(account: Account | None) -> App | None:
    """The marketplace app: the connection's own, else the one of the environment; None where there is neither."""
    config: Mapping[str, Any] = account.config if account else {}
    secrets: Mapping[str, str] = account.secrets if account else {}
    chosen = get_settings()
    base_url = str(config.get("base_url") or chosen.ghl_base_url or BASE_URL)
    install_url = str(config.get("install_url") or chosen.ghl_install_url or "")
    if config.get("client_id") and secrets.get("client_secret"):
        return App(str(config["client_id"]), secrets["client_secret"], install_url, base_url)
    if chosen.ghl_client_id and chosen.ghl_client_secret:
        return App(chosen.ghl_client_id, chosen.ghl_client_secret.get_secret_value(), install_url, base_url)
    return None


def check(account: Account) -> str:
    """'' when the location can be used, else what to do: also which scopes are missing. Changes nothing at GHL."""
    if not account.config.get("location_id"):
        return (
            "The connection has no location. Enter the id of the sub-account, or sign in at GoHighLevel and choose one."
        )
    if not (account.secrets.get("token") or account.secrets.get("access_token")):
        return "The connection has no token. Enter a private integration token, or sign in at GoHighLevel."
    return ghl.problem_of(client_of(account, patience_seconds=10.0))


def revive(workspace: UUID) -> bool:
    """Use a connection again that GHL refused and accepts now, so that what waits for it goes on by itself.

    GHL refuses valid tokens too while it has trouble of its own. It is asked once a minute at most, and only where a refusal was
    the cause: what an admin paused, and a sign-in that has ended, stay as they are.
    """
    with transaction(workspace) as tx:
        chosen = connections.default(tx, KIND)
        if chosen is None or chosen.state != "paused" or chosen.state_reason not in (TOKEN_REFUSED, WRONG_LOCATION):
            return False
        if limits.take(tx, f"ghl-revive:{chosen.id}", 1, REVIVE_SECONDS, datetime.now(UTC)):
            return False
    try:
        client_of(account_of(workspace, chosen.id)).location()
    except Rejected as refused:
        if refused.code != "missing_scope":  # a token without that scope is accepted all the same
            return False
    except (ClientError, SecretsUnreadable):
        return False
    with transaction(workspace) as tx:
        connections.resume(tx, chosen.id)
        live.publish(tx, workspace, "connection", connection=chosen.id)
    forget(workspace)
    log.info("GoHighLevel accepts the token again", extra={"action": "ghl.revived", "connection": str(chosen.id)})
    return True


def learn_location(workspace: UUID, connection_id: UUID) -> dict[str, Any]:
    """Ask GHL for name, time zone and country of the location and keep them. Raises the errors of nodes.errors."""
    account = account_of(workspace, connection_id)
    found = client_of(account).location()
    known = {"location_name": "name", "timezone": "timezone", "country": "country", "company_id": "companyId"}
    learnt = {ours: str(found[theirs]) for ours, theirs in known.items() if found.get(theirs)}
    with transaction(workspace) as tx:
        connections.update(tx, connection_id, config=learnt)
    forget(workspace)
    return found


def account_of(workspace: UUID, connection_id: UUID) -> Account:
    """Raises LookupError where the connection is gone, SecretsUnreadable where its secrets are."""
    with transaction(workspace) as tx:
        found = connections.with_secrets(tx, connection_id)
    if found is None:
        raise LookupError(f"The connection {connection_id} does not exist any more.")
    row, secrets = found
    return Account(row.id, row.workspace_id, row.kind, row.config, secrets)


def _look_up(workspace: UUID) -> Standing:
    with transaction(workspace) as tx:
        chosen = connections.default(tx, KIND)
        if chosen is None:
            return _NONE
        if chosen.state != "active":
            return Standing("paused", chosen.state_reason)
        try:
            found = connections.with_secrets(tx, chosen.id)
        except SecretsUnreadable as error:
            return Standing("paused", str(error))
    assert found is not None
    row, secrets = found
    if not row.config.get("location_id") or not (secrets.get("token") or secrets.get("access_token")):
        return _NONE
    account = Account(row.id, row.workspace_id, row.kind, row.config, secrets)
    return Standing("active", "", Crm(row.id, str(row.config["location_id"]), row.config, client_of(account)))
