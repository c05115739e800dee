"""What an admin does to connect GoHighLevel: a token or an app, the location, what is copied, the addresses to paste, and the test."""

from __future__ import annotations

import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import Session

from db import audit, connections, live
from db.connections import FROM_ENVIRONMENT
from db.engine import transaction
from db.records import Connection
from db.secrets import SecretsUnreadable
from db.settings import get_settings
from flows import crm, crm_oauth, crm_sync
from flows.actions import ActionRefused
from nodes.clients.channel import Account
from nodes.clients.ghl_scopes import SCOPES
from nodes.errors import AuthFailed, ClientError, Rejected

TOKEN_BYTES = 24  # of the address for workflows: nobody guesses it
NAME = "GoHighLevel"


@dataclass(frozen=True)
class Address:
    """One address to paste in GoHighLevel, and where it belongs."""

    name: str
    url: str
    where: str


@dataclass(frozen=True)
class Tested:
    """What a test found. `missing` are scopes that the token lacks; `trouble` stands in the way of finding out."""

    location: str = ""
    missing: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def works(self) -> bool:
        return not self.trouble and not self.missing


def present(tx: Session) -> Connection | None:
    """The connection that counts: the default one."""
    return connections.default(tx, crm.KIND)


def connect(workspace: UUID, user: UUID, location_id: str, token: str) -> Tested:
    """Connect by a private integration token, after asking GoHighLevel whether it fits. Raises ActionRefused."""
    location_id, token = _location_id(location_id), token.strip()
    if not location_id or not token:
        raise ActionRefused("Enter the location id and the token. Both are in GoHighLevel, see the steps above.")
    config = {"auth": "token", "location_id": location_id, "base_url": str(get_settings().ghl_base_url or "")}
    _ask(Account(uuid4(), workspace, crm.KIND, config, {"token": token}))
    with transaction(workspace) as tx:
        found = present(tx)
        kept = found if found and found.name != FROM_ENVIRONMENT else None
        secrets = {"token": token, **dict.fromkeys(crm_oauth.TOKENS, "")}
        if kept is None:
            made = connections.create(
                tx, workspace, crm.KIND, _free_name(tx), config, {"token": token}, is_default=True
            )
        else:
            other = kept.config.get("location_id") != location_id
            # What was known of another location is not true of this one.
            known = dict.fromkeys(("location_name", "timezone", "country", "company_id"), "") if other else {}
            connections.update(tx, kept.id, config={**config, **known}, secrets=secrets)
            connections.resume(tx, kept.id)
            made = kept
        _note(tx, workspace, user, "connection.changed" if kept else "connection.added", made.id)
    _forget(workspace)
    return test(workspace, made.id)


def _ask(account: Account) -> None:
    """Refuse a token that GoHighLevel does not know, or that is another location's. A missing scope is no reason: it is told."""
    try:
        crm.client_of(account, patience_seconds=10.0).location()
    except Rejected as refused:
        if refused.code != "missing_scope":
            raise ActionRefused(refused.reason) from refused
    except ClientError as error:
        raise ActionRefused(error.reason) from error


def keep_app(workspace: UUID, user: UUID, values: Mapping[str, str]) -> None:
    """Keep the client id and secret of the marketplace app, for signing in. Raises ActionRefused."""
    client_id, secret = values.get("client_id", "").strip(), values.get("client_secret", "").strip()
    with transaction(workspace) as tx:
        found = present(tx)
        if not client_id or not (secret or (found and found.config.get("client_id") == client_id)):
            raise ActionRefused("Enter the client id and the client secret of your marketplace app.")
        config = {"client_id": client_id, "install_url": values.get("install_url", "").strip()}
        secrets = {"client_secret": secret} if secret else {}
        if found is None or found.name == FROM_ENVIRONMENT:
            made = connections.create(tx, workspace, crm.KIND, _free_name(tx), {"auth": "oauth", **config}, secrets)
            connections.pause(tx, made.id, "Sign in at GoHighLevel to use it.")
            if found is None:
                connections.make_default(tx, made.id)
            changed = made.id
        else:
            connections.update(tx, found.id, config=config, secrets=secrets)
            changed = found.id
        _note(tx, workspace, user, "connection.changed", changed)
    _forget(workspace)


