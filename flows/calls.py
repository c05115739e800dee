"""A call of another system becomes an occasion: about a contact where it names one, for nobody in particular otherwise."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from db import connections, contacts
from db.engine import one
from db.events import Event
from flows import occasions
from nodes.clients.channel import Called
from nodes.contract import Occasion


def accept(tx: Session, event: Event, called: Called) -> str:
    """Offer it to the automations; returns a note, '' where something started."""
    connection = connections.get(tx, event.connection_id)
    assert connection is not None, "an event belongs to a connection"
    started = occasions.offer(
        tx,
        event.workspace_id,
        Occasion("webhook", event=connection.name, data=called.data),
        key=f"webhook:{event.id}",
        contact_id=_contact(tx, event.workspace_id, called),
        event_id=event.id,
    )
    return "" if started else "No automation started with this call."


def _contact(tx: Session, workspace: UUID, called: Called) -> UUID | None:
    """By phone or e-mail. A number that is none is no reason to lose the call: it is in its fields."""
    phone = contacts.normalise_phone(called.phone, _country(tx, workspace)) if called.phone else None
    email = called.email.lower() if "@" in called.email else ""
    named = [("phone", phone)] * bool(phone) + [("email", email)] * bool(email)
    identities = [(kind, address) for kind, address in named if address]
    return contacts.resolve(tx, workspace, identities, called.contact_name).id if identities else None


def _country(tx: Session, workspace: UUID) -> str | None:
    found = one(tx, "SELECT settings ->> 'country' AS country FROM workspaces WHERE id = %(id)s", id=workspace)
    return (found["country"] or None) if found else None
