"""Which contact of the CRM is ours: remembered, found by phone or e-mail, or made. Asks the CRM with no transaction open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from db import contacts, crm_contacts
from db.engine import transaction
from db.records import Contact
from flows.crm import Crm
from nodes.clients.ghl_answer import Duplicate
from nodes.errors import NotSent, Rejected

SOURCE = "Frontdesk"
GONE = "not_found"
NAMELESS = "Website visitor"


def crm_contact_id(crm: Crm, workspace: UUID, contact_id: UUID, *, make: bool = True) -> str:
    """The contact's id in the CRM; '' where it has none and `make` is not set. Raises Rejected for a contact that is gone here.

    Found by the exact phone before the e-mail: an upsert would follow the location's own order, and two people who share a
    mail address would become one. What the CRM lacks and we know is filled in there.
    """
    with transaction(workspace) as tx:
        contact = contacts.get(tx, contact_id)
    if contact is None:
        raise Rejected("no_contact", "The contact does not exist here any more.")
    if contact.ghl_contact_id:
        return contact.ghl_contact_id
    there = _found(crm, contact) or (_made(crm, contact) if make else None)
    if there is None:
        return ""
    id = str(there["id"])
    with transaction(workspace) as tx:
        crm_contacts.link(tx, contact, id)
    return id


def forget_link(workspace: UUID, contact_id: UUID, crm_id: str) -> None:
    """The CRM does not know this contact any more: it is found or made again at the next use."""
    with transaction(workspace) as tx:
        crm_contacts.unlink(tx, contact_id, crm_id)


def gone_there(error: Rejected, workspace: UUID, contact_id: UUID, crm_id: str) -> NotSent | Rejected:
    """What to raise after a refusal: for a contact that was deleted in the CRM, try again and make it anew."""
    if error.code != GONE:
        return error
    forget_link(workspace, contact_id, crm_id)
    return NotSent("The contact was deleted in GoHighLevel. It is made there again.")


def _found(crm: Crm, contact: Contact) -> dict[str, Any] | None:
    found = crm.client.find_contact(phone=contact.phone) if contact.phone else None
    found = found or (crm.client.find_contact(email=contact.email) if contact.email else None)
    if found is None:
        return None
    lacking = {name: value for name, value in _fields(contact).items() if value and not _has(found, name)}
    if not lacking:
        return found
    try:
        return crm.client.update_contact(str(found["id"]), lacking)
    except Duplicate:
        return found  # somebody else there has the e-mail; the phone is who this is


def _has(found: Mapping[str, Any], name: str) -> bool:
    return bool(found.get(name)) or (name == "firstName" and bool(found.get("lastName") or found.get("name")))


def _made(crm: Crm, contact: Contact) -> dict[str, Any]:
    fields = _fields(contact)
    fields["firstName"] = fields["firstName"] or NAMELESS
    return crm.client.create_contact({**{name: value for name, value in fields.items() if value}, "source": SOURCE})


def _fields(contact: Contact) -> dict[str, str]:
    first, _, last = contact.name.strip().partition(" ")
    return {"firstName": first, "lastName": last, "phone": contact.phone or "", "email": contact.email or ""}
