"""Fields of a contact: their names here, in the CRM, and what of them our own contact keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import contacts
from db.engine import run
from db.records import Contact
from nodes.clients.ghl_contacts import custom_values
from nodes.errors import Rejected

CUSTOM = "custom."
THERE = {
    "first_name": "firstName",
    "last_name": "lastName",
    "email": "email",
    "phone": "phone",
    "address": "address1",
    "city": "city",
    "state": "state",
    "postal_code": "postalCode",
    "country": "country",
    "website": "website",
    "timezone": "timezone",
    "date_of_birth": "dateOfBirth",
    "source": "source",
}
_OURS = ("name", "phone", "email")


def tidy(fields: Mapping[str, Any], country: str) -> dict[str, Any]:
    """The fields as they can be written: a phone number as E.164, a mail address in small letters. Raises Rejected."""
    found = {name: value.strip() if isinstance(value, str) else value for name, value in fields.items()}
    unknown = next((name for name in found if name != "name" and name not in THERE and not name.startswith(CUSTOM)), "")
    if unknown:
        raise Rejected("unknown_field", f"A contact has no field '{unknown}'.")
    if found.get("phone"):
        phone = contacts.normalise_phone(str(found["phone"]), country or None)
        if phone is None:
            raise Rejected(
                "bad_phone", "The phone number cannot be read. Write it with the country code: +14155550123."
            )
        found["phone"] = phone
    if found.get("email"):
        found["email"] = str(found["email"]).lower()
    return found


def for_crm(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in the words of the CRM, which keeps first and last name apart."""
    body = {THERE[name]: value for name, value in fields.items() if name in THERE}
    if "name" in fields:
        body["firstName"], _, body["lastName"] = str(fields["name"]).partition(" ")
    custom = {name.removeprefix(CUSTOM): value for name, value in fields.items() if name.startswith(CUSTOM)}
    return body | ({"customFields": custom} if custom else {})


def read_there(contact: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """These fields of a contact of the CRM; '' where it has none."""
    custom = custom_values(contact)
    found: dict[str, Any] = {}
    for name in names:
        if name == "name":
            found[name] = f"{contact.get('firstName') or ''} {contact.get('lastName') or ''}".strip()
        elif name.startswith(CUSTOM):
            found[name] = custom.get(name.removeprefix(CUSTOM)) or ""
        else:
            found[name] = contact.get(THERE[name]) or ""
    return found


def read_here(contact: Contact, names: Mapping[str, Any]) -> dict[str, Any]:
    """These fields of our own contact; what is no column of it stands among the fields of the CRM."""
    kept = contact.crm.get("fields") or {}
    first, _, last = contact.name.partition(" ")
    ours = {
        "name": contact.name,
        "first_name": first,
        "last_name": last,
        "phone": contact.phone or "",
        "email": contact.email or "",
    }
    return {name: ours[name] if name in ours else kept.get(name, "") for name in names}


def write_here(tx: Session, contact_id: UUID, fields: Mapping[str, Any], *, alone: bool) -> None:
    """Our own contact gets the new values; `alone`: no CRM has the other fields, so they are kept here.

    Identities stay as they are: by whom a message comes is told by the message and not by what somebody wrote in one.
    """
    contact = contacts.get(tx, contact_id)
    if contact is None:
        return
    run(
        tx,
        """UPDATE contacts SET name = coalesce(%(name)s, name), updated_at = now(),
               phone = CASE WHEN %(phone)s::text IS NULL THEN phone ELSE nullif(%(phone)s, '') END,
               email = CASE WHEN %(email)s::text IS NULL THEN email ELSE nullif(%(email)s, '') END
           WHERE id = %(id)s""",
        id=contact_id,
        **_columns(contact, fields),
    )
    others = {name: value for name, value in fields.items() if name not in (*_OURS, "first_name", "last_name")}
    if alone and others:
        kept = {**(contact.crm.get("fields") or {}), **others}
        patch_crm(tx, contact_id, {"fields": {name: value for name, value in kept.items() if value != ""}})


def _columns(contact: Contact, fields: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {name: fields.get(name) for name in _OURS}
    if wanted["name"] is None and ("first_name" in fields or "last_name" in fields):
        first, _, last = contact.name.partition(" ")
        wanted["name"] = f"{fields.get('first_name', first)} {fields.get('last_name', last)}".strip()
    return wanted


def tags_here(contact: Contact) -> list[str]:
    return [str(tag) for tag in contact.crm.get("tags") or ()]


def patch_crm(tx: Session, contact_id: UUID, part: Mapping[str, Any]) -> None:
    """Change a part of what is known of the contact from the CRM: {"tags": [...]}."""
    run(
        tx,
        "UPDATE contacts SET crm = crm || %(part)s::jsonb, updated_at = now() WHERE id = %(id)s",
        part=dict(part),
        id=contact_id,
    )
