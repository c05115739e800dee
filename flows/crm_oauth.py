"""Connecting GoHighLevel by sign-in: the way there and back, choosing a location, and what install and uninstall change.

The way back is bound to the way out: `state` is a sealed, short-lived text that works once, and the browser that left has it as
a cookie. GHL does not promise to give `state` back, so the cookie alone is enough; both must be the same where both are there.
"""

from __future__ import annotations

import json
import logging
import secrets as random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from db import audit, connections, limits, live
from db import secrets as sealed
from db.engine import rows, system, transaction
from db.records import Connection
from db.settings import get_settings
from flows import crm
from flows.actions import ActionRefused
from flows.crm_tokens import StoredTokens, stored
from nodes.clients import ghl_oauth
from nodes.clients.channel import Account
from nodes.clients.ghl_http import BASE_URL
from nodes.clients.ghl_oauth import App, Grant
from nodes.clients.ghl_scopes import COMPANY_SCOPES, SCOPES
from nodes.errors import ClientError

CALLBACK, START = "/oauth/ghl/callback", "/oauth/ghl/start"
ON_THE_WAY = timedelta(minutes=15)
CHOOSE = "Choose the location of this workspace: the agency signed in, which has several."
TOKENS = (
    "access_token",
    "refresh_token",
    "expires_at",
    "company_access_token",
    "company_refresh_token",
    "company_expires_at",
)
NAME = "GoHighLevel"

log = logging.getLogger(__name__)


class SignInRefused(Exception):
    """The way back does not belong to a way out; the message is the sentence to show."""


@dataclass(frozen=True)
class Errand:
    """Who left for GoHighLevel, for which workspace."""

    workspace: UUID
    user: UUID
    nonce: str
    agency: bool
    ends: datetime


@dataclass(frozen=True)
class Connected:
    """What came of a sign-in. `needs_location` = the agency signed in, and its location is still to be chosen."""

    workspace: UUID
    connection: UUID
    needs_location: bool


def redirect_uri() -> str:
    """The redirect address to enter in the marketplace app."""
    return get_settings().public_url + CALLBACK


def begin(workspace: UUID, user: UUID, *, agency: bool = False) -> str:
    """The address to open in the admin's browser. It is on our own server, which sets the cookie and sends on to GHL.

    `agency` also asks for what an agency needs to choose among its locations. Raises ActionRefused without an app.
    """
    _app(workspace)
    ends = datetime.now(UTC) + ON_THE_WAY
    values = {"workspace": str(workspace), "user": str(user), "nonce": random.token_urlsafe(16)}
    text = sealed.seal({**values, "agency": "yes" if agency else "", "ends": ends.isoformat()}).decode()
    return f"{get_settings().public_url}{START}?state={text}"


def authorize_url(state: str) -> str:
    """GHL's page for a state that `begin` made. Raises SignInRefused."""
    errand = _read(state)
    scopes = (*SCOPES, *COMPANY_SCOPES) if errand.agency else SCOPES
    return ghl_oauth.authorize_url(_app(errand.workspace), redirect_uri(), state, scopes)


def finish(code: str, state: str) -> Connected:
    """Exchange the code and keep the connection, the default one from now on. A state works once.

    Raises SignInRefused for a state that is not ours, ended or was used, and the errors of nodes.errors from GHL.
    """
    errand = _read(state)
    with transaction(errand.workspace) as tx:
        if limits.take(tx, f"ghl-sign-in:{errand.nonce}", 1, 2 * ON_THE_WAY.total_seconds(), datetime.now(UTC)):
            raise SignInRefused("This way back was used before. Begin again on the page CRM.")
    app = _app(errand.workspace)
    grant = ghl_oauth.exchange_code(app, code, redirect_uri())
    with transaction(errand.workspace) as tx:
        connection = _keep(tx, errand, app, grant)
    crm.forget(errand.workspace)
    if grant.location_id:
        _learn(errand.workspace, connection)
    return Connected(errand.workspace, connection, not grant.location_id)


def locations(workspace: UUID, connection: UUID) -> list[tuple[str, str]]:
    """(id, name) of the locations that the agency has the app in; the one of a location's own sign-in. For the page."""
    account = crm.account_of(workspace, connection)
    if not account.secrets.get("company_refresh_token"):
        location = str(account.config.get("location_id") or "")
        return [(location, str(account.config.get("location_name") or location))] if location else []
    company, app_id = str(account.config.get("company_id") or ""), str(account.config.get("app_id") or "")
    app = _app(workspace)
    return list(ghl_oauth.installed_locations(app.base_url, _tokens(account).company_token(), company, app_id))


def choose_location(workspace: UUID, user: UUID, connection: UUID, location_id: str) -> None:
    """Make the location's token out of the agency's and use the connection. Raises the errors of nodes.errors."""
    account = crm.account_of(workspace, connection)
    token = _tokens(account).company_token()
    if not token:
        raise ActionRefused("Only an agency's sign-in has several locations. Connect again to choose another one.")
    company = str(account.config.get("company_id") or "")
    grant = ghl_oauth.location_token(_app(workspace).base_url, token, company, location_id)
    with transaction(workspace) as tx:
        # What was known of another location is not true of this one.
        config = {"location_id": location_id, "location_name": "", "timezone": "", "country": ""}
        connections.update(tx, connection, config=config, secrets=stored(grant))
        connections.resume(tx, connection)
        _note(tx, workspace, f"user:{user}", "connection.changed", connection)
    crm.forget(workspace)
    _learn(workspace, connection)


