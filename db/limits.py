"""Rate limits that hold across processes: counters in Postgres, which may be lost in a crash and nothing else suffers."""

from datetime import datetime

from sqlmodel import Session

from db.engine import one, run


def take(tx: Session, key: str, per_window: int, window_seconds: float, now: datetime) -> float:
    """Count one use of `key`; 0.0 = allowed, otherwise nothing is counted and these are the seconds to wait.

    Within any `window_seconds` there are never more than `per_window` uses; 0 = no limit. A slice of a window is 1/60 of it, so
    a wait may be longer than needed by that much. The key stays locked until the end of the transaction: take it in a short one,
    and take several keys always in the same order.
    """
    if per_window <= 0:
        return 0.0
    row = one(
        tx,
        "SELECT take_limit(%(key)s, %(per)s, %(seconds)s, %(now)s) AS wait",
        key=key,
        per=per_window,
        seconds=float(window_seconds),
        now=now,
    )
    assert row is not None
    return float(row["wait"])


def forget(tx: Session, key: str) -> None:
    """Give every use of a key back. Needs a `system()` transaction."""
    run(tx, "DELETE FROM limits WHERE key = %(key)s", key=key)


def prune(tx: Session, before: datetime) -> int:
    """Delete counters of slices that began before this time; returns how many. Needs a `system()` transaction."""
    return run(tx, "DELETE FROM limits WHERE window_start < %(before)s", before=before)
