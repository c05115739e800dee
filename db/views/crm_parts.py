"""When each part of the connection to the CRM worked last, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from db.engine import one

# What happened last, by part; None = never (or longer ago than rows are kept).
Parts = Mapping[str, datetime | None]

# The conditions are written as those of the indexes of this page are (0013).
_PARTS = """
    SELECT
        (SELECT settled_at FROM outbox WHERE state = 'done' AND order_key LIKE 'crm:%%' AND effect->>'kind' = 'copy_to_crm'
         ORDER BY settled_at DESC LIMIT 1) AS copied,
        (SELECT settled_at FROM outbox WHERE state = 'done' AND order_key LIKE 'crm:%%' AND effect->>'kind' <> 'copy_to_crm'
         AND effect->>'kind' = ANY(%(kinds)s) ORDER BY settled_at DESC LIMIT 1) AS changed,
        (SELECT received_at FROM events_queue WHERE type LIKE 'ghl.%%' AND type NOT IN ('ghl.outgoing', 'ghl.workflow')
         ORDER BY received_at DESC LIMIT 1) AS told,
        (SELECT received_at FROM events_queue WHERE type = 'ghl.outgoing'
         ORDER BY received_at DESC LIMIT 1) AS typed,
        (SELECT received_at FROM events_queue WHERE type = 'ghl.workflow'
         ORDER BY received_at DESC LIMIT 1) AS workflow,
        (SELECT max(crm_fetched_at) FROM contacts WHERE crm_fetched_at IS NOT NULL) AS read
"""


def last_worked(tx: Session, kinds: list[str]) -> Parts:
    """`kinds`: the effects that count as changes of the CRM."""
    found = one(tx, _PARTS, kinds=kinds)
    assert found is not None
    return dict(found)
