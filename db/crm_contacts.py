"""Contacts as the CRM knows them: which of ours is which of its, what was read of them there, and how old that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db import contacts
from db.engine import one, rows, run
from db.records import Contact


@dataclass(frozen=True)
class CrmMemory:
    """What was read of a contact in the CRM. `version` changes with every change of the contact."""

    crm_id: str
    known: Mapping[str, Any]
    fetched_at: datetime | None  # None = read again before use
    version: datetime


def find(tx: Session, workspace: UUID, crm_id: str) -> Contact | None:
    """Our contact that is this one of the CRM."""
    found = one(
        tx,
        "SELECT contact_id FROM identities WHERE workspace_id = %(workspace)s AND kind = 'ghl' AND address = %(id)s",
        workspace=workspace,
        id=crm_id,
    )
    return contacts.get(tx, found["contact_id"]) if found else None


def told(tx: Session, workspace: UUID, crm_id: str, name: str, phone: str, email: str) -> tuple[Contact, bool]:
    """The contact that the CRM tells of, with what it tells; True = nobody here knew it.

    Known by its id there, else by its phone, and only where it has none by an e-mail that belongs to no other contact of the
    CRM: people share mail addresses. An address that is somebody else's here stays there.
    """
    contact, is_new = find(tx, workspace, crm_id), False
    if contact is None:
        wanted = [("ghl", crm_id), *([("phone", phone)] if phone else _own_email(tx, email))]
        is_new = not _anybody(tx, wanted[1:])
        contact = contacts.resolve(tx, workspace, wanted, name)
    free = [(kind, address) for kind, address in (("phone", phone), ("email", email)) if address]
    for kind, address in free:
        run(
            tx,
            "INSERT INTO identities (workspace_id, kind, address, contact_id) VALUES (%(w)s, %(kind)s, %(address)s, %(id)s)"
            " ON CONFLICT DO NOTHING",
            w=workspace,
            kind=kind,
            address=address,
            id=contact.id,
        )
    run(
        tx,
        "UPDATE contacts SET name = coalesce(nullif(%(name)s, ''), name), phone = coalesce(nullif(%(phone)s, ''), phone),"
        " email = coalesce(nullif(%(email)s, ''), email), ghl_contact_id = coalesce(ghl_contact_id, %(crm)s), updated_at = now()"
        " WHERE id = %(id)s",
        name=name,
        phone=phone,
        email=email,
        crm=crm_id,
        id=contact.id,
    )
    return contact, is_new


def link(tx: Session, contact: Contact, crm_id: str) -> None:
    """The contact is this one of the CRM. Where another of our contacts is that already, only the column says so."""
    run(
        tx,
        "UPDATE contacts SET ghl_contact_id = %(crm)s, updated_at = now() WHERE id = %(id)s",
        crm=crm_id,
        id=contact.id,
    )
    run(
        tx,
        "INSERT INTO identities (workspace_id, kind, address, contact_id) VALUES (%(workspace)s, 'ghl', %(crm)s, %(id)s)"
        " ON CONFLICT DO NOTHING",
        workspace=contact.workspace_id,
        crm=crm_id,
        id=contact.id,
    )


def unlink(tx: Session, contact_id: UUID, crm_id: str) -> None:
    """The CRM does not have this contact any more. One that it was merged into, and that is known here, takes its place."""
    run(
        tx,
        "DELETE FROM identities WHERE contact_id = %(id)s AND kind = 'ghl' AND address = %(crm)s",
        id=contact_id,
        crm=crm_id,
    )
    run(
        tx,
        "UPDATE contacts SET crm = '{}', crm_fetched_at = NULL, updated_at = now(), ghl_contact_id ="
        " (SELECT address FROM identities WHERE contact_id = %(id)s AND kind = 'ghl' ORDER BY created_at LIMIT 1)"
        " WHERE id = %(id)s AND ghl_contact_id = %(crm)s",
        id=contact_id,
        crm=crm_id,
    )


def memory(tx: Session, contact_id: UUID) -> CrmMemory | None:
    found = one(
        tx, "SELECT ghl_contact_id, crm, crm_fetched_at, updated_at FROM contacts WHERE id = %(id)s", id=contact_id
    )
    if found is None:
        return None
    return CrmMemory(found["ghl_contact_id"] or "", found["crm"], found["crm_fetched_at"], found["updated_at"])


def remember(tx: Session, contact_id: UUID, known: Mapping[str, Any], version: datetime) -> bool:
    """Keep what was read. Fresh only where nothing changed since `version`: a webhook may have told of something newer."""
    return bool(
        run(
            tx,
            """UPDATE contacts SET crm = %(known)s || jsonb_strip_nulls(jsonb_build_object('told_tags',
                       coalesce(crm -> 'told_tags', %(known)s::jsonb -> 'tags'))),
                   crm_fetched_at = CASE WHEN updated_at = %(version)s THEN clock_timestamp() END WHERE id = %(id)s""",
            known=Jsonb(dict(known)),
            version=version,
            id=contact_id,
        )
    )


def drop(tx: Session, contact_id: UUID) -> None:
    """Something changed in the CRM: what was read is read again before it is used."""
    run(
        tx,
        "UPDATE contacts SET crm_fetched_at = NULL, updated_at = clock_timestamp() WHERE id = %(id)s",
        id=contact_id,
    )


def set_tags(tx: Session, contact_id: UUID, tags: Sequence[str]) -> list[str]:
    """The CRM tells that the contact has these tags now; returns those that it had not told of, in order.

    What a reading found does not count as told: it may have found a tag whose event is still on its way. Where nothing was
    ever told or read, every tag is news.
    """
    found = one(
        tx,
        "SELECT coalesce(crm -> 'told_tags', crm -> 'tags') AS tags FROM contacts WHERE id = %(id)s FOR UPDATE",
        id=contact_id,
    )
    before = set((found and found["tags"]) or ())
    run(
        tx,
        "UPDATE contacts SET crm = crm || jsonb_build_object('tags', %(tags)s::jsonb, 'told_tags', %(tags)s::jsonb)"
        " WHERE id = %(id)s",
        tags=Jsonb(list(tags)),
        id=contact_id,
    )
    return [tag for tag in tags if tag not in before]


def channels(tx: Session, contact_id: UUID) -> set[str]:
    """The channels on which the contact has a conversation."""
    found = rows(tx, "SELECT DISTINCT channel FROM conversations WHERE contact_id = %(id)s", id=contact_id)
    return {row["channel"] for row in found}


def to_refresh(tx: Session, active_since: datetime, fetched_before: datetime, limit: int) -> list[UUID]:
    """Contacts that wrote or were written to lately and whose memory is old, the most recent first."""
    found = rows(
        tx,
        """SELECT t.id FROM contacts t JOIN conversations c ON c.contact_id = t.id
           WHERE c.last_message_at >= %(active)s AND (t.crm_fetched_at IS NULL OR t.crm_fetched_at < %(fetched)s)
           GROUP BY t.id ORDER BY max(c.last_message_at) DESC LIMIT %(limit)s""",
        active=active_since,
        fetched=fetched_before,
        limit=limit,
    )
    return [row["id"] for row in found]


def _own_email(tx: Session, email: str) -> list[tuple[str, str]]:
    if not email:
        return []
    taken = one(
        tx,
        """SELECT FROM identities i JOIN contacts t ON t.id = i.contact_id
           WHERE i.kind = 'email' AND i.address = %(email)s AND t.ghl_contact_id IS NOT NULL""",
        email=email,
    )
    return [] if taken is not None else [("email", email)]


def _anybody(tx: Session, wanted: Sequence[tuple[str, str]]) -> bool:
    return any(
        one(tx, "SELECT FROM identities WHERE kind = %(k)s AND address = %(a)s", k=kind, a=address) is not None
        for kind, address in wanted
    )
