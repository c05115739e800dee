"""How long the list of runs takes with 100,000 of them, by what is asked for: python -m tests.bench.runs_page

Prints the median and the 95th percentile of each filter, and of one run with its steps; ends with 1 where one is over 200 ms.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from db import engine, views
from db.embedded import EmbeddedPostgres
from db.engine import configure, one, read_only, rows, run, system, transaction
from db.migrate import migrate
from tests.db.builders import a_connection, a_workspace, an_automation

RUNS, CONTACTS, ROUNDS, MOST_MS = 100_000, 5_000, 30, 200.0
DOCUMENT = {"format": 1, "name": "Front desk", "steps": [{"id": "message", "node": "message_received@1"}]}


def fill(workspace: UUID) -> list[UUID]:
    """Runs over 90 days: nearly all answered, some failed, one in twenty with a result of its own."""
    with transaction(workspace) as tx:
        account = a_connection(tx, workspace)
        automations = [an_automation(tx, workspace, DOCUMENT) for _ in range(3)]
        values: dict[str, Any] = {"w": workspace, "k": account, "c": CONTACTS, "runs": RUNS, "a": automations}
        run(tx, "INSERT INTO contacts (workspace_id, name, phone) SELECT %(w)s, 'Person ' || n, '+4179' || 1000000 + n FROM generate_series(1, %(c)s) n", **values)  # fmt: skip
        run(tx, """INSERT INTO conversations (workspace_id, contact_id, connection_id, channel, address)
                   SELECT %(w)s, id, %(k)s, 'webchat', id::text FROM contacts""", **values)  # fmt: skip
        run(tx, """INSERT INTO messages (workspace_id, conversation_id, connection_id, direction, author, content)
                   SELECT %(w)s, id, %(k)s, 'in', 'contact', 'Do you have blue bicycles, number ' || n || '?'
                   FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM conversations) c
                   JOIN generate_series(1, %(runs)s) n ON n %% %(c)s = c.place ORDER BY n""", **values)  # fmt: skip
        run(tx, """INSERT INTO runs (workspace_id, automation_id, version_id, conversation_id, contact_id, first_seq, last_seq, state,
                       outcome, created_at, started_at, finished_at)
                   SELECT %(w)s, v.automation_id, v.id, c.id, c.contact_id, m.seq, m.seq,
                       CASE WHEN m.seq %% 50 = 0 THEN 'failed' ELSE 'done' END,
                       CASE WHEN m.seq %% 20 = 0 THEN 'Nothing was sent, case ' || m.seq ELSE 'Answered.' END, t.at, t.at, t.at
                   FROM messages m JOIN conversations c ON c.id = m.conversation_id
                   JOIN automation_versions v ON v.automation_id = (%(a)s::uuid[])[1 + m.seq %% 3]
                   CROSS JOIN LATERAL (SELECT now() - (%(runs)s - m.seq) * interval '78 seconds' AS at) t ORDER BY m.seq""", **values)  # fmt: skip
        run(tx, """INSERT INTO run_steps (run_id, workspace_id, step_id, position, node, state, started_at)
                   SELECT id, %(w)s, 'message', 0, 'message_received@1', 'done', now() FROM runs""", **values)  # fmt: skip
    with system() as tx:
        run(tx, "ANALYZE")
    return automations


def measure(what: str, workspace: UUID, look: Callable[[Any], object]) -> float:
    """Prints what it takes in milliseconds; returns the 95th percentile."""
    took = []
    with read_only(workspace) as tx:
        look(tx)  # the first look plans the statement
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with read_only(workspace) as tx:
            look(tx)
        took.append((time.perf_counter() - began) * 1000)
    p95 = statistics.quantiles(took, n=20)[-1]
    print(f"{what:52} median {statistics.median(took):6.1f} ms   p95 {p95:6.1f} ms")
    return p95


def looks(workspace: UUID, automation: UUID) -> list[tuple[str, dict[str, Any]]]:
    now = datetime.now(UTC)
    old = now - timedelta(days=80)
    with transaction(workspace) as tx:
        middle = one(tx, "SELECT max(seq) / 2 AS seq FROM runs")
    assert middle is not None
    return [
        ("newest", {}),
        ("from the middle on", {"before_seq": middle["seq"]}),
        ("of one automation", {"automation_id": automation}),
        ("failed", {"state": "failed"}),
        ("one contact by phone", {"search": "+41 79 1002345"}),
        ("many contacts", {"search": "person"}),
        ("nobody", {"search": "zzz"}),
        ("a rare result", {"outcome": "case 99980"}),
        ("a usual result", {"outcome": "answered"}),
        ("the last week", {"since": now - timedelta(days=7)}),
        ("one day, 80 days ago", {"since": old, "until": old + timedelta(days=1)}),
        ("no run in that time", {"since": now + timedelta(days=1)}),
        ("words of many messages", {"text": "blue bicycles"}),
        ("words of one message, not among the newest", {"text": "number 17?"}),
        ("words, of one contact", {"text": "bicycles", "search": "person 77"}),
        (
            "failed, of one automation, long ago, words",
            {"state": "failed", "automation_id": automation, "until": old, "text": "blue"},
        ),
    ]


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-bench-"))
    folder.chmod(0o711)  # when root runs this, the database's own user passes through here
    postgres = EmbeddedPostgres(folder / "postgres", for_tests=True)
    postgres.start()
    try:
        migrate(postgres.url())
        configure(postgres.url())
        with system() as tx:
            workspace = a_workspace(tx)
        automation = fill(workspace)[0]
        found = [
            measure(what, workspace, partial(views.run_list, limit=51, **asked))
            for what, asked in looks(workspace, automation)
        ]
        with transaction(workspace) as tx:
            [some] = rows(tx, "SELECT id FROM runs ORDER BY seq DESC LIMIT 1 OFFSET 500")
        found.append(measure("one run with its steps", workspace, lambda tx: views.run(tx, some["id"])))
        return 0 if max(found) < MOST_MS else 1
    finally:
        engine.dispose()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
