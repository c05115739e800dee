"""Our messages in the CRM: what is put in line when something was said, and how it is written there.

Nothing waits for the CRM. Each change is a row of the outbox with the order key `crm:<contact>`, written once and in order,
tried for a day; a row that is taken up again first looks whether the CRM has the message already. The hooks below are asked
with every message: where no CRM is connected they cost a look into a dictionary.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import crm_messages
from db.conversations import ConversationRow
from db.engine import Row, one, transaction
from db.outbox import OutboxRow
from flows.crm import Crm, crm_of
from flows.crm_intake import pulled
from flows.crm_link import crm_contact_id, gone_there
from flows.done import Done
from nodes.clients.ghl_events import contact_of
from nodes.errors import NotSent, Rejected

KINDS = frozenset({crm_messages.COPY, crm_messages.STATUS, crm_messages.BLOCK, crm_messages.CONTACT, crm_messages.PULL})
FRESH_SECONDS = 3.0
LEFT = ("sent", "delivered", "read")
STATUSES = {"delivered": "delivered", "read": "read", "failed": "failed", "error": "failed", "cancelled": "failed"}
LOOKED_AT = 50  # messages of the conversation in the CRM
CLOCKS_APART = timedelta(seconds=5)
STATUS_ATTEMPTS = 6  # 2 + 4 + 8 + 16 + 60 s: the race is over long before


@dataclass(frozen=True)
class Target:
    """Where a workspace's messages are copied to. Also a paused connection is one: what is put in line waits for it."""

    connection_id: UUID
    messages: bool
    contacts: bool


