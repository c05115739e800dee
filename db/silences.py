"""Conversations in which nobody has written for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from db.engine import rows

MOST = 500  # at once; the others come with the next look


@dataclass(frozen=True)
class Silence:
    """`seq`: messages.seq of the customer's last word, so that each silence has a name; what we say in it does not begin another."""

    conversation_id: UUID
    contact_id: UUID
    channel: str
    seq: int


def conversations(tx: Session, automation: UUID, event: str, since: datetime, until: datetime) -> list[Silence]:
    """Those whose last word was said between `since` and `until` and that this automation has not met in this silence.

    customer_silent: we said it, and it left. nobody_answered: the customer did. Contacts who opted out are left alone.
    """
    found = rows(
        tx,
        """SELECT c.id AS conversation_id, c.contact_id, c.channel, h.seq
           FROM conversations c
           JOIN contacts t ON t.id = c.contact_id AND t.opted_out_at IS NULL
           JOIN LATERAL (SELECT seq, direction, state, created_at FROM messages
                         WHERE conversation_id = c.id AND direction IN ('in', 'out') ORDER BY seq DESC LIMIT 1) m ON true
           JOIN LATERAL (SELECT coalesce(max(seq), 0) AS seq FROM messages
                         WHERE conversation_id = c.id AND direction = 'in') h ON true
           WHERE c.last_message_at BETWEEN %(since)s AND %(until)s AND m.created_at BETWEEN %(since)s AND %(until)s
             AND m.direction = CASE WHEN %(event)s = 'customer_silent' THEN 'out' ELSE 'in' END
             AND m.state NOT IN ('failed', 'error', 'cancelled')
             AND NOT EXISTS (SELECT FROM runs r WHERE r.automation_id = %(automation)s
                             AND r.occasion_key = %(event)s || ':' || c.id || ':' || h.seq)
           ORDER BY m.seq LIMIT %(most)s""",
        automation=automation,
        event=event,
        since=since,
        until=until,
        most=MOST,
    )
    return [Silence(**dict(row)) for row in found]
