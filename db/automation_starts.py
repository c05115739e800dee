"""What the installation must know of automations across workspaces: which start by the clock, and whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows


@dataclass(frozen=True)
class Starting:
    """A published, enabled automation with the settings of its trigger, and the time zone of its workspace."""

    id: UUID
    workspace_id: UUID
    timezone: str
    config: Mapping[str, Any]


def starting_with(tx: Session, trigger: str) -> list[Starting]:
    """Those whose first step is this node (system transaction)."""
    found = rows(
        tx,
        """SELECT a.id, a.workspace_id, w.timezone, coalesce(v.document -> 'steps' -> 0 -> 'config', '{}') AS config
           FROM automations a
           JOIN automation_versions v ON v.automation_id = a.id AND v.number = a.live_version
           JOIN workspaces w ON w.id = a.workspace_id
           WHERE a.enabled AND v.document -> 'steps' -> 0 ->> 'node' = %(trigger)s ORDER BY a.id""",
        trigger=trigger,
    )
    return [Starting(**dict(row)) for row in found]


def whose(tx: Session, automation: UUID) -> tuple[UUID, str] | None:
    """(workspace, name) of an automation; None where it was deleted (system transaction)."""
    found = one(tx, "SELECT workspace_id, name FROM automations WHERE id = %(id)s", id=automation)
    return (found["workspace_id"], found["name"]) if found else None
