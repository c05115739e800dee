"""Which of the offered times an answer means, in five languages; and what is no choice."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from nodes.slots import chosen, listed, spread
from tests.nodes.contexts import MONDAY_NOON

ZURICH = ZoneInfo("Europe/Zurich")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026 in Zurich; the 23rd is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=ZURICH).astimezone(UTC)


OFFERED = [at(24, 9), at(24, 14), at(25, 9), at(27, 16, 30)]


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("2", 2), ("2.", 2), ("number 3 please", 3), ("Nr. 4", 4), ("the second one", 2), ("the last one please", 4),
        ("Tuesday at 9", 1), ("tomorrow at 2pm", 2), ("at 2", 2), ("16:30", 4), ("4.30 pm works", 4), ("16h30", 4),
        ("Friday", 4), ("Fri works for me, thanks!", 4), ("25.11. um 9 Uhr", 3), ("11/27", 4), ("Wednesday 9:00", 3),
        ("morgen um 14 Uhr", 2), ("den zweiten bitte", 2), ("am Freitag", 4), ("Mittwoch passt", 3),
        ("el viernes", 4), ("mañana a las 9", 1), ("la segunda", 2), ("demain à 14h", 2), ("le premier", 1),
        ("vendredi à 16h30", 4), ("amanhã às 9h", 1), ("sexta-feira", 4), ("2026-11-25T09:00", 3),
        ("2026-11-25T08:00:00+00:00", 3), ("Could I have 14:00?", 2),
    ],
)  # fmt: skip
def test_an_answer_means_one_of_the_times(answer: str, number: int) -> None:
    assert chosen(answer, OFFERED, MONDAY_NOON, ZURICH) == OFFERED[number - 1]


@pytest.mark.parametrize(
    "answer",
    [
        "", "yes", "5", "9:00", "Tuesday", "tomorrow", "not on Friday", "I can't at 14:00", "none of them", "nein, Freitag nicht",
        "I have 2 children and one of them needs a new helmet", "Saturday", "at 10", "12:15", "2 or 3", "Sunday at 9",
        "2026-11-25T10:00",
    ],
)  # fmt: skip
def test_what_is_not_certain_is_no_choice(answer: str) -> None:
    assert chosen(answer, OFFERED, MONDAY_NOON, ZURICH) is None


def test_nothing_offered_is_nothing_chosen() -> None:
    assert chosen("2", [], MONDAY_NOON, ZURICH) is None


def test_times_are_listed_in_the_customers_zone_and_language() -> None:
    text = listed([at(23, 17), at(24, 9), at(30, 9)], MONDAY_NOON, ZoneInfo("America/New_York"), "de")
    assert text.splitlines() == [
        "1. Heute um 11:00 Uhr",
        "2. Morgen um 03:00 Uhr",
        "3. Am Montag, 2026-11-30, um 03:00 Uhr",
    ]


def test_an_offer_is_spread_over_days_and_not_the_first_morning_alone() -> None:
    free = [at(day, 9) + timedelta(minutes=30 * step) for day in (24, 25, 26) for step in range(12)]
    some = spread(free, ZURICH, 4)
    assert len(some) == 4 and some == sorted(some)
    assert {slot.astimezone(ZURICH).day for slot in some} == {24, 25}
    assert spread(free[:2], ZURICH, 4) == free[:2]
