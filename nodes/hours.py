"""Opening hours of the business: several intervals a day, holidays, its own time zone.

They stand in the settings of the workspace:

    "hours": {"mon": [["09:00", "12:30"], ["13:30", "18:00"]], "sat": [["10:00", "14:00"]]}
    "holidays": ["2026-12-25", {"date": "2026-12-24", "name": "Christmas Eve", "hours": [["09:00", "12:00"]]}]

A day that is not named is closed. No hours at all means always open. An interval that ends before it begins runs past midnight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nodes.contract import Business

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_AHEAD_DAYS = 370  # further away nothing opens

Interval = tuple[time, time]


class HoursInvalid(ValueError):
    """The opening hours of the workspace cannot be read; the message names the entry and the form it must have."""


@dataclass(frozen=True)
class Hours:
    """Opening hours that were checked. `special` overrides the weekday; no interval there means closed."""

    timezone: ZoneInfo
    weekly: Mapping[str, tuple[Interval, ...]]
    special: Mapping[date, tuple[Interval, ...]]

    @property
    def always(self) -> bool:
        return not self.weekly and not self.special

    def is_open(self, at: datetime) -> bool:
        """Whether somebody is there at this moment."""
        return self.always or any(start <= at < end for start, end in self._around(at, days=1))

    def next_opening(self, at: datetime) -> datetime | None:
        """The moment from which it is open: `at` itself when it is open; None when it never opens again."""
        if self.is_open(at):
            return at
        return min((start for start, _ in self._around(at, days=LOOK_AHEAD_DAYS) if start >= at), default=None)

    def closing(self, at: datetime) -> datetime | None:
        """When the interval that is open now ends; None when it is closed or never closes."""
        if self.always:
            return None
        return max((end for start, end in self._around(at, days=1) if start <= at < end), default=None)

    def _around(self, at: datetime, *, days: int) -> Iterator[tuple[datetime, datetime]]:
        """The intervals from the day before `at` (one may run past midnight) on, in UTC and in order."""
        today = at.astimezone(self.timezone).date()
        for offset in range(-1, days + 1):
            day = today + timedelta(days=offset)
            for start, end in self._on(day):
                last = day if end > start else day + timedelta(days=1)
                yield self._moment(day, start), self._moment(last, end)

    def _on(self, day: date) -> tuple[Interval, ...]:
        if day in self.special:
            return self.special[day]
        # With holidays and no weekly hours, every other day is open.
        return self.weekly.get(DAYS[day.weekday()], ()) if self.weekly else ((time(0), time(0)),)

    def _moment(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.timezone).astimezone(UTC)


def hours_of(business: Business) -> Hours:
    """The hours in the settings of the business. Raises HoursInvalid."""
    weekly, holidays = business.settings.get("hours") or {}, business.settings.get("holidays") or []
    if not isinstance(weekly, Mapping):
        raise HoursInvalid('Opening hours must name the days: {"mon": [["09:00", "17:00"]]}.')
    if not isinstance(holidays, list):
        raise HoursInvalid('Holidays must be a list of dates: ["2026-12-25"].')
    for day in weekly:
        if day not in DAYS:
            raise HoursInvalid(f"Opening hours name the day '{day}'; use {', '.join(DAYS)}.")
    return Hours(
        business.timezone,
        {day: _intervals(day, value) for day, value in weekly.items()},
        dict(_holiday(entry) for entry in holidays),
    )


def _holiday(entry: Any) -> tuple[date, tuple[Interval, ...]]:
    written = entry.get("date", "") if isinstance(entry, Mapping) else entry
    try:
        day = date.fromisoformat(written)
    except (TypeError, ValueError) as error:
        raise HoursInvalid(f"The holiday {written!r} is not a date; write it like 2026-12-25.") from error
    return day, _intervals(str(written), entry.get("hours") or []) if isinstance(entry, Mapping) else ()


def _intervals(day: str, value: Any) -> tuple[Interval, ...]:
    try:
        return tuple((clock(start), clock(end)) for start, end in value)
    except (TypeError, ValueError) as error:
        raise HoursInvalid(
            f'The opening hours of {day} must be a list like [["09:00", "17:00"]], not {value!r}.'
        ) from error


def clock(written: str) -> time:
    """A time of day from "9:00" or "09:00"; "24:00" is midnight. Raises ValueError."""
    hour, minute = written.split(":")
    return time(int(hour) % 24 if (hour, minute) == ("24", "00") else int(hour), int(minute))
