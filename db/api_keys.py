"""Keys of other systems for the REST interface. Only their SHA-256 is kept."""

import hashlib
import secrets
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, col, select

from db import tables
from db.engine import one, run
from db.records import Role

PREFIX = "fd_"


class KeyHolder(NamedTuple):
    """Where a key opens the door, and how far."""

    workspace_id: UUID
    role: Role
    key_id: UUID


class KeyLine(NamedTuple):
    """A key as a list shows it."""

    id: UUID
    name: str
    role: str
    created_at: datetime
    last_used_at: datetime | None


def make(tx: Session, workspace: UUID, name: str, role: Role = "agent") -> str:
    """A new key. It cannot be shown again: only its hash is kept."""
    key = PREFIX + secrets.token_urlsafe(32)
    keep(tx, workspace, name, role, key)
    return key


def keep(tx: Session, workspace: UUID, name: str, role: Role, key: str) -> None:
    """Accept a key that somebody else made (FRONTDESK_API_KEY), once or many times."""
    run(
        tx,
        "INSERT INTO api_keys (workspace_id, name, role, key_hash) VALUES (%(workspace)s, %(name)s, %(role)s, %(hash)s)"
        " ON CONFLICT (key_hash) DO NOTHING",
        workspace=workspace,
        name=name,
        role=role,
        hash=_hash(key),
    )


def check(tx: Session, key: str) -> KeyHolder | None:
    """Whose key this is; None when it is unknown or revoked. Needs a `system()` transaction."""
    row = one(
        tx,
        "SELECT id, workspace_id, role, last_used_at FROM api_keys WHERE key_hash = %(hash)s AND revoked_at IS NULL",
        hash=_hash(key),
    )
    if row is None:
        return None
    _note_use(tx, row["id"])
    return KeyHolder(row["workspace_id"], row["role"], row["id"])


def active(tx: Session) -> list[KeyLine]:
    """The keys of the workspace that are not revoked, newest first."""
    table = tables.ApiKey
    found = tx.exec(select(table).where(col(table.revoked_at).is_(None)).order_by(col(table.created_at).desc()))
    return [KeyLine(row.id, row.name, row.role, row.created_at, row.last_used_at) for row in found]


def revoke(tx: Session, key_id: UUID) -> bool:
    """Close the door for a key; False when there is no such key, or it was revoked before."""
    return run(tx, "UPDATE api_keys SET revoked_at = now() WHERE id = %(id)s AND revoked_at IS NULL", id=key_id) == 1


def _note_use(tx: Session, key_id: UUID) -> None:
    # Once a minute at most, and never in the way of another request of the same key.
    run(
        tx,
        "UPDATE api_keys SET last_used_at = %(now)s WHERE id = (SELECT id FROM api_keys WHERE id = %(id)s"
        " AND (last_used_at IS NULL OR last_used_at < %(now)s - interval '1 minute') FOR UPDATE SKIP LOCKED)",
        id=key_id,
        now=datetime.now(UTC),
    )


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.strip().encode()).digest()
