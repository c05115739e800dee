"""What the CRM told lately, and what became of each: taken over, put aside for a reason, or not understood."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db.engine import rows
from db.records import record


@dataclass(frozen=True)
class Told:
    """One call of the CRM. `kind`: its own word (ContactCreate, outgoing, workflow, ...); `note` says why nothing came of it."""

    id: UUID
    kind: str
    state: Literal["pending", "processing", "done", "ignored", "parked"]
    note: str
    received_at: datetime


def told(tx: Session, limit: int = 20) -> list[Told]:
    """The newest first."""
    return [record(Told, row) for row in rows(tx, _TOLD, limit=limit)]


_TOLD = """
    SELECT id, substr(type, 5) AS kind, state, note, received_at FROM events_queue
    WHERE type LIKE 'ghl.%%' ORDER BY received_at DESC LIMIT %(limit)s
"""
