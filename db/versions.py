"""The published versions of an automation: who, when, with which note, and how much they have done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows
from db.records import record


@dataclass(frozen=True)
class VersionLine:
    """One version. `by` is '' where no person published it; `runs` counts what it handled."""

    number: int
    note: str
    by: str
    at: datetime
    runs: int
    live: bool


def version_list(
    tx: Session, automation_id: UUID, before_number: int | None = None, limit: int = 50
) -> list[VersionLine]:
    """The newest first; `before_number` continues the list."""
    found = rows(
        tx,
        """SELECT v.number, v.note, coalesce(u.name, '') AS by, v.published_at AS at, coalesce(v.number = a.live_version, false) AS live,
                  (SELECT count(*) FROM runs r WHERE r.version_id = v.id) AS runs
           FROM automation_versions v JOIN automations a ON a.id = v.automation_id LEFT JOIN users u ON u.id = v.published_by
           WHERE v.automation_id = %(id)s AND (%(before)s::integer IS NULL OR v.number < %(before)s)
           ORDER BY v.number DESC LIMIT %(limit)s""",
        id=automation_id,
        before=before_number,
        limit=limit,
    )
    return [record(VersionLine, row) for row in found]


def document(tx: Session, automation_id: UUID, number: int) -> Mapping[str, Any] | None:
    """What a version says; None where there is no such version."""
    found = one(
        tx,
        "SELECT document FROM automation_versions WHERE automation_id = %(id)s AND number = %(number)s",
        id=automation_id,
        number=number,
    )
    return found["document"] if found else None
