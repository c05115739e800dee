"""The connections that an admin can make on the page: which fields each kind has, and keeping them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from db import audit, connections, live
from db.engine import transaction
from db.records import Connection
from flows.actions import ActionRefused


@dataclass(frozen=True)
class Field:
    """One value of a connection. A secret is never shown again; left empty, it stays as it is."""

    name: str
    label: str
    help: str
    secret: bool = False
    required: bool = False
    placeholder: str = ""


@dataclass(frozen=True)
class Kind:
    kind: str
    title: str
    symbol: str
    brings: str
    fields: tuple[Field, ...]


KINDS = (
    Kind(
        "llm",
        "Language model",
        "auto_awesome",
        "Answers in full sentences. OpenAI, OpenRouter or any server that speaks the same language.",
        (
            Field(
                "base_url",
                "Address",
                "Leave it for OpenAI; OpenRouter is https://openrouter.ai/api/v1.",
                placeholder="https://api.openai.com/v1",
            ),
            Field(
                "model",
                "Model",
                "Name of the model as the provider writes it.",
                required=True,
                placeholder="gpt-4o-mini",
            ),
            Field("api_key", "API key", "From the provider's page. A server of your own may need none.", secret=True),
        ),
    ),
    Kind(
        "twilio",
        "Twilio",
        "sms",
        "SMS and WhatsApp.",
        (
            Field(
                "account_sid", "Account SID", "Begins with AC; on the start page of the Twilio console.", required=True
            ),
            Field(
                "auth_token",
                "Auth token",
                "Below the account SID. It also proves that arrivals come from Twilio.",
                secret=True,
                required=True,
            ),
            Field(
                "from_number",
                "Number for SMS",
                "With country code, for example +14155550123.",
                placeholder="+14155550123",
            ),
            Field(
                "whatsapp_from",
                "Number for WhatsApp",
                "Only where it differs from the number for SMS.",
                placeholder="+14155550123",
            ),
            Field(
                "messaging_service_sid", "Messaging service", "Begins with MG; instead of a number.", placeholder="MG…"
            ),
        ),
    ),
    Kind(
        "email_smtp",
        "Mailbox",
        "mail",
        "Tells colleagues by e-mail that a customer waits.",
        (
            Field(
                "url",
                "Server address",
                "smtp://user:password@host:587, or smtps:// for port 465.",
                secret=True,
                required=True,
            ),
        ),
    ),
)


def keep(workspace: UUID, user: UUID, kind: Kind, present: Connection | None, values: Mapping[str, str]) -> UUID:
    """Make or change the connection of a kind; returns its id. Raises ActionRefused with the field that is missing."""
    given = {name: value.strip() for name, value in values.items()}
    for field in kind.fields:
        if field.required and not given.get(field.name) and not (field.secret and present):
            raise ActionRefused(f"{field.label} is missing. {field.help}")
    secrets = {field.name: given[field.name] for field in kind.fields if field.secret and given.get(field.name)}
    config = {field.name: given.get(field.name, "") for field in kind.fields if not field.secret}
    with transaction(workspace) as tx:
        if present is None:
            name = _free_name(kind, connections.of_kind(tx, kind.kind))
            id = connections.create(tx, workspace, kind.kind, name, config, secrets, is_default=True).id
        else:
            id = present.id
            connections.update(tx, id, config=config, secrets=secrets)
            connections.resume(tx, id)
        audit.record(tx, workspace, f"user:{user}", "connection.changed", f"connection:{id}", kind=kind.kind)
        live.publish(tx, workspace, "connection", connection=id)
    return id


def shown(kind: Kind, connection: Connection) -> str:
    """The values of a connection that are no secrets, in one line."""
    values = [(field.label, connection.config.get(field.name)) for field in kind.fields if not field.secret]
    return " · ".join(f"{label}: {value}" for label, value in values if value)


def _free_name(kind: Kind, present: Sequence[Connection]) -> str:
    taken = {item.name for item in present}
    names = [kind.title, *(f"{kind.title} {number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def switch(workspace: UUID, user: UUID, connection: UUID, *, on: bool) -> None:
    """Use a connection again, or send nothing over it until it is switched on."""
    with transaction(workspace) as tx:
        if on:
            connections.resume(tx, connection)
        else:
            connections.pause(tx, connection, "An admin paused this connection. Nothing is sent over it.")
        action = "connection.resumed" if on else "connection.paused"
        audit.record(tx, workspace, f"user:{user}", action, f"connection:{connection}")
        live.publish(tx, workspace, "connection", connection=connection)
