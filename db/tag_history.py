"""Which tags a contact had at a moment, as far back as that is known. A trigger on `contacts` writes the rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from db.engine import rows, run

# Whoever answers a message reads the CRM first; what that found was so when the message came. The longest quiet window, and a minute.
READ_WHILE_ANSWERING = timedelta(minutes=3)


def tags_at(tx: Session, moments: Sequence[tuple[UUID, datetime]]) -> list[tuple[str, ...] | None]:
    """Per (contact, moment) the tags of then; None where nobody knows them any more, or knew them yet."""
    found = rows(
        tx,
        """SELECT CASE WHEN later.was_read AND later.at <= w.at + %(soon)s THEN later.tags ELSE held.tags END AS tags
           FROM unnest(%(contacts)s::uuid[], %(times)s::timestamptz[]) WITH ORDINALITY AS w(contact, at, n)
           LEFT JOIN LATERAL (SELECT * FROM contact_tag_history h WHERE h.contact_id = w.contact AND h.at > w.at
                              ORDER BY h.at LIMIT 1) later ON true
           LEFT JOIN LATERAL (SELECT * FROM contact_tag_history h WHERE h.contact_id = w.contact AND h.at <= w.at
                              ORDER BY h.at DESC LIMIT 1) held ON true
           ORDER BY w.n""",
        contacts=[contact for contact, _ in moments],
        times=[at for _, at in moments],
        soon=READ_WHILE_ANSWERING,
    )
    return [None if row["tags"] is None else tuple(row["tags"]) for row in found]


def forget(tx: Session, workspace: UUID, before: datetime, most: int) -> int:
    """Delete what ended before then; what still held at that moment stays. Needs a `system()` transaction."""
    return run(
        tx,
        """DELETE FROM contact_tag_history WHERE (contact_id, at) IN (
               SELECT contact_id, at FROM contact_tag_history h
               WHERE workspace_id = %(workspace)s AND at < %(before)s
                 AND EXISTS (SELECT FROM contact_tag_history newer
                             WHERE newer.contact_id = h.contact_id AND newer.at > h.at AND newer.at <= %(before)s)
               LIMIT %(most)s)""",
        workspace=workspace,
        before=before,
        most=most,
    )
