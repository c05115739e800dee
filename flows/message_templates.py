"""Texts that a person can choose from: templates that WhatsApp approved, and the saved texts of the connected CRM.

Each provider is asked at most once a minute; where one does not answer, its part is missing for a while and nobody waits.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from uuid import UUID

from sqlmodel import Session

from db import connections
from db.engine import read_only
from db.secrets import SecretsUnreadable
from flows import crm
from nodes.clients import twilio_content
from nodes.clients.channel import Account
from nodes.clients.ghl_words import clean, inner, text, words
from nodes.clients.twilio_content import APPROVED, ContentTemplate
from nodes.errors import AuthFailed, ClientError
from nodes.html_text import plain_text
from nodes.message_template import Blank, MessageTemplate

FRESH_SECONDS = 60.0
PATIENCE_SECONDS = 20.0  # after a failure, before a provider is asked again
SILENT = "Twilio did not answer just now, so its templates are missing here. Look again in half a minute."

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Offered:
    """A template, and the connection that can send it."""

    connection_name: str
    template: ContentTemplate


@dataclass(frozen=True)
class SavedText:
    """A text that the business keeps in the CRM. It may hold the CRM's own placeholders, for example {{contact.first_name}}."""

    id: str
    name: str
    kind: Literal["sms", "email"]
    text: str


@dataclass(frozen=True)
class _Answer:
    """What a provider said, and until when that counts. `trouble` = why it said nothing."""

    until: float
    found: Sequence[Any]
    trouble: str = ""


_known: dict[tuple[UUID, str], _Answer] = {}


def whatsapp(workspace: UUID) -> list[Offered]:
    """The templates of every active Twilio connection, the approved ones first."""
    found = [Offered(name, template) for account, name in _twilio(workspace) for template in _of_account(account)]
    return sorted(found, key=lambda each: (each.template.approval != APPROVED, each.template.name.lower()))


def unanswered(workspace: UUID) -> str:
    """Why `whatsapp` may give less than there is: what a connection met when it was asked last; '' where all answered."""
    asked = (_known.get((account.id, "content")) for account, _ in _twilio(workspace))
    return next((answer.trouble for answer in asked if answer is not None and answer.trouble), "")


def chosen(template: ContentTemplate) -> MessageTemplate:
    """What a document keeps of a template: nothing is filled in yet."""
    return MessageTemplate(
        id=template.id,
        name=template.name,
        language=template.language,
        text=template.text,
        blanks=[Blank(name=name) for name in template.blanks],
    )


def saved_texts(workspace: UUID) -> list[SavedText]:
    """The saved texts of the connected location, in the order of their names; none where no CRM can be asked."""
    connected = crm.crm_of(workspace)
    if connected is None:
        return []
    listed = _remembered((connected.connection_id, "saved"), lambda: connected.client.templates())
    found = [saved for each in listed if (saved := _saved(clean(each))) is not None]
    return sorted(found, key=lambda each: each.name.lower())


def forget() -> None:
    """Ask again at the next use."""
    _known.clear()


def _twilio(workspace: UUID) -> list[tuple[Account, str]]:
    with read_only(workspace) as tx:
        active = [each for each in connections.of_kind(tx, "twilio") if each.state == "active"]
        return [(account, each.name) for each in active if (account := _account(tx, each.id)) is not None]


def _account(tx: Session, connection_id: UUID) -> Account | None:
    try:
        found = connections.with_secrets(tx, connection_id)
    except SecretsUnreadable as error:
        log.warning("A connection cannot be read.", extra={"action": "templates.unreadable", "reason": str(error)})
        return None
    if found is None:
        return None
    row, secrets = found
    return Account(row.id, row.workspace_id, row.kind, row.config, secrets)


def _of_account(account: Account) -> Sequence[ContentTemplate]:
    return _remembered((account.id, "content"), lambda: twilio_content.templates(account))


def _remembered(key: tuple[UUID, str], ask: Callable[[], Sequence[T]]) -> Sequence[T]:
    kept = _known.get(key)
    if kept is not None and kept.until > time.monotonic():
        return kept.found
    found: Sequence[T] = []
    fresh, trouble = FRESH_SECONDS, ""
    try:
        found = ask()
    except ClientError as error:
        fresh, trouble = PATIENCE_SECONDS, error.reason if isinstance(error, AuthFailed) else SILENT
        log.warning(
            "A provider did not say which templates it has.",
            extra={"action": "templates.unavailable", "connection": str(key[0]), "reason": error.reason},
        )
    _known[key] = _Answer(time.monotonic() + fresh, found, trouble)
    return found


def _saved(told: Mapping[str, Any]) -> SavedText | None:
    """A template of the location. GHL documents its inside loosely, so every part may be missing."""
    inside = inner(told, "template")
    kind: Literal["sms", "email"] = "email" if told.get("type") == "email" or inside.get("html") else "sms"
    if told.get("type") == "whatsapp":
        return None  # these belong to a sender of the CRM
    body = text(inside.get("body")) if kind == "sms" else plain_text(text(inside.get("html") or inside.get("body")))
    id, name = words(told.get("id")), words(told.get("name")) or words(inside.get("subject")) or "Without a name"
    return SavedText(id, name, kind, body) if id and body else None
