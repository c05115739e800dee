"""The newest messages of customers, to try an automation with."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from db.engine import rows
from db.records import record
from db.views.search import pattern

CONVERSATIONS = 200  # the newest, in which is looked
OF_EACH = 10


@dataclass(frozen=True)
class PastMessageLine:
    id: UUID
    at: datetime
    conversation_id: UUID
    contact_name: str
    channel: str
    text: str  # the beginning of the message


def past_messages(tx: Session, search: str = "", limit: int = 50) -> list[PastMessageLine]:
    """The newest first; `search` looks into the text and the name."""
    # There is no index over all messages by time: the newest conversations are taken, and the end of each.
    found = rows(
        tx,
        """
        SELECT m.id, m.created_at AS at, c.id AS conversation_id, p.name AS contact_name, c.channel, left(m.content, 200) AS text
        FROM (SELECT * FROM conversations ORDER BY last_message_at DESC, id DESC LIMIT %(conversations)s) c
        JOIN contacts p ON p.id = c.contact_id
        CROSS JOIN LATERAL (
            SELECT * FROM messages WHERE conversation_id = c.id AND direction = 'in' AND content <> ''
            ORDER BY seq DESC LIMIT %(each)s) m
        WHERE %(search)s = '' OR m.content ILIKE %(search)s OR p.name ILIKE %(search)s
        ORDER BY m.created_at DESC, m.seq DESC LIMIT %(limit)s
        """,
        conversations=CONVERSATIONS,
        each=OF_EACH,
        search=pattern(search) if search.strip() else "",
        limit=limit,
    )
    return [record(PastMessageLine, row) for row in found]
