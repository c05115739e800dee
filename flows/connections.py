"""What an admin does with connections: add, edit, pause, use again, and test one. Also which values each kind has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from db import audit, live
from db import connections as stored
from db.engine import run, transaction
from db.records import Connection
from db.secrets import SecretsUnreadable, seal
from flows import crm
from flows.actions import ActionRefused
from nodes.clients import email_smtp, llm, twilio
from nodes.clients.channel import Account


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
    check: Callable[[Account], str]  # asks the provider; '' = it works, else the sentence


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
        llm.check,
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
        twilio.check,
    ),
    Kind(
        "ghl",
        "GoHighLevel",
        "hub",
        "Shows every conversation in your CRM, lets people answer from there, and lets automations read and change it.",
        (
            Field(
                "location_id",
                "Location id",
                "The part after /location/ in the address of the sub-account. Filled in by signing in.",
            ),
            Field(
                "token",
                "Private integration token",
                "Begins with pit-; made under Settings, Private Integrations. Or leave it empty and sign in.",
                secret=True,
                placeholder="pit-…",
            ),
            Field("client_id", "Client id", "Of your marketplace app, for signing in; the installation may have one."),
            Field("client_secret", "Client secret", "Of the same app.", secret=True),
            Field("install_url", "Install link", "From the app's page Auth; only for white label."),
            Field(
                "provider_id",
                "Conversation provider",
                "Id of the app's provider; with it messages that people type in GoHighLevel are sent from here.",
            ),
        ),
        crm.check,
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
        email_smtp.check,
    ),
)


def kind_of(name: str) -> Kind | None:
    """The kind by its name; None for those that an admin does not make (the web chat, for example)."""
    return next((kind for kind in KINDS if kind.kind == name), None)


def add(workspace: UUID, user: UUID, kind: str, values: Mapping[str, str]) -> UUID:
    """Make a connection, the default one of its kind from now on. Raises ActionRefused with the field that is missing."""
    wanted = _kind(kind)
    config, secrets = _parted(wanted, values, is_new=True)
    with transaction(workspace) as tx:
        name = _free_name(wanted, stored.of_kind(tx, kind))
        made = stored.create(tx, workspace, kind, name, config, secrets, is_default=True)
        _note(tx, workspace, user, "connection.added", made)
    return made.id


def edit(workspace: UUID, user: UUID, connection: UUID, values: Mapping[str, str]) -> None:
    """Change its values and use it again; a secret that is left empty stays as it is. Raises ActionRefused."""
    with transaction(workspace) as tx:
        present = _present(tx, connection)
        if present.name == stored.FROM_ENVIRONMENT:
            raise ActionRefused("Its values come from the environment of the installation. Change them there.")
        config, secrets = _parted(_kind(present.kind), values, is_new=False)
        _change(tx, present, config, secrets)
        stored.resume(tx, connection)
        _note(tx, workspace, user, "connection.changed", present)


def pause(workspace: UUID, user: UUID, connection: UUID) -> None:
    """Send nothing over it until it is used again."""
    with transaction(workspace) as tx:
        present = _present(tx, connection)
        stored.pause(tx, connection, "An admin paused this connection. Nothing is sent over it.")
        _note(tx, workspace, user, "connection.paused", present)


def resume(workspace: UUID, user: UUID, connection: UUID) -> None:
    with transaction(workspace) as tx:
        present = _present(tx, connection)
        stored.resume(tx, connection)
        _note(tx, workspace, user, "connection.resumed", present)


def test_connection(workspace: UUID, connection_id: UUID) -> str:
    """Ask the provider whether the connection works: '' or the sentence that says what to do. Takes up to half a minute.

    It sends nothing to anybody and changes nothing, also not a pause. Raises ActionRefused for a kind that nobody can ask.
    """
    with transaction(workspace) as tx:
        kind = _kind(_present(tx, connection_id).kind)
        try:
            found = stored.with_secrets(tx, connection_id)
        except SecretsUnreadable as error:
            return str(error)
    assert found is not None
    row, secrets = found
    return kind.check(Account(row.id, row.workspace_id, row.kind, row.config, secrets))


def _kind(name: str) -> Kind:
    kind = kind_of(name)
    if kind is None:
        raise ActionRefused(f"A connection of the kind '{name}' has no values to enter and nothing to test.")
    return kind


def _present(tx: Session, connection: UUID) -> Connection:
    found = stored.get(tx, connection)
    if found is None:
        raise ActionRefused("This connection does not exist in this workspace.")
    return found


def _change(tx: Session, present: Connection, config: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Where the old secrets cannot be read any more (the key was lost), new ones for all of them take their place."""
    try:
        stored.update(tx, present.id, config=config, secrets=secrets)
    except SecretsUnreadable as error:
        if any(field.secret and not secrets.get(field.name) for field in _kind(present.kind).fields):
            raise ActionRefused(str(error)) from error
        run(tx, "UPDATE connections SET secrets = %(secrets)s WHERE id = %(id)s", secrets=seal(secrets), id=present.id)


def _parted(kind: Kind, values: Mapping[str, str], *, is_new: bool) -> tuple[dict[str, str], dict[str, str]]:
    """(settings, secrets) of the kind's own fields."""
    given = {name: value.strip() for name, value in values.items()}
    for field in kind.fields:
        if field.required and not given.get(field.name) and (is_new or not field.secret):
            raise ActionRefused(f"{field.label} is missing. {field.help}")
    secrets = {field.name: given[field.name] for field in kind.fields if field.secret and given.get(field.name)}
    return {field.name: given.get(field.name, "") for field in kind.fields if not field.secret}, secrets


def _free_name(kind: Kind, present: Sequence[Connection]) -> str:
    taken = {item.name for item in present}
    names = [kind.title, *(f"{kind.title} {number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def _note(tx: Session, workspace: UUID, user: UUID, action: str, connection: Connection) -> None:
    audit.record(tx, workspace, f"user:{user}", action, f"connection:{connection.id}", kind=connection.kind)
    live.publish(tx, workspace, "connection", connection=connection.id)
