"""What the CRM tells becomes ours: contacts, tags, blocks, occasions for automations, and messages that people typed there.

Called by the intake within its transaction, so nothing here asks the CRM. A contact that nobody here knows and of which an
event says no more than its id is fetched later, by a row in the outbox, and the occasion is offered then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import Session

from db import audit, connections, contacts, crm_contacts, crm_messages, events, live
from db.events import Event
from db.records import Connection, Contact
from flows import occasions
from flows.crm_link import SOURCE
from flows.crm_typed import send_typed, show_sent_there
from nodes.clients.channel import CrmContact, CrmEvent, OutgoingTyped
from nodes.contract import Occasion

UNINSTALLED = "The app was uninstalled in GoHighLevel. Sign in again to connect the location."
# What changes the memory of a contact, and is offered to automations under its own name.
OFFERED = frozenset(
    {
        "task_completed",
        "opportunity_created",
        "opportunity_stage",
        "opportunity_status",
        "appointment_booked",
        "appointment_cancelled",
        "workflow",
    }
)


@dataclass(frozen=True)
class Told:
    """One event of the CRM, where it came from, and the transaction in which it is worked off."""

    tx: Session
    event: Event
    connection: Connection

    @property
    def workspace(self) -> UUID:
        return self.event.workspace_id


def accept(tx: Session, event: Event, arrival: CrmEvent | OutgoingTyped) -> str:
    """Work off one arrival; returns a note, beginning with "Ignored" where nothing was done."""
    connection = connections.get(tx, event.connection_id)
    assert connection is not None, "an event belongs to a connection"
    at = Told(tx, event, connection)
    if isinstance(arrival, OutgoingTyped):
        contact = _typed_to(at, arrival.contact)
        return send_typed(tx, event.workspace_id, connection.id, contact, arrival)
    match arrival.name:
        case "app_installed":
            return _installed(at)
        case "app_uninstalled":
            return _uninstalled(at)
        case "message_in" | "message_out":
            return _message(at, arrival)
        case "contact_deleted":
            return _deleted(at, arrival)
        case "contact_created" | "contact_updated" | "contact_tagged" | "contact_blocked":
            return _contact(at, arrival)
        case _:
            return _happened(at, arrival)


def pulled(
    tx: Session, workspace: UUID, event_id: UUID, name: str, data: Mapping[str, Any], contact: CrmContact
) -> None:
    """The contact of an event was fetched: it is known from now on, and the event is offered."""
    ours, _ = known(tx, workspace, contact, "")
    if contact.tags is not None:
        crm_contacts.set_tags(tx, ours.id, contact.tags)
    if name in OFFERED:
        _offer(tx, workspace, event_id, ours.id, name, data)


def met_again(tx: Session, workspace: UUID, contact: CrmContact, country: str) -> None:
    """A contact was seen to have changed in the CRM without anybody having told of it."""
    ours, _ = known(tx, workspace, contact, country)
    for tag in crm_contacts.set_tags(tx, ours.id, contact.tags or ()):
        occasion = Occasion("crm", event="contact_tagged", data={"tag": tag})
        occasions.offer(tx, workspace, occasion, key=f"crm:seen:{uuid4()}", contact_id=ours.id)
    crm_contacts.drop(tx, ours.id)


# --- contacts ------------------------------------------------------------------------------------------------------------------


def _contact(at: Told, arrival: CrmEvent) -> str:
    given = arrival.contact
    assert given is not None
    ours, is_new = known(at.tx, at.workspace, given, _country(at))
    tags = given.tags if given.tags is not None or arrival.name != "contact_created" else ()
    new_tags = crm_contacts.set_tags(at.tx, ours.id, tags) if tags is not None else []
    crm_contacts.drop(at.tx, ours.id)
    live.publish(at.tx, at.workspace, "contact", contact=ours.id)
    if arrival.name == "contact_blocked":
        return _blocked(at, ours, given)
    # Those that we made there ourselves are no news.
    if arrival.name == "contact_created" and given.source != SOURCE:
        _offer(at.tx, at.workspace, at.event.id, ours.id, "contact_created", {"tags": list(given.tags or ())})
    if arrival.name == "contact_updated" and not is_new:
        _offer(at.tx, at.workspace, at.event.id, ours.id, "contact_updated", {"tags": list(given.tags or ())})
    for tag in new_tags:
        _offer(at.tx, at.workspace, at.event.id, ours.id, "contact_tagged", {"tag": tag})
    return ""


def known(tx: Session, workspace: UUID, given: CrmContact, country: str) -> tuple[Contact, bool]:
    """Our contact of one of the CRM, made where there is none: (contact, is new)."""
    phone = contacts.normalise_phone(given.phone, country or None) or "" if given.phone else ""
    return crm_contacts.told(tx, workspace, given.id, given.name, phone, given.email)


def _blocked(at: Told, ours: Contact, given: CrmContact) -> str:
    """Do-not-disturb there and the opt-out here are one. Here it holds for the person, there for each channel."""
    if crm_messages.has_open(at.tx, ours.id, crm_messages.BLOCK):
        return "Ignored: a stop or start word from here is on its way to the CRM, and that one counts."
    spoken = crm_contacts.channels(at.tx, ours.id) or {"sms", "whatsapp", "email"}
    spoken = {"sms" if channel == "webchat" else channel for channel in spoken}
    out = given.blocked is True or bool(spoken & (given.blocked_channels or frozenset()))
    if not out and (given.blocked is None or given.blocked_channels is None):
        return "Ignored: the event does not say on which channels nothing may be sent."
    if out == (ours.opted_out_at is not None):
        return ""
    contacts.set_opt_out(at.tx, ours.id, out, at.event.received_at)
    action = "contact.blocked" if out else "contact.unblocked"
    audit.record(at.tx, at.workspace, "system", action, f"contact:{ours.id}", by="crm")
    return "The contact wants no more automatic messages." if out else "Automatic messages are allowed again."


def _deleted(at: Told, arrival: CrmEvent) -> str:
    given = arrival.contact
    assert given is not None
    ours = crm_contacts.find(at.tx, at.workspace, given.id)
    if ours is None:
        return "Ignored: nobody here is this contact."
    crm_contacts.unlink(at.tx, ours.id, given.id)
    return "The contact was deleted or merged in the CRM; here it stays, with its conversations."


# --- tasks, opportunities, appointments, workflows -----------------------------------------------------------------------------


def _happened(at: Told, arrival: CrmEvent) -> str:
    if arrival.contact is None:
        _offer(at.tx, at.workspace, at.event.id, None, arrival.name, arrival.data)
        return ""
    ours = crm_contacts.find(at.tx, at.workspace, arrival.contact.id)
    if ours is not None:
        crm_contacts.drop(at.tx, ours.id)
        if arrival.name in OFFERED:
            _offer(at.tx, at.workspace, at.event.id, ours.id, arrival.name, arrival.data)
        return ""
    if arrival.name not in OFFERED:
        return "Ignored: nobody here is this contact."
    crm_messages.pull_later(
        at.tx, at.workspace, arrival.contact.id, at.event.id, arrival.name, arrival.data, at.connection.id
    )
    return "The contact is not known here yet and is fetched from the CRM."


def _offer(
    tx: Session, workspace: UUID, event_id: UUID, contact_id: UUID | None, name: str, data: Mapping[str, Any]
) -> None:
    occasion = Occasion("crm", event=name, data=data)
    key = _key(event_id, name, data)
    occasions.offer(tx, workspace, occasion, key=key, contact_id=contact_id, event_id=event_id)


def _key(event_id: UUID, name: str, data: Mapping[str, Any]) -> str:
    """One change can be told by several events: what happens to an appointment once counts once."""
    if appointment := data.get("appointment_id"):
        return f"crm:{name}:{appointment}:{data.get('start', '')}"
    return f"crm:{event_id}:{name}:{data.get('tag', '')}"


# --- messages that the CRM has -------------------------------------------------------------------------------------------------


def _message(at: Told, arrival: CrmEvent) -> str:
    """A message stands in the CRM: a copy of ours, one that is handed over by itself, or one that the CRM sent alone."""
    data, given = arrival.data, arrival.contact
    assert given is not None
    if crm_messages.is_known(at.tx, data["message_id"]):
        return "Ignored: this message is here already."
    provider = str(at.connection.config.get("provider_id") or "")
    if arrival.name == "message_in":
        return (
            "Ignored: it is the copy of a message from here."
            if provider and data["provider_id"] == provider
            else "Ignored: it came over a channel of the CRM itself, and is answered there."
        )
    if data["source"] != "app":
        return "Ignored: no person wrote it, the CRM or another program did."
    if provider:
        return "Ignored: what people type in the CRM is handed over for sending by a call of its own."
    return show_sent_there(at.tx, at.workspace, given, data, last_try=at.event.attempts >= events.MAX_ATTEMPTS)


def _typed_to(at: Told, given: CrmContact) -> Contact | None:
    """Whom a typed message is for: by the id in the CRM, or by its phone."""
    if given.id:
        ours = crm_contacts.find(at.tx, at.workspace, given.id)
        if ours is not None or given.phone:
            return ours or known(at.tx, at.workspace, given, _country(at))[0]
    phone = contacts.normalise_phone(given.phone, _country(at) or None) if given.phone else None
    return contacts.resolve(at.tx, at.workspace, [("phone", phone)]) if phone else None


# --- the app itself ------------------------------------------------------------------------------------------------------------


def _installed(at: Told) -> str:
    audit.record(at.tx, at.workspace, "system", "crm.installed", f"connection:{at.connection.id}")
    return "The app is installed in the location. It works once somebody has signed in."


def _uninstalled(at: Told) -> str:
    if at.connection.config.get("auth") == "token":
        return "Ignored: the connection has a token of its own, which the app's removal does not end."
    connections.forget_secrets(at.tx, at.connection.id, UNINSTALLED)
    audit.record(at.tx, at.workspace, "system", "crm.uninstalled", f"connection:{at.connection.id}")
    live.publish(at.tx, at.workspace, "connection", connection=at.connection.id)
    return UNINSTALLED


def _country(at: Told) -> str:
    return str(at.connection.config.get("country") or "")