class Targets:
    """The CRM connection of each workspace, remembered for a few seconds; safe for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[UUID, tuple[float, Target | None]] = {}

    def of(self, tx: Session, workspace: UUID) -> Target | None:
        kept = self._kept.get(workspace)
        if kept is None or kept[0] <= self._clock():
            kept = self._clock() + FRESH_SECONDS, _read(tx, workspace)
            self._kept[workspace] = kept
        return kept[1]

    def forget(self) -> None:
        self._kept.clear()


def _read(tx: Session, workspace: UUID) -> Target | None:
    found = one(
        tx,
        """SELECT id, config FROM connections
           WHERE workspace_id = %(workspace)s AND kind = 'ghl' AND is_default AND secrets IS NOT NULL""",
        workspace=workspace,
    )
    if found is None:
        return None
    config = found["config"]
    return Target(found["id"], bool(config.get("sync_messages", True)), bool(config.get("sync_contacts", True)))


targets = Targets()


# --- what is put in line: called inside the transaction in which it happened --------------------------------------------------


def came_in(tx: Session, conversation: ConversationRow, message_id: UUID) -> None:
    """A customer wrote."""
    target = targets.of(tx, conversation.workspace_id)
    if target is None:
        return
    if target.messages:
        crm_messages.copy_later(tx, message_id, target.connection_id)
    elif target.contacts:
        key = f"contact:{conversation.contact_id}"
        crm_messages.contact_later(tx, conversation.contact_id, crm_messages.CONTACT, key, target.connection_id)


def moved(tx: Session, workspace: UUID, message_id: UUID, state: str, error: str = "") -> None:
    """A message of ours went on: once it left, it is copied; one that was typed in the CRM, the CRM is told of."""
    target = targets.of(tx, workspace)
    if target is None:
        return
    if state in LEFT and target.messages:
        crm_messages.copy_later(tx, message_id, target.connection_id)
    if state in STATUSES:
        crm_messages.status_later(tx, message_id, STATUSES[state], error, target.connection_id)


def opted(tx: Session, conversation: ConversationRow, out: bool, event_id: UUID) -> None:
    """The customer wrote a stop or start word: the CRM keeps to it too."""
    target = targets.of(tx, conversation.workspace_id)
    if target is not None and target.contacts:
        crm_messages.contact_later(
            tx,
            conversation.contact_id,
            crm_messages.BLOCK,
            f"block:{event_id}",
            target.connection_id,
            channel=conversation.channel,
            on=out,
        )


# --- how it is written: called with no transaction open -----------------------------------------------------------------------


def perform(row: OutboxRow) -> Done:
    """Write one change to the CRM. Raises the errors of nodes.errors."""
    crm = crm_of(row.workspace_id)
    if crm is None:
        raise Rejected("no_crm", "No GoHighLevel location is connected any more, so this was not written there.")
    write = {
        crm_messages.COPY: _copy,
        crm_messages.STATUS: _tell_status,
        crm_messages.BLOCK: _block,
        crm_messages.CONTACT: _contact,
        crm_messages.PULL: _pull,
    }[row.effect["kind"]]
    return write(crm, row)


def _copy(crm: Crm, row: OutboxRow) -> Done:
    message_id = UUID(row.effect["message"])
    with transaction(row.workspace_id) as tx:
        message = one(tx, _MESSAGE, id=message_id)
        known = crm_messages.copy_of(tx, message_id)
    if message is None:
        raise Rejected("no_message", "The message does not exist here any more.")
    if known is not None:
        return Done(known)
    crm_id = crm_contact_id(
        crm, row.workspace_id, message["contact_id"], make=bool(crm.config.get("sync_contacts", True))
    )
    if not crm_id:
        raise Rejected("no_contact", "The contact is not in GoHighLevel, and contacts are not to be made there.")
    try:
        copied = _already_there(crm, row, crm_id, message) or _written(crm, crm_id, message)
    except Rejected as error:
        raise gone_there(error, row.workspace_id, message["contact_id"], crm_id) from error
    return Done(copied, also=partial(_link, row.workspace_id, copied, message_id))


def _link(workspace: UUID, crm_message_id: str, message_id: UUID, tx: Session) -> None:
    crm_messages.link(tx, workspace, crm_message_id, message_id)


def _written(crm: Crm, crm_id: str, message: Row) -> str:
    provider = str(crm.config.get("provider_id") or "")
    is_email = message["channel"] == "email"
    fields: dict[str, Any] = {
        "type": "Email"
        if is_email
        else "SMS",  # without a provider of our own it is the only kind that any location takes
        "contactId": crm_id,
        "direction": "inbound" if message["direction"] == "in" else "outbound",
        "html" if is_email else "message": message["content"],
        "date": message["created_at"].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "altId": str(message["id"]),
    }
    if addresses := _addresses(message["media"]):
        fields["attachments"] = addresses
    if provider:
        fields["conversationProviderId"] = provider
    return str(crm.client.add_inbound(fields)["messageId"])


def _addresses(media: list[Mapping[str, Any]]) -> list[str]:
    return [file["url"] for file in media if str(file.get("url", "")).startswith(("https://", "http://"))]


def _already_there(crm: Crm, row: OutboxRow, crm_id: str, message: Row) -> str:
    """The id of a copy that an earlier try made without hearing of it, or ''."""
    if row.attempts <= 1:
        return ""
    found = crm.client.messages(crm.client.conversation_of(crm_id), LOOKED_AT)
    direction = "inbound" if message["direction"] == "in" else "outbound"
    same = [
        str(each["id"])
        for each in found
        if str(each.get("body") or "").strip() == message["content"].strip()
        and each.get("direction") == direction
        and _moment(each.get("dateAdded")) >= message["created_at"] - CLOCKS_APART
    ]
    with transaction(row.workspace_id) as tx:
        return next((id for id in reversed(same) if not crm_messages.is_known(tx, id)), "")


def _moment(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _tell_status(crm: Crm, row: OutboxRow) -> Done:
    """For some seconds GHL does not know whose message it is; for good it says so to an app that does not own the provider."""
    effect = row.effect
    try:
        crm.client.set_status(effect["crm_message"], effect["status"], effect["error"])
    except NotSent as early:
        if row.attempts >= STATUS_ATTEMPTS and "rovider" in early.reason:
            raise Rejected("provider", early.reason) from early
        raise
    return Done()


def _block(crm: Crm, row: OutboxRow) -> Done:
    contact_id = UUID(row.effect["contact"])
    on = bool(row.effect["on"])
    crm_id = crm_contact_id(crm, row.workspace_id, contact_id)
    said = "The contact wrote a stop word." if on else "The contact wrote a start word."
    channel = "sms" if row.effect["channel"] == "webchat" else str(row.effect["channel"])
    try:
        crm.client.set_dnd(crm_id, channel, on, said)
    except Rejected as error:
        raise gone_there(error, row.workspace_id, contact_id, crm_id) from error
    return Done()


def _contact(crm: Crm, row: OutboxRow) -> Done:
    crm_contact_id(crm, row.workspace_id, UUID(row.effect["contact"]))
    return Done()


def _pull(crm: Crm, row: OutboxRow) -> Done:
    effect = row.effect
    found = crm.client.contact(effect["crm_contact"])
    if found is None:
        raise Rejected("no_contact", "The contact does not exist in GoHighLevel any more.")
    return Done(
        also=partial(_offer_pulled, row.workspace_id, UUID(effect["event"]), effect["name"], effect["data"], found)
    )


def _offer_pulled(
    workspace: UUID, event_id: UUID, name: str, data: Mapping[str, Any], found: Mapping[str, Any], tx: Session
) -> None:
    pulled(tx, workspace, event_id, name, data, contact_of(found))


_MESSAGE = """
    SELECT m.id, m.content, m.media, m.direction, m.created_at, c.channel, c.contact_id
    FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.id = %(id)s
"""