def uninstalled(*, location_id: str = "", company_id: str = "", app_id: str = "") -> int:
    """The app was taken out of a location, or of a whole agency: nothing is sent any more and the tokens are deleted.

    Returns how many connections that were. A private integration token is none of the app's, so it stays. Idempotent.
    """
    with system() as tx:
        found = rows(
            tx,
            "SELECT id, workspace_id FROM connections WHERE kind = 'ghl' AND config->>'auth' = 'oauth'"
            " AND CASE WHEN %(location)s <> '' THEN config->>'location_id' = %(location)s"
            " ELSE %(company)s <> '' AND config->>'company_id' = %(company)s END"
            " AND (%(app)s = '' OR coalesce(config->>'app_id', '') IN ('', %(app)s)) ORDER BY id FOR NO KEY UPDATE",
            location=location_id,
            company=company_id,
            app=app_id,
        )
        for row in found:
            connections.update(tx, row["id"], secrets=dict.fromkeys(TOKENS, ""))
            connections.pause(tx, row["id"], "The app was uninstalled in GoHighLevel. Connect again to use it.")
            _note(tx, row["workspace_id"], "system", "connection.uninstalled", row["id"])
    for row in found:
        crm.forget(row["workspace_id"])
    return len(found)


def installed(*, location_id: str = "", company_id: str = "") -> str:
    """What an INSTALL event means for us, as a sentence: it brings no tokens, so nothing is connected by it alone."""
    if location_id:
        return "The app was installed in the location. It is connected by signing in on the page CRM."
    return f"The app was installed for the agency {company_id}. Sign in as the agency on the page CRM to choose a location."


def _read(state: str) -> Errand:
    try:
        values = sealed.unseal(state.encode())
        errand = Errand(
            UUID(values["workspace"]),
            UUID(values["user"]),
            values["nonce"],
            bool(values["agency"]),
            datetime.fromisoformat(values["ends"]),
        )
    except (sealed.SecretsUnreadable, json.JSONDecodeError, KeyError, ValueError) as error:
        raise SignInRefused("This way back does not belong to a sign-in from here. Begin on the page CRM.") from error
    if errand.ends < datetime.now(UTC):
        raise SignInRefused("The sign-in took too long. Begin again on the page CRM.")
    return errand


def _app(workspace: UUID) -> App:
    with transaction(workspace) as tx:
        found = [connections.with_secrets(tx, each.id) for each in connections.of_kind(tx, crm.KIND)]
    accounts = [
        Account(row.id, row.workspace_id, row.kind, row.config, secrets) for row, secrets in filter(None, found)
    ]
    own = next((each for each in accounts if each.config.get("client_id") and each.secrets.get("client_secret")), None)
    app = crm.app_of(own or (accounts[0] if accounts else None))
    if app is None:
        raise ActionRefused(
            "Enter the client id and the client secret of your marketplace app first, or set GHL_CLIENT_ID and GHL_CLIENT_SECRET."
        )
    return app


def _keep(tx: Session, errand: Errand, app: App, grant: Grant) -> UUID:
    """The connection of this sign-in: the one of the same location, or one that waits for a sign-in, or a new one."""
    config = {
        "auth": "oauth",
        "location_id": grant.location_id,
        "company_id": grant.company_id,
        "app_id": app.app_id,
        "scopes": " ".join(grant.scopes),
    }
    config |= {"base_url": app.base_url} if app.base_url != BASE_URL else {}
    kept = stored(grant, "" if grant.location_id else "company_")
    present = _fitting(tx, grant)
    if present is None:
        present = connections.create(tx, errand.workspace, crm.KIND, _free_name(tx), config, kept)
    else:
        connections.update(tx, present.id, config=config, secrets={**dict.fromkeys(TOKENS, ""), "token": "", **kept})
    connections.make_default(tx, present.id)
    if grant.location_id:
        connections.resume(tx, present.id)
    else:
        connections.pause(tx, present.id, CHOOSE)
    _note(tx, errand.workspace, f"user:{errand.user}", "connection.signed_in", present.id)
    return present.id


def _fitting(tx: Session, grant: Grant) -> Connection | None:
    ours = [each for each in connections.of_kind(tx, crm.KIND) if each.name != connections.FROM_ENVIRONMENT]
    same = [each for each in ours if grant.location_id and each.config.get("location_id") == grant.location_id]
    waiting = [each for each in ours if not each.config.get("location_id")]
    return next(iter([*same, *waiting]), None)


def _free_name(tx: Session) -> str:
    taken = {each.name for each in connections.of_kind(tx, crm.KIND)}
    names = [NAME, *(f"{NAME} {number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def _learn(workspace: UUID, connection: UUID) -> None:
    """Name and time zone of the location are good to have; without them the connection works all the same."""
    try:
        crm.learn_location(workspace, connection)
    except ClientError as error:
        log.warning("The location could not be read", extra={"action": "ghl.location_unread", "reason": error.reason})


def _tokens(account: Account) -> StoredTokens:
    return StoredTokens(account.workspace_id, account.id, crm.app_of(account), account.secrets)


def _note(tx: Session, workspace: UUID, actor: str, action: str, connection: UUID) -> None:
    audit.record(tx, workspace, actor, action, f"connection:{connection}", kind=crm.KIND)
    live.publish(tx, workspace, "connection", connection=connection)
