"""Slots that hold across processes: so many calls within a window as a provider counts them, or one process at a time."""

from sqlmodel import Session

from db.engine import one, run


def take(
    tx: Session, key: str, slots: int, window_seconds: float, longest_seconds: float
) -> tuple[int, float] | tuple[None, float]:
    """(slot, 0.0), or (None, seconds to wait). Take it in a short transaction, and give it back when the answer is there.

    Whatever `window_seconds` the receiver looks at, never more than `slots` calls reach it: a slot is taken before the call and
    free again when the window has passed since its answer. One that is not given back is free after `longest_seconds` more.
    With a window of 0 and one slot this is a lock with a lease.
    """
    row = one(
        tx,
        "SELECT slot, wait FROM take_slot(%(key)s, %(slots)s, %(window)s, %(longest)s)",
        key=key,
        slots=slots,
        window=float(window_seconds),
        longest=float(longest_seconds),
    )
    assert row is not None
    return (None, float(row["wait"])) if row["slot"] is None else (int(row["slot"]), 0.0)


def give_back(tx: Session, slot: int, window_seconds: float) -> None:
    """The call of this slot is over."""
    run(tx, "SELECT give_slot_back(%(slot)s, %(window)s)", slot=slot, window=float(window_seconds))


def hold(tx: Session, key: str, seconds: float) -> None:
    """Nobody gets a slot of this key for so long."""
    run(tx, "SELECT hold_slots(%(key)s, %(seconds)s)", key=key, seconds=float(seconds))
