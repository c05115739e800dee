"""Automations as a list, and one with its live document."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows
from db.records import record


@dataclass(frozen=True)
class AutomationLine:
    id: UUID
    name: str
    description: str
    enabled: bool
    priority: int
    live_version: int | None  # None = never published
    draft_revision: int
    updated_at: datetime
    published_at: datetime | None
    published_by: str | None
    last_run_at: datetime | None
    last_run_state: str | None


@dataclass(frozen=True)
class AutomationDetail(AutomationLine):
    document: Mapping[str, Any] | None  # of the live version
    draft: Mapping[str, Any]


def automation_list(tx: Session) -> list[AutomationLine]:
    """Every automation, in the order in which they are asked about a message."""
    return [record(AutomationLine, row) for row in rows(tx, f"{_AUTOMATION} ORDER BY a.priority, lower(a.name), a.id")]


def automation(tx: Session, id: UUID) -> AutomationDetail | None:
    row = one(tx, f"{_AUTOMATION} WHERE a.id = %(id)s", id=id)
    return record(AutomationDetail, row) if row else None


_AUTOMATION = """
    SELECT a.*, v.document, v.published_at, u.name AS published_by, r.created_at AS last_run_at, r.state AS last_run_state
    FROM automations a
    LEFT JOIN automation_versions v ON v.automation_id = a.id AND v.number = a.live_version
    LEFT JOIN users u ON u.id = v.published_by
    LEFT JOIN LATERAL (SELECT created_at, state FROM runs WHERE automation_id = a.id ORDER BY seq DESC LIMIT 1) r ON true
"""
