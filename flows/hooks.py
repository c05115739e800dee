"""Addresses that other systems call: made by an admin, shown once, known afterwards by a hash of their token alone."""

from __future__ import annotations

import hashlib
import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from db import audit, connections, live
from db.engine import transaction
from db.records import Connection
from db.settings import get_settings
from flows.actions import ActionRefused
from nodes.clients.hook import HookCalls

KIND = HookCalls.kind
FIELDS = ("phone_field", "email_field", "name_field")
TOKEN_BYTES = 32
LONGEST_NAME = 80


@dataclass(frozen=True)
class Made:
    """A new address, whole. It cannot be shown again."""

    connection: UUID
    address: str  # starts automations
    questions: str  # asks the AI and gets its answer at once


def add(workspace: UUID, user: UUID, name: str, fields: Mapping[str, str]) -> Made:
    """Make an address by this name. Raises ActionRefused."""
    name, token = " ".join(name.split()), random.token_urlsafe(TOKEN_BYTES)
    if not name or len(name) > LONGEST_NAME:
        raise ActionRefused(
            f"Give the address a name of at most {LONGEST_NAME} characters; automations choose it by name."
        )
    with transaction(workspace) as tx:
        if any(item.name.lower() == name.lower() for item in connections.of_kind(tx, KIND)):
            raise ActionRefused(f"There is an address with the name '{name}' already. Choose another name.")
        config = {**_tidy(fields), "token_hash": hashed(token)}
        made = connections.create(tx, workspace, KIND, name, config)
        _note(tx, workspace, user, "connection.added", made.id)
    return Made(made.id, _address("custom", token), _address("ai", token))


def set_fields(workspace: UUID, user: UUID, connection: UUID, fields: Mapping[str, str]) -> None:
    """Which field of a call holds phone, e-mail and name; '' means phone, email and name. Raises ActionRefused."""
    with transaction(workspace) as tx:
        _present(tx, connection)
        connections.update(tx, connection, config=_tidy(fields))
        _note(tx, workspace, user, "connection.changed", connection)


def new_address(workspace: UUID, user: UUID, connection: UUID) -> Made:
    """The old address stops working at once. Raises ActionRefused."""
    token = random.token_urlsafe(TOKEN_BYTES)
    with transaction(workspace) as tx:
        _present(tx, connection)
        connections.update(tx, connection, config={"token_hash": hashed(token)})
        _note(tx, workspace, user, "connection.new_address", connection)
    return Made(connection, _address("custom", token), _address("ai", token))


def hashed(token: str) -> str:
    """What is kept of a token. It is long and random, so a plain hash cannot be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()


def _address(door: str, token: str) -> str:
    return f"{str(get_settings().public_url).rstrip('/')}/webhook/{door}/{token}"


def _tidy(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: fields.get(name, "").strip()[:200] for name in FIELDS}


def _present(tx: Session, connection: UUID) -> Connection:
    found = connections.get(tx, connection)
    if found is None or found.kind != KIND:
        raise ActionRefused("This address does not exist in this workspace.")
    return found


def _note(tx: Session, workspace: UUID, user: UUID, action: str, connection: UUID) -> None:
    audit.record(tx, workspace, f"user:{user}", action, f"connection:{connection}", kind=KIND)
    live.publish(tx, workspace, "connection", connection=connection)