def switch(workspace: UUID, user: UUID, connection: UUID, **settings: bool | str) -> None:
    """Change what is copied (sync_messages, sync_contacts) and the conversation provider (provider_id)."""
    allowed = {"sync_messages", "sync_contacts", "provider_id"}
    if unknown := set(settings) - allowed:
        raise ActionRefused(f"'{min(unknown)}' is nothing that can be switched.")
    values: dict[str, Any] = {
        name: value.strip() if isinstance(value, str) else value for name, value in settings.items()
    }
    with transaction(workspace) as tx:
        connections.update(tx, connection, config=values)
        _note(tx, workspace, user, "connection.changed", connection)
    _forget(workspace)


def new_workflow_address(workspace: UUID, user: UUID, connection: UUID) -> None:
    """Make the address that workflows call; an earlier one stops working."""
    with transaction(workspace) as tx:
        connections.update(tx, connection, config={"workflow_token": random.token_urlsafe(TOKEN_BYTES)})
        _note(tx, workspace, user, "connection.workflow_address", connection)


def addresses(connection: Connection | None) -> list[Address]:
    """What is pasted where in GoHighLevel."""
    site = str(get_settings().public_url).rstrip("/")
    token = connection.config.get("workflow_token") if connection else ""
    found = [
        Address("Webhook", f"{site}/webhook/ghl", "Marketplace app, Advanced settings, Webhooks: default webhook URL."),
        Address(
            "Delivery of messages",
            f"{site}/webhook/ghl/outgoing",
            "Marketplace app, Modules, Conversation providers: delivery URL.",
        ),
        Address("Redirect after signing in", crm_oauth.redirect_uri(), "Marketplace app, Auth: redirect URL."),
    ]
    if token:
        where = "A workflow's action Webhook (method POST). Whoever has this address can start your automations."
        found.append(Address("Workflows", f"{site}/webhook/ghl/workflow/{token}", where))
    return found


def is_reachable() -> bool:
    """Whether these addresses can be called from outside at all."""
    return not str(get_settings().public_url).startswith(("http://127.", "http://localhost", "http://[::1]"))


def test(workspace: UUID, connection: UUID) -> Tested:
    """Ask GoHighLevel for the location and for each scope; changes nothing there. Name and time zone are kept."""
    try:
        account = crm.account_of(workspace, connection)
    except (LookupError, SecretsUnreadable) as error:
        return Tested(trouble=str(error))
    if not account.config.get("location_id") or not (
        account.secrets.get("token") or account.secrets.get("access_token")
    ):
        return Tested(trouble=crm.check(account))
    client = crm.client_of(account, patience_seconds=10.0)
    location, trouble = "", ""
    try:
        location = str(crm.learn_location(workspace, connection).get("name") or "")
    except AuthFailed as refused:
        return Tested(trouble=refused.reason)
    except ClientError as error:
        trouble = error.reason  # a missing scope stands in the list below
    try:
        missing = tuple(client.missing_scopes())
    except ClientError as error:
        return Tested(location, (), error.reason)
    return Tested(location, missing, "" if missing else trouble)


def scopes() -> tuple[str, ...]:
    """What the token or the app must be allowed."""
    return SCOPES


def _location_id(written: str) -> str:
    """Also out of a whole address of the sub-account."""
    text = written.strip()
    return text.partition("/location/")[2].partition("/")[0] if "/location/" in text else text


def _free_name(tx: Session) -> str:
    taken = {each.name for each in connections.of_kind(tx, crm.KIND)}
    names = [NAME, *(f"{NAME} {number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def _forget(workspace: UUID) -> None:
    crm.forget(workspace)
    crm_sync.targets.forget()


def _note(tx: Session, workspace: UUID, user: UUID, action: str, connection: UUID) -> None:
    audit.record(tx, workspace, f"user:{user}", action, f"connection:{connection}", kind=crm.KIND)
    live.publish(tx, workspace, "connection", connection=connection)
