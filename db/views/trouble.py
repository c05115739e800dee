"""What needs a person's eye: the figures on the badges, parked arrivals, messages whose fate nobody knows; and the sources."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from db import passages
from db.engine import one, rows
from db.records import Source, record


@dataclass(frozen=True)
class Counts:
    unread_conversations: int
    pending_handoffs: int
    parked_events: int
    unknown_messages: int
    failed_runs_today: int  # since midnight in the time zone of the workspace
    waiting_approvals: int


@dataclass(frozen=True)
class ParkedEvent:
    id: UUID
    seq: int
    type: str
    connection_id: UUID
    connection_name: str
    attempts: int
    note: str
    received_at: datetime


@dataclass(frozen=True)
class UnknownMessage:
    outbox_id: UUID
    seq: int
    message_id: UUID | None
    conversation_id: UUID | None
    contact_name: str | None
    channel: str | None
    content: str
    error: str
    sending_since: datetime | None


def counts(tx: Session) -> Counts:
    """The figures for the badges of the transaction's workspace."""
    row = one(tx, _COUNTS)
    assert row is not None
    return record(Counts, row)


def parked_events(tx: Session, before_seq: int | None = None, limit: int = 50) -> list[ParkedEvent]:
    """Arrivals that were given up after three attempts, newest first."""
    found = rows(
        tx,
        "SELECT e.*, n.name AS connection_name FROM events_queue e JOIN connections n ON n.id = e.connection_id"
        " WHERE e.state = 'parked' AND (%(before)s::bigint IS NULL OR e.seq < %(before)s) ORDER BY e.seq DESC LIMIT %(limit)s",
        before=before_seq,
        limit=limit,
    )
    return [record(ParkedEvent, row) for row in found]


def unknown_messages(tx: Session, before_seq: int | None = None, limit: int = 50) -> list[UnknownMessage]:
    """Messages that may or may not have left, newest first."""
    found = rows(tx, _UNKNOWN, before=before_seq, limit=limit)
    return [record(UnknownMessage, row) for row in found]


def source_list(tx: Session) -> list[Source]:
    """Every training source by name, with the number of its passages."""
    return passages.sources(tx)


_COUNTS = """
    SELECT
        (SELECT count(*) FROM conversations WHERE unread > 0) AS unread_conversations,
        (SELECT count(*) FROM handoffs WHERE state = 'pending') AS pending_handoffs,
        (SELECT count(*) FROM events_queue WHERE state = 'parked') AS parked_events,
        (SELECT count(*) FROM outbox WHERE state = 'unknown') AS unknown_messages,
        (SELECT count(*) FROM runs WHERE state = 'failed' AND finished_at >= (
            SELECT date_trunc('day', now() AT TIME ZONE timezone) AT TIME ZONE timezone
            FROM workspaces WHERE id = current_workspace())) AS failed_runs_today,
        (SELECT count(*) FROM runs WHERE state = 'waiting' AND waiting_for @> '{approval}') AS waiting_approvals
"""

_UNKNOWN = """
    SELECT o.id AS outbox_id, o.seq, o.message_id, o.conversation_id, p.name AS contact_name, c.channel,
        coalesce(m.content, o.effect ->> 'text', '') AS content, o.error, o.sending_since
    FROM (
        SELECT * FROM outbox
        WHERE state = 'unknown' AND (%(before)s::bigint IS NULL OR seq < %(before)s) ORDER BY seq DESC LIMIT %(limit)s
    ) o
    LEFT JOIN messages m ON m.id = o.message_id
    LEFT JOIN conversations c ON c.id = o.conversation_id
    LEFT JOIN contacts p ON p.id = c.contact_id
    ORDER BY o.seq DESC
"""
