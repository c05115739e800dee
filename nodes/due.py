"""When a task is due: in some hours or days, or when the business opens next."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import JsonValue

from nodes.contract import Business, NodeFailed
from nodes.hours import HoursInvalid, hours_of

Due = Literal["hours", "days", "next_opening"]
DUE_LABELS: JsonValue = {"hours": "In some hours", "days": "In some days", "next_opening": "When you open next"}


def due_at(due: Due, amount: float, now: datetime, business: Business) -> datetime:
    """The moment, to the second. Raises NodeFailed where the opening hours cannot be read or never come."""
    now = now.replace(microsecond=0)
    match due:
        case "hours":
            return now + timedelta(hours=amount)
        case "days":
            # The same time of day there, also where the clock changes in between.
            local = now.astimezone(business.timezone)
            whole = local.replace(tzinfo=None) + timedelta(days=amount)
            return whole.replace(tzinfo=business.timezone).astimezone(now.tzinfo)
        case "next_opening":
            return _opening(now, business)


def _opening(now: datetime, business: Business) -> datetime:
    try:
        opens = hours_of(business).next_opening(now)
    except HoursInvalid as error:
        raise NodeFailed(str(error)) from error
    if opens is None:
        raise NodeFailed("The business never opens by its opening hours, so the task has no date. Correct the hours.")
    return opens
