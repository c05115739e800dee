"""What this process counted and what waits in the database, as Prometheus text."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

from sqlmodel import Session

from db.engine import rows

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds

# name, state and age of the oldest row that waits; one statement, each part served by an index on open rows
_DEPTHS = """
SELECT 'events' AS queue, state, count(*) AS waiting,
       coalesce(extract(epoch FROM now() - min(received_at)), 0)::float AS oldest_seconds
FROM events_queue WHERE state IN ('pending', 'processing', 'parked') GROUP BY state
UNION ALL
SELECT 'runs', state, count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float
FROM runs WHERE state IN ('pending', 'running', 'waiting') GROUP BY state
UNION ALL
SELECT 'outbox', state, count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float
FROM outbox WHERE state IN ('pending', 'sending', 'unknown') GROUP BY state
UNION ALL
SELECT 'handoffs', state, count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float
FROM handoffs WHERE state <> 'resolved' GROUP BY state
"""

# what became of work in the last hour
_OUTCOMES = """
SELECT 'runs' AS queue, state, count(*) AS done FROM runs WHERE finished_at > now() - interval '1 hour' GROUP BY state
UNION ALL
SELECT 'outbox', state, count(*) FROM outbox WHERE settled_at > now() - interval '1 hour' GROUP BY state
UNION ALL
SELECT 'events', state, count(*) FROM events_queue WHERE processed_at > now() - interval '1 hour' GROUP BY state
"""


class Metrics:
    """Counters of one process; safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, float] = {}
        self._buckets: Counter[tuple[str, float]] = Counter()

    def webhook(self, kind: str, status: int, seconds: float) -> None:
        """One webhook call was answered."""
        with self._lock:
            self._answers[(kind, status)] += 1
            self._seconds[kind] = self._seconds.get(kind, 0.0) + seconds
            for bound in BOUNDS:
                if seconds <= bound:
                    self._buckets[(kind, bound)] += 1

    def lines(self) -> list[str]:
        with self._lock:
            answers, seconds, buckets = dict(self._answers), dict(self._seconds), dict(self._buckets)
        out = head("frontdesk_webhook_answers_total", "counter", "Webhook calls answered, by status.")
        out += [
            line("frontdesk_webhook_answers_total", count, kind=kind, status=status)
            for (kind, status), count in sorted(answers.items())
        ]
        out += head("frontdesk_webhook_seconds", "histogram", "Time from a webhook call to its answer.")
        for kind, total in sorted(seconds.items()):
            calls = sum(count for (of, _), count in answers.items() if of == kind)
            for bound in BOUNDS:
                out.append(line("frontdesk_webhook_seconds_bucket", buckets.get((kind, bound), 0), kind=kind, le=bound))
            out.append(line("frontdesk_webhook_seconds_bucket", calls, kind=kind, le="+Inf"))
            out.append(line("frontdesk_webhook_seconds_sum", total, kind=kind))
            out.append(line("frontdesk_webhook_seconds_count", calls, kind=kind))
        return out


def database_lines(tx: Session) -> list[str]:
    """Queue depths, ages and outcomes over all workspaces (system transaction)."""
    depths, outcomes = rows(tx, _DEPTHS), rows(tx, _OUTCOMES)
    out = head("frontdesk_waiting", "gauge", "Rows that wait, by queue and state.")
    out += [line("frontdesk_waiting", r["waiting"], queue=r["queue"], state=r["state"]) for r in depths]
    out += head("frontdesk_oldest_seconds", "gauge", "Age of the oldest row that waits.")
    out += [line("frontdesk_oldest_seconds", r["oldest_seconds"], queue=r["queue"], state=r["state"]) for r in depths]
    out += head("frontdesk_finished_last_hour", "gauge", "Work that ended in the last hour, by outcome.")
    out += [line("frontdesk_finished_last_hour", r["done"], queue=r["queue"], state=r["state"]) for r in outcomes]
    return out


def head(name: str, type: str, help: str) -> list[str]:
    return [f"# HELP {name} {help}", f"# TYPE {name} {type}"]


def line(name: str, value: float, **labels: object) -> str:
    return f"{name}{{{','.join(_labels(labels))}}} {value:g}" if labels else f"{name} {value:g}"


def _labels(labels: Mapping[str, object]) -> Iterable[str]:
    for label, value in labels.items():
        escaped = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        yield f'{label}="{escaped}"'
