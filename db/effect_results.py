"""What a performed effect changed elsewhere: {"before": ..., "after": ..., "id": ...}, kept with the effect for whoever undoes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import one, run


def result_of(tx: Session, outbox_id: UUID) -> Mapping[str, Any] | None:
    """What was kept of the effect; None = nothing was tried yet."""
    found = one(tx, "SELECT result FROM outbox WHERE id = %(id)s", id=outbox_id)
    return found["result"] if found else None


def keep(tx: Session, outbox_id: UUID, result: Mapping[str, Any]) -> None:
    """Write the result in place of what was kept before."""
    run(tx, "UPDATE outbox SET result = %(result)s WHERE id = %(id)s", result=Jsonb(dict(result)), id=outbox_id)
