"""Automations: a draft that is edited, and numbered versions that never change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import one, rows


@dataclass(frozen=True)
class LiveAutomation:
    """The published version of an enabled automation."""

    id: UUID
    name: str
    priority: int
    version_id: UUID
    number: int
    document: Mapping[str, Any]


def create(tx: Session, workspace: UUID, name: str, draft: Mapping[str, Any], description: str = "") -> UUID:
    made = one(
        tx,
        """INSERT INTO automations (workspace_id, name, description, draft)
           VALUES (%(workspace)s, %(name)s, %(description)s, %(draft)s) RETURNING id""",
        workspace=workspace,
        name=name,
        description=description,
        draft=Jsonb(draft),
    )
    assert made is not None
    automation_id: UUID = made["id"]
    return automation_id


def publish(tx: Session, automation_id: UUID, document: Mapping[str, Any], user_id: UUID | None, note: str) -> int:
    """Add the next version and make it the live one, in one step; returns its number."""
    made = one(
        tx,
        """
        WITH locked AS (SELECT id, workspace_id FROM automations WHERE id = %(id)s FOR UPDATE),
        made AS (
            INSERT INTO automation_versions (workspace_id, automation_id, number, document, note, published_by)
            SELECT workspace_id, id, 1 + (SELECT coalesce(max(number), 0) FROM automation_versions WHERE automation_id = locked.id),
                   %(document)s, %(note)s, %(user)s FROM locked
            RETURNING automation_id, number)
        UPDATE automations SET live_version = made.number, updated_at = now()
        FROM made WHERE automations.id = made.automation_id RETURNING made.number
        """,
        id=automation_id,
        document=Jsonb(document),
        note=note,
        user=user_id,
    )
    if made is None:
        raise LookupError(f"There is no automation {automation_id} in this workspace.")
    return int(made["number"])


def draft(tx: Session, automation_id: UUID) -> Mapping[str, Any] | None:
    found = one(tx, "SELECT draft FROM automations WHERE id = %(id)s", id=automation_id)
    return found["draft"] if found else None


def live(tx: Session) -> list[LiveAutomation]:
    """The published versions of all enabled automations of the workspace, the first in priority first."""
    return [
        LiveAutomation(**dict(r))
        for r in rows(
            tx,
            """SELECT a.id, a.name, a.priority, v.id AS version_id, v.number, v.document
               FROM automations a JOIN automation_versions v ON v.automation_id = a.id AND v.number = a.live_version
               WHERE a.enabled ORDER BY a.priority, a.name""",
        )
    ]
