"""When each part of the connection to the CRM worked last, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from db.engine import one

# What happened last, by part; None = never (or longer ago than rows are kept).
Parts = Mapping[str, datetime | None]

_PARTS = """
    SELECT
        (SELECT max(settled_at) FROM outbox WHERE state = 'done' AND effect->>'kind' = 'copy_to_crm') AS copied,
        (SELECT max(settled_at) FROM outbox WHERE state = 'done' AND effect->>'kind' = ANY(%(kinds)s)) AS changed,
        (SELECT max(received_at) FROM events_queue WHERE type LIKE 'ghl.%%' AND type NOT IN ('ghl.outgoing', 'ghl.workflow')) AS told,
        (SELECT max(received_at) FROM events_queue WHERE type = 'ghl.outgoing') AS typed,
        (SELECT max(received_at) FROM events_queue WHERE type = 'ghl.workflow') AS workflow,
        (SELECT max(crm_fetched_at) FROM contacts) AS read
"""


def last_worked(tx: Session, kinds: list[str]) -> Parts:
    """`kinds`: the effects that count as changes of the CRM."""
    found = one(tx, _PARTS, kinds=kinds)
    assert found is not None
    return dict(found)
