"""Training sources: what they are, how they are set up, how much of them there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlmodel import Session

from db.engine import one, rows, run
from db.records import record

SourceType = Literal["website", "file", "text", "qa", "urls"]


@dataclass(frozen=True)
class SourceSetup:
    """A source with its settings; `config` is what the owner chose: limits, schedule, review."""

    id: UUID
    workspace_id: UUID
    type: SourceType
    name: str
    url: str
    config: Mapping[str, Any]
    status: str
    status_detail: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class SourceLine(SourceSetup):
    """A source in the list, with the figures of its documents."""

    documents: int  # that are there, failed ones included
    indexed: int
    failed: int
    waiting: int  # changes that a person must approve
    passages: int
    bytes: int


def create(
    tx: Session, workspace: UUID, type: SourceType, name: str, url: str = "", config: Mapping[str, Any] | None = None
) -> UUID | None:
    """A new source; None where one of this type and name is there already."""
    row = one(
        tx,
        """INSERT INTO training_sources (workspace_id, type, name, url, config) VALUES (%(w)s, %(type)s, %(name)s, %(url)s, %(config)s)
           ON CONFLICT (workspace_id, type, name) DO NOTHING RETURNING id""",
        w=workspace,
        type=type,
        name=name,
        url=url,
        config=dict(config or {}),
    )
    return row["id"] if row else None


def get(tx: Session, source: UUID) -> SourceSetup | None:
    row = one(tx, "SELECT * FROM training_sources WHERE id = %(id)s", id=source)
    return record(SourceSetup, row) if row else None


def named(tx: Session, type: SourceType, name: str) -> SourceSetup | None:
    row = one(tx, "SELECT * FROM training_sources WHERE type = %(type)s AND name = %(name)s", type=type, name=name)
    return record(SourceSetup, row) if row else None


def names(tx: Session) -> list[str]:
    """The name of every source, once where several have the same."""
    found = rows(tx, "SELECT name FROM training_sources GROUP BY name ORDER BY lower(name)")
    return [str(row["name"]) for row in found]


def scheduled(tx: Session) -> list[SourceSetup]:
    """The sources that have a schedule; in a `system()` transaction those of all workspaces."""
    found = rows(tx, "SELECT * FROM training_sources WHERE config ? 'schedule' ORDER BY created_at, id")
    return [record(SourceSetup, row) for row in found]


def line(tx: Session, source: UUID) -> SourceLine | None:
    """One source with its figures."""
    row = one(tx, _LINES.format(where="s.id = %(id)s", most=""), id=source)
    return record(SourceLine, row) if row else None


def listing(tx: Session, after: UUID | None = None, limit: int = 100) -> list[SourceLine]:
    """Sources by name; `after` is the last one of the page before."""
    where = """%(after)s::uuid IS NULL OR (lower(s.name), s.id) >
               (SELECT lower(name), id FROM training_sources WHERE id = %(after)s)"""
    found = rows(tx, _LINES.format(where=where, most="LIMIT %(limit)s"), after=after, limit=limit)
    return [record(SourceLine, row) for row in found]


_LINES = """
    -- every source with what is known of its documents; sources older than documents still have passages
    SELECT s.*, d.documents, d.indexed, d.failed, d.bytes, c.waiting, p.passages
    FROM (SELECT * FROM training_sources s WHERE {where} ORDER BY lower(s.name), s.id {most}) s
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE state NOT IN ('removed', 'skipped')) AS documents,
            count(*) FILTER (WHERE state = 'indexed') AS indexed, count(*) FILTER (WHERE state = 'failed') AS failed,
            coalesce(sum(bytes) FILTER (WHERE state NOT IN ('removed', 'skipped')), 0)::bigint AS bytes
        FROM training_documents WHERE source_id = s.id) d
    CROSS JOIN LATERAL (SELECT count(*) AS waiting FROM training_changes WHERE source_id = s.id AND state = 'waiting') c
    -- by the model that has most: while another takes over, a passage has a row for each
    CROSS JOIN LATERAL (SELECT coalesce(max(n), 0) AS passages FROM (
        SELECT count(*) AS n FROM ai_embeddings WHERE source_id = s.id AND enabled GROUP BY model) m) p
    ORDER BY lower(s.name), s.id
"""


def configure(tx: Session, source: UUID, **changes: Any) -> None:
    """Set these settings and leave the others; a setting of None is removed."""
    kept = {name: value for name, value in changes.items() if value is not None}
    gone = [name for name, value in changes.items() if value is None]
    run(
        tx,
        """UPDATE training_sources SET config = (config || %(kept)s::jsonb) - %(gone)s::text[], updated_at = now()
           WHERE id = %(id)s""",
        kept=kept,
        gone=gone,
        id=source,
    )


def note_schedule(tx: Session, source: UUID, seen: Mapping[str, Any], noted: Mapping[str, Any]) -> None:
    """Replace the schedule in the settings, where it is still the one that was seen."""
    run(
        tx,
        """UPDATE training_sources SET config = jsonb_set(config, '{schedule}', %(noted)s::jsonb)
           WHERE id = %(id)s AND config -> 'schedule' = %(seen)s::jsonb""",
        id=source,
        seen=dict(seen),
        noted=dict(noted),
    )


def set_url(tx: Session, source: UUID, url: str) -> None:
    run(tx, "UPDATE training_sources SET url = %(url)s, updated_at = now() WHERE id = %(id)s", url=url, id=source)


def delete(tx: Session, source: UUID) -> bool:
    """Delete a source with its documents, passages, jobs and changes."""
    return run(tx, "DELETE FROM training_sources WHERE id = %(id)s", id=source) > 0
