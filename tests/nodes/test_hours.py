"""Opening hours: lunch breaks, holidays, nights, and clocks that change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nodes.contract import Business
from nodes.hours import Hours, HoursInvalid, hours_of

ZURICH = ZoneInfo("Europe/Zurich")
WEEK = {day: [["09:00", "12:30"], ["13:30", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def hours(weekly: Any = None, holidays: Any = None, zone: ZoneInfo = ZURICH) -> Hours:
    return hours_of(Business("Lindner Cycles", zone, {"hours": weekly, "holidays": holidays}))


def local(day: int, hour: int, minute: int = 0, month: int = 11, zone: ZoneInfo = ZURICH) -> datetime:
    """A moment in November 2026; the 23rd is a Monday."""
    return datetime(2026, month, day, hour, minute, tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("hour", "minute", "is_open"),
    [
        (8, 59, False),
        (9, 0, True),
        (12, 29, True),
        (12, 30, False),
        (13, 0, False),
        (13, 30, True),
        (17, 59, True),
        (18, 0, False),
    ],
)
def test_the_lunch_break_is_closed(hour: int, minute: int, is_open: bool) -> None:
    assert hours(WEEK).is_open(local(23, hour, minute)) is is_open


def test_no_hours_means_always_open() -> None:
    assert hours().is_open(local(22, 3))
    assert hours().next_opening(local(22, 3)) == local(22, 3)
    assert hours().closing(local(22, 3)) is None


def test_a_day_that_is_not_named_is_closed() -> None:
    assert not hours(WEEK).is_open(local(22, 10))
    assert hours(WEEK).next_opening(local(21, 10)) == local(23, 9)


def test_the_next_opening_is_after_lunch_when_it_is_lunch() -> None:
    assert hours(WEEK).next_opening(local(23, 12, 45)) == local(23, 13, 30)


def test_closing_ends_the_interval_that_runs() -> None:
    assert hours(WEEK).closing(local(23, 10)) == local(23, 12, 30)
    assert hours(WEEK).closing(local(23, 13)) is None


def test_a_holiday_is_closed_and_a_short_day_is_short() -> None:
    short = {"date": "2026-11-24", "name": "Inventory", "hours": [["09:00", "11:00"]]}
    week = hours(WEEK, ["2026-11-23", short])
    assert not week.is_open(local(23, 10))
    assert week.next_opening(local(23, 10)) == local(24, 9)
    assert week.is_open(local(24, 10)) and not week.is_open(local(24, 14))


def test_holidays_alone_close_only_themselves() -> None:
    assert hours(None, ["2026-11-23"]).is_open(local(24, 3))
    assert not hours(None, ["2026-11-23"]).is_open(local(23, 12))


def test_an_interval_may_run_past_midnight() -> None:
    bar = hours({"fri": [["20:00", "02:00"]]})
    assert bar.is_open(local(27, 23)) and bar.is_open(local(28, 1, 59)) and not bar.is_open(local(28, 2))


def test_midnight_as_the_end_is_the_end_of_the_day() -> None:
    late = hours({"fri": [["20:00", "24:00"]]})
    assert late.is_open(local(27, 23, 59)) and not late.is_open(local(28, 0))


def test_the_hours_are_those_of_the_business_and_not_of_the_reader() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    assert hours(WEEK, zone=tokyo).is_open(datetime(2026, 11, 24, 0, 30, tzinfo=UTC))  # Tuesday, 9:30 in Tokyo
    assert not hours(WEEK, zone=tokyo).is_open(datetime(2026, 11, 23, 12, 0, tzinfo=UTC))


def test_the_day_on_which_the_clocks_change_keeps_its_hours() -> None:
    sunday = hours({"sun": [["09:00", "12:00"]]})
    # On 25 October 2026 Zurich falls back from UTC+2 to UTC+1.
    assert sunday.next_opening(local(24, 20, month=10)) == datetime(2026, 10, 25, 8, 0, tzinfo=UTC)


def test_a_business_that_never_opens_has_no_next_opening() -> None:
    assert hours({"mon": []}).next_opening(local(23, 10)) is None


@pytest.mark.parametrize(
    ("weekly", "holidays", "named"),
    [
        ({"monday": [["09:00", "17:00"]]}, None, "monday"),
        ({"mon": ["09:00", "17:00"]}, None, "mon"),
        ({"mon": [["9", "17"]]}, None, "mon"),
        ({"mon": [["09:00", "25:00"]]}, None, "mon"),
        ([["09:00", "17:00"]], None, "name the days"),
        (WEEK, ["25.12.2026"], "25.12.2026"),
        (WEEK, "2026-12-25", "list of dates"),
        (WEEK, [None], "None"),
    ],
)
def test_hours_that_cannot_be_read_are_named(weekly: Any, holidays: Any, named: str) -> None:
    with pytest.raises(HoursInvalid, match=named):
        hours(weekly, holidays)
