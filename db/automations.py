"""Automations: a draft that is edited, and numbered versions that never change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import one, rows, run
from db.records import record


@dataclass(frozen=True)
class LiveAutomation:
    """The published version of an enabled automation."""

    id: UUID
    name: str
    priority: int
    version_id: UUID
    number: int
    document: Mapping[str, Any]


@dataclass(frozen=True)
class Editable:
    """An automation as its builder sees it. `updated_by` is a name, '' where nobody is known."""

    id: UUID
    name: str
    draft: Mapping[str, Any]
    draft_revision: int
    live_version: int | None
    enabled: bool
    needs_review: bool
    updated_by: str
    updated_at: datetime


def create(
    tx: Session,
    workspace: UUID,
    name: str,
    draft: Mapping[str, Any],
    description: str = "",
    user_id: UUID | None = None,
) -> UUID:
    made = one(
        tx,
        """INSERT INTO automations (workspace_id, name, description, draft, updated_by)
           VALUES (%(workspace)s, %(name)s, %(description)s, %(draft)s, %(user)s) RETURNING id""",
        user=user_id,
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


def editable(tx: Session, automation_id: UUID, *, lock: bool = False) -> Editable | None:
    """The draft with what a builder needs to know; with `lock` nobody else changes it until the end of this transaction."""
    found = one(
        tx,
        f"""SELECT a.id, a.name, a.draft, a.draft_revision, a.live_version, a.enabled, a.needs_review, a.updated_at,
                   coalesce(u.name, '') AS updated_by
            FROM automations a LEFT JOIN users u ON u.id = a.updated_by WHERE a.id = %(id)s {"FOR UPDATE OF a" if lock else ""}""",
        id=automation_id,
    )
    return record(Editable, found) if found else None


def save_draft(
    tx: Session, automation_id: UUID, name: str, description: str, draft: Mapping[str, Any], user_id: UUID | None
) -> int:
    """Keep another draft; returns its revision."""
    saved = one(
        tx,
        """UPDATE automations SET name = %(name)s, description = %(description)s, draft = %(draft)s, updated_by = %(user)s,
               draft_revision = draft_revision + 1, updated_at = now()
           WHERE id = %(id)s RETURNING draft_revision""",
        id=automation_id,
        name=name,
        description=description,
        draft=Jsonb(draft),
        user=user_id,
    )
    if saved is None:
        raise LookupError(f"There is no automation {automation_id} in this workspace.")
    return int(saved["draft_revision"])


def free_name(tx: Session, automation_id: UUID | None, wanted: str) -> str:
    """The name, with a number where another automation has it."""
    taken = {
        row["name"]
        for row in rows(tx, "SELECT name FROM automations WHERE id IS DISTINCT FROM %(id)s", id=automation_id)
    }
    numbered = (f"{wanted[:114]} {number}" for number in range(2, len(taken) + 3))
    return wanted if wanted not in taken else next(name for name in numbered if name not in taken)


def set_enabled(tx: Session, automation_id: UUID, enabled: bool) -> bool:
    """False = there is no such automation."""
    return run(tx, "UPDATE automations SET enabled = %(on)s WHERE id = %(id)s", id=automation_id, on=enabled) > 0


def set_needs_review(tx: Session, automation_id: UUID, needed: bool) -> bool:
    """False = there is no such automation."""
    return run(tx, "UPDATE automations SET needs_review = %(on)s WHERE id = %(id)s", id=automation_id, on=needed) > 0


def set_priorities(tx: Session, ids: Sequence[UUID]) -> None:
    """Those named first come first, in this order; the others keep their place behind them."""
    run(
        tx,
        """WITH wanted AS (SELECT id, position FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS w(id, position)),
           placed AS (
               SELECT a.id, row_number() OVER (ORDER BY w.position NULLS LAST, a.priority, lower(a.name), a.id) AS place
               FROM automations a LEFT JOIN wanted w ON w.id = a.id)
           UPDATE automations a SET priority = placed.place * 10 FROM placed WHERE placed.id = a.id""",
        ids=list(ids),
    )


def open_runs(tx: Session, automation_id: UUID) -> int:
    """How many runs of it are not at their end."""
    found = one(
        tx,
        "SELECT count(*) AS n FROM runs WHERE automation_id = %(id)s AND state IN ('pending', 'running', 'waiting')",
        id=automation_id,
    )
    return int(found["n"]) if found else 0


def delete(tx: Session, automation_id: UUID) -> None:
    """With its versions and runs."""
    run(tx, "DELETE FROM automations WHERE id = %(id)s", id=automation_id)


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
