"""Messages that people typed in the CRM and that no webhook told of: lost on the way, or a token of its own, which gets none.

The CRM's own list of messages is read, newest first, back to where the last look ended. Each counts once by its id in the CRM,
whichever comes first, the look or the webhook.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import connections, crm_contacts, crm_messages
from db.engine import transaction
from db.records import Contact
from flows import crm_intake, crm_typed
from flows.crm import Crm
from flows.crm_typed import CrmTooEarly
from nodes.clients.channel import CrmContact, CrmEvent, OutgoingTyped
from nodes.clients.ghl_events import contact_of, event, outgoing

GRACE = timedelta(minutes=2)  # its webhook may still be on its way
OVERLAP = timedelta(minutes=2)  # clocks differ
LONGEST_BACK = timedelta(hours=2)  # what was typed longer ago nobody expects to be said now
MARK = "typed_until"
# What the CRM writes in the conversation by itself, and what is no message to the customer.
NO_MESSAGE = ("ACTIVITY", "CALL", "IVR", "INTERNAL")
NOT_SENT = ("failed", "undelivered", "scheduled", "opt_out")


def take_over_typed(workspace: UUID, crm: Crm, now: datetime) -> int:
    """How many were found; the first look only marks the beginning. Raises the errors of nodes.errors, and nothing is lost."""
    since, until = _marked(crm), now - GRACE
    number = 0
    if since is not None:
        for message in reversed(list(_typed(crm, max(since - OVERLAP, now - LONGEST_BACK), until))):
            try:
                number += _taken_over(workspace, crm, message)
            except CrmTooEarly:
                until = _moment(message) or until  # the next look begins with it
                break
    with transaction(workspace) as tx:
        connections.update(tx, crm.connection_id, config={MARK: until.isoformat()})
    return number


def _typed(crm: Crm, since: datetime, until: datetime) -> Iterator[Mapping[str, Any]]:
    """What people typed within this time, newest first."""
    for message in crm.client.exported():
        at = _moment(message)
        if at is None or at > until:
            continue
        if at < since:
            return
        if message.get("source") == "app" and message.get("direction") == "outbound" and _was_sent(message):
            yield message


def _was_sent(message: Mapping[str, Any]) -> bool:
    kind = str(message.get("messageType") or "").upper().removeprefix("TYPE_")
    return not kind.startswith(NO_MESSAGE) and message.get("status") not in NOT_SENT


def _taken_over(workspace: UUID, crm: Crm, message: Mapping[str, Any]) -> bool:
    told = {**message, "messageId": message.get("id"), "messageTypeString": message.get("messageType")}
    seen = event("OutboundMessage", told)
    if not isinstance(seen, CrmEvent) or seen.contact is None or not seen.data["message_id"]:
        return False
    with transaction(workspace) as tx:
        if crm_messages.is_known(tx, seen.data["message_id"]):
            return False
        known = crm_contacts.find(tx, workspace, seen.contact.id)
    provider = str(crm.config.get("provider_id") or "")
    if provider and seen.data["provider_id"] != provider:
        return False  # the CRM sent it over a channel of its own
    given = seen.contact if known else _asked(crm, seen.contact)
    with transaction(workspace) as tx:
        if not provider:
            return not crm_typed.show_sent_there(tx, workspace, given, seen.data, last_try=False)
        ours = known or _met(tx, workspace, crm, given)
        typed = outgoing({**told, "message": message.get("body"), "phone": given.phone})
        assert isinstance(typed, OutgoingTyped)
        return not crm_typed.send_typed(tx, workspace, crm.connection_id, ours, typed).startswith("Ignored")


def _asked(crm: Crm, given: CrmContact) -> CrmContact:
    """The contact with its number, which the list of messages does not say."""
    found = crm.client.contact(given.id)
    return contact_of(found) if found else given


def _met(tx: Session, workspace: UUID, crm: Crm, given: CrmContact) -> Contact | None:
    """Ours for somebody who was never here; None where there is no way to reach them."""
    if not given.phone:
        return None
    return crm_intake.known(tx, workspace, given, str(crm.config.get("country") or ""))[0]


def _moment(message: Mapping[str, Any]) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(message.get("dateAdded")))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _marked(crm: Crm) -> datetime | None:
    try:
        return datetime.fromisoformat(str(crm.config.get(MARK)))
    except ValueError:
        return None
