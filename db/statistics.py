"""What the planner knows of tables that grow fast.

A worker's statements are planned once. Planned on empty tables they may walk an index of a whole workspace where one row is
wanted, and autovacuum looks only once a minute: measured 7.3 ms of Postgres per message in that time, 4.2 ms with statistics.
"""

from __future__ import annotations

import logging

from sqlmodel import Session

from db.engine import rows, run

log = logging.getLogger(__name__)

FAST = (
    "events_queue", "runs", "run_steps", "outbox", "messages", "conversations", "contacts", "identities", "decisions",
)  # fmt: skip
SMALL_PAGES = 2000  # 16 MB; what is larger has statistics that are near enough, and autovacuum for the rest


def refresh(tx: Session) -> list[str]:
    """Look at the tables that have more than doubled since they were looked at; returns their names (system transaction).

    Every plan made with the old figures is made anew. Two workers at once do not do it twice.
    """
    grown = [row["relname"] for row in rows(tx, _GROWN, names=list(FAST), small=SMALL_PAGES)]
    if not grown or not rows(tx, "SELECT WHERE pg_try_advisory_xact_lock(hashtextextended('statistics', 0))"):
        return []
    for name in grown:
        run(tx, f"ANALYZE {name}")
    log.info("Tables were measured for the planner", extra={"action": "database.statistics", "tables": grown})
    return grown


_GROWN = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%(names)s) AND relpages < %(small)s
      AND pg_relation_size(oid) / current_setting('block_size')::bigint > greatest(2 * relpages, 1)
"""
