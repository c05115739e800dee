"""What the page CRM asks is found by index, however much has left and arrived."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

from db.engine import read_only, rows, run, system
from db.views import crm, crm_parts, crm_told
from tests.db.builders import an_event

KINDS = ["add_note", "change_tags"]
QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "when each part worked last": (crm_parts._PARTS, {"kinds": KINDS}),
    "what waits": (crm._WAITING, {}),
    "what was given up": (crm._LINES + crm._FAILED, {"limit": 20}),
    "what the CRM told": (crm_told._TOLD, {"limit": 20}),
}


@pytest.fixture
def busy(workspace: UUID) -> UUID:
    """Twenty thousand effects that have left and as many arrivals, few of them of the CRM."""
    with system() as tx:
        an_event(tx, workspace)
        run(tx, _EFFECTS, workspace=workspace)
        run(tx, _ARRIVALS, workspace=workspace)
    with system() as tx:
        run(tx, "ANALYZE outbox, events_queue")
    return workspace


def test_no_question_reads_the_whole_outbox_or_queue(busy: UUID) -> None:
    for question, (sql, values) in QUESTIONS.items():
        with read_only(busy) as tx:
            plan = "\n".join(str(row["QUERY PLAN"]) for row in rows(tx, f"EXPLAIN {sql}", **values))
        assert not re.search(r"Seq Scan on (outbox|events_queue)", plan), f"{question}:\n{plan}"


def test_the_answers_are_right(busy: UUID) -> None:
    with read_only(busy) as tx:
        parts, seen = crm_parts.last_worked(tx, KINDS), crm.waiting(tx)
        newest = {
            row["kind"]: row["at"]
            for row in rows(tx, "SELECT effect->>'kind' AS kind, max(settled_at) AS at FROM outbox GROUP BY 1")
        }
        arrived = {
            row["type"]: row["at"]
            for row in rows(tx, "SELECT type, max(received_at) AS at FROM events_queue GROUP BY 1")
        }
    assert (parts["copied"], parts["changed"]) == (newest["copy_to_crm"], newest["change_tags"])
    assert (parts["told"], parts["typed"], parts["workflow"]) == (
        arrived["ghl.ContactUpdate"],
        arrived["ghl.outgoing"],
        None,
    )
    assert seen.last_worked == max(newest["copy_to_crm"], newest["change_tags"], newest["crm_status"])


_EFFECTS = """
    INSERT INTO outbox (workspace_id, idempotency_key, order_key, author, effect, state, settled_at)
    SELECT %(workspace)s, 'k' || i, CASE WHEN i %% 50 = 0 THEN 'crm:' || gen_random_uuid() ELSE 'c' || i END, 'system',
        jsonb_build_object('kind', CASE WHEN i %% 50 <> 0 THEN 'send_message' WHEN i %% 200 = 0 THEN 'change_tags'
                                        WHEN i %% 100 = 0 THEN 'crm_status' ELSE 'copy_to_crm' END),
        'done', now() - make_interval(secs => 20000 - i)
    FROM generate_series(1, 20000) i
"""
_ARRIVALS = """
    INSERT INTO events_queue (workspace_id, connection_id, type, dedupe_key, order_key, payload, state, received_at)
    SELECT e.workspace_id, e.connection_id, CASE WHEN i %% 100 = 0 THEN 'ghl.ContactUpdate' WHEN i %% 150 = 1 THEN 'ghl.outgoing'
                                                 ELSE 'twilio.message' END,
        'd' || i, 'o', '{}', 'done', now() - make_interval(secs => 20000 - i)
    FROM events_queue e, generate_series(1, 20000) i
"""
