"""Conversations with people of these names."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from db.engine import system
from tests.db import builders as a

NOW = datetime(2026, 3, 14, 10, 0, tzinfo=UTC)


def people(workspace: UUID, *names: str, **columns: Any) -> list[UUID]:
    """A conversation per name; the first has the newest message."""
    made = []
    with system() as tx:
        for number, name in enumerate(names):
            contact = a.a_contact(tx, workspace, name=name, phone=f"+141555501{number:02}")
            moment = NOW - timedelta(minutes=number)
            made.append(a.a_conversation(tx, workspace, contact, last_message_at=moment, **columns))
    return made
