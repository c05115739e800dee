"""Contacts that an automation starts for at a set time. Who opted out is never among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from db.engine import rows


@dataclass(frozen=True)
class Silent:
    """`since`: when the contact wrote last, so that each silence has a name."""

    contact_id: UUID
    since: datetime


def tagged(tx: Session, tag: str, automation: UUID, key: str, most: int) -> Sequence[UUID]:
    """Contacts with this tag that this automation has not been started for under this key, the oldest first."""
    found = rows(
        tx,
        """SELECT t.id FROM contacts t
           WHERE t.opted_out_at IS NULL
             AND EXISTS (SELECT FROM jsonb_array_elements_text(coalesce(t.crm -> 'tags', '[]')) has WHERE lower(has) = lower(%(tag)s))
             AND NOT EXISTS (SELECT FROM runs r WHERE r.automation_id = %(automation)s
                             AND r.occasion_key = %(key)s || ':' || t.id)
           ORDER BY t.created_at, t.id LIMIT %(most)s""",
        tag=tag.strip(),
        automation=automation,
        key=key,
        most=most,
    )
    return [row["id"] for row in found]


def silent(tx: Session, until: datetime, automation: UUID, most: int) -> list[Silent]:
    """Contacts who wrote last before `until`, each silence once for an automation; the longest silence last."""
    found = rows(
        tx,
        """SELECT t.id AS contact_id, max(c.last_inbound_at) AS since
           FROM contacts t JOIN conversations c ON c.contact_id = t.id
           WHERE t.opted_out_at IS NULL
           GROUP BY t.id
           HAVING max(c.last_inbound_at) < %(until)s
              AND NOT EXISTS (SELECT FROM runs r WHERE r.automation_id = %(automation)s AND r.contact_id = t.id
                              AND r.occasion_key LIKE 'silent:%%' AND r.created_at > max(c.last_inbound_at))
           ORDER BY max(c.last_inbound_at) DESC, t.id LIMIT %(most)s""",
        until=until,
        automation=automation,
        most=most,
    )
    return [Silent(row["contact_id"], row["since"]) for row in found]
