"""Workspaces: one per business. Creating and finding them needs a `system()` transaction, the rest works in their own too."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlmodel import Session, col, select

from db import tables
from db.engine import run
from db.records import Workspace, record


class TimezoneUnknown(ValueError):
    """The text is not the name of a time zone."""


def create(
    tx: Session, name: str, slug: str, timezone: str = "UTC", settings: dict[str, Any] | None = None
) -> Workspace:
    """A new workspace. Raises TimezoneUnknown."""
    row = tables.Workspace(name=name, slug=slug, timezone=_checked(timezone), settings=settings or {})
    tx.add(row)
    tx.flush()
    return record(Workspace, row)


def get(tx: Session, workspace: UUID) -> Workspace | None:
    row = tx.get(tables.Workspace, workspace)
    return record(Workspace, row) if row else None


def by_slug(tx: Session, slug: str) -> Workspace | None:
    row = tx.exec(select(tables.Workspace).where(tables.Workspace.slug == slug)).first()
    return record(Workspace, row) if row else None


def all_workspaces(tx: Session) -> list[Workspace]:
    """Every workspace, the oldest first."""
    found = tx.exec(select(tables.Workspace).order_by(col(tables.Workspace.created_at), col(tables.Workspace.id)))
    return [record(Workspace, row) for row in found]


def update_settings(tx: Session, workspace: UUID, **changes: Any) -> None:
    """Set these settings and leave the others; a setting of None is removed. Two changes at once both stay."""
    kept = {name: value for name, value in changes.items() if value is not None}
    gone = [name for name, value in changes.items() if value is None]
    run(
        tx,
        "UPDATE workspaces SET settings = (settings || %(kept)s::jsonb) - %(gone)s::text[] WHERE id = %(id)s",
        kept=kept,
        gone=gone,
        id=workspace,
    )


def rename(tx: Session, workspace: UUID, name: str, timezone: str) -> None:
    """Another name and time zone. Raises TimezoneUnknown."""
    run(
        tx,
        "UPDATE workspaces SET name = %(name)s, timezone = %(zone)s WHERE id = %(id)s",
        name=name,
        zone=_checked(timezone),
        id=workspace,
    )


def _checked(timezone: str) -> str:
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TimezoneUnknown(
            f"'{timezone}' is not a time zone. Use a name like Europe/Berlin or America/New_York."
        ) from error
    return timezone
