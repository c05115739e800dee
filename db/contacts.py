"""Contacts and their identities: one person, however many addresses."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import phonenumbers
from sqlmodel import Session

from db.engine import one, rows, run
from db.records import Contact, record

_COLUMNS = (
    "id, workspace_id, name, phone, email, ghl_contact_id, language, opted_out_at, opted_in_at,"
    " metadata, crm, crm_fetched_at, created_at"
)
# Identities that are also columns of the contact, filled where they are empty.
_MIRRORED = {"phone": "phone", "email": "email", "ghl": "ghl_contact_id"}


def resolve(tx: Session, workspace: UUID, identities: Sequence[tuple[str, str]], name: str = "") -> Contact:
    """The contact that has any of these (kind, address) identities; a new one where nobody has. Missing identities are attached.

    Identities of different contacts are not merged: the oldest contact wins, the others keep theirs, and the winner's
    metadata note them under `possible_duplicates`. Two transactions with the same new identity end with one contact.
    """
    wanted = _tidy(identities)
    if not wanted:
        raise ValueError(
            "identities is empty: give at least one (kind, address) pair, for example ('webchat', 'visitor-1')."
        )
    owners = _owners(tx, workspace, wanted)
    if len(owners) < len(wanted):  # something is new: one at a time for these addresses, then look again
        _lock(tx, workspace, wanted)
        owners = _owners(tx, workspace, wanted)
    if not owners:
        return _create(tx, workspace, wanted, name)
    contact = _oldest(tx, set(owners.values()))
    missing = [identity for identity in wanted if identity not in owners]
    others = sorted(str(owner) for owner in set(owners.values()) - {contact.id})
    if not missing and not others and (contact.name or not name):
        return contact
    _attach(tx, contact, missing)
    return _complete(tx, contact, missing, name, others)


def get(tx: Session, contact: UUID) -> Contact | None:
    row = one(tx, f"SELECT {_COLUMNS} FROM contacts WHERE id = %(id)s", id=contact)
    return record(Contact, row) if row else None


def identities(tx: Session, contact: UUID) -> list[tuple[str, str]]:
    """The (kind, address) pairs of a contact, the oldest first."""
    found = rows(
        tx,
        "SELECT kind, address FROM identities WHERE contact_id = %(id)s ORDER BY created_at, kind, address",
        id=contact,
    )
    return [(row["kind"], row["address"]) for row in found]


def set_opt_out(tx: Session, contact_id: UUID, out: bool, now: datetime) -> None:
    """Wrote STOP (`out`): nothing automatic is sent any more, until START. The first STOP keeps its time."""
    run(
        tx,
        "UPDATE contacts SET opted_out_at = CASE WHEN %(out)s THEN coalesce(opted_out_at, %(now)s) END,"
        " opted_in_at = CASE WHEN %(out)s THEN opted_in_at ELSE %(now)s END, updated_at = %(now)s WHERE id = %(id)s",
        out=out,
        now=now,
        id=contact_id,
    )


def normalise_phone(text: str, region: str | None = None) -> str | None:
    """A phone number as E.164 (+14155550100), or None where the text is none. `region`: ISO 3166 code for numbers without a +.

    Numbers that are only possible are kept: providers know more numbers than the plan in the phonenumbers package.
    """
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _tidy(identities: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Trimmed, mail addresses in lower case, each once, in the order given."""
    trimmed = [(kind, address.strip().lower() if kind == "email" else address.strip()) for kind, address in identities]
    return list(dict.fromkeys(pair for pair in trimmed if pair[1]))


def _owners(tx: Session, workspace: UUID, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
    found = rows(
        tx,
        "SELECT kind, address, contact_id FROM identities WHERE workspace_id = %(workspace)s"
        " AND (kind, address) IN (SELECT * FROM unnest(%(kinds)s::text[], %(addresses)s::text[]))",
        workspace=workspace,
        kinds=[kind for kind, _ in wanted],
        addresses=[address for _, address in wanted],
    )
    return {(row["kind"], row["address"]): row["contact_id"] for row in found}


def _lock(tx: Session, workspace: UUID, wanted: Sequence[tuple[str, str]]) -> None:
    """Until the end of the transaction; always in the same order, so that two of them never wait for each other."""
    for kind, address in sorted(wanted):
        run(tx, "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 1))", key=f"{workspace}:{kind}:{address}")


def _oldest(tx: Session, owners: set[UUID]) -> Contact:
    row = one(
        tx,
        f"SELECT {_COLUMNS} FROM contacts WHERE id = ANY(%(ids)s::uuid[]) ORDER BY created_at, id LIMIT 1",
        ids=list(owners),
    )
    assert row is not None, "an identity points at a contact"
    return record(Contact, row)


def _create(tx: Session, workspace: UUID, wanted: Sequence[tuple[str, str]], name: str) -> Contact:
    """A contact with all its identities, in one statement."""
    columns = _mirrored(wanted)
    row = one(
        tx,
        f"""
        WITH made AS (
            INSERT INTO contacts (id, workspace_id, name, phone, email, ghl_contact_id)
            VALUES (%(id)s, %(workspace)s, %(name)s, %(phone)s, %(email)s, %(ghl)s) RETURNING {_COLUMNS}),
        attached AS (
            INSERT INTO identities (workspace_id, kind, address, contact_id)
            SELECT %(workspace)s, w.kind, w.address, %(id)s
            FROM unnest(%(kinds)s::text[], %(addresses)s::text[]) AS w(kind, address))
        SELECT * FROM made
        """,
        id=uuid4(),
        workspace=workspace,
        name=name,
        phone=columns.get("phone"),
        email=columns.get("email"),
        ghl=columns.get("ghl_contact_id"),
        kinds=[kind for kind, _ in wanted],
        addresses=[address for _, address in wanted],
    )
    assert row is not None
    return record(Contact, row)


def _mirrored(identities: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The columns of the contact that these identities fill; the first of a kind counts."""
    return {_MIRRORED[kind]: address for kind, address in reversed(identities) if kind in _MIRRORED}


def _attach(tx: Session, contact: Contact, missing: Sequence[tuple[str, str]]) -> None:
    for kind, address in missing:
        run(
            tx,
            "INSERT INTO identities (workspace_id, kind, address, contact_id) VALUES (%(w)s, %(kind)s, %(address)s, %(id)s)",
            w=contact.workspace_id,
            kind=kind,
            address=address,
            id=contact.id,
        )


def _complete(
    tx: Session, contact: Contact, attached: Sequence[tuple[str, str]], name: str, others: Sequence[str]
) -> Contact:
    """Fill in what the contact lacks; what it has stays as it is, because a person may have corrected it."""
    columns = _mirrored(attached)
    row = one(
        tx,
        "UPDATE contacts SET name = CASE WHEN name = '' THEN %(name)s ELSE name END, phone = coalesce(phone, %(phone)s),"
        " email = coalesce(email, %(email)s), ghl_contact_id = coalesce(ghl_contact_id, %(ghl)s),"
        " metadata = metadata || %(note)s::jsonb, updated_at = now()"
        f" WHERE id = %(id)s RETURNING {_COLUMNS}",
        name=name,
        phone=columns.get("phone"),
        email=columns.get("email"),
        ghl=columns.get("ghl_contact_id"),
        note=_note(contact, others),
        id=contact.id,
    )
    assert row is not None
    return record(Contact, row)


def _note(contact: Contact, others: Sequence[str]) -> Mapping[str, Any]:
    known = set(contact.metadata.get("possible_duplicates", []))
    return {"possible_duplicates": sorted(known | set(others))} if others else {}
