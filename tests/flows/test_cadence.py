"""Times that repeat, in words and as cron, both ways."""

from datetime import UTC, datetime

import pytest

from flows.cadence import WordsUnclear, next_time, to_cron, to_words


@pytest.mark.parametrize(
    ("words", "cron"),
    [
        ("every Monday at 6:00", "0 6 * * 1"),
        ("every day at 6:00", "0 6 * * *"),
        ("daily at 18:30", "30 18 * * *"),
        ("Every weekday at 7.15", "15 7 * * 1-5"),
        ("weekends at 10 am", "0 10 * * 0,6"),
        ("Mondays and Thursdays at 6 pm", "0 18 * * 1,4"),
        ("every Tue, Fri at 12 am", "0 0 * * 2,5"),
        ("every Sunday at noon", "0 12 * * 0"),
        ("every Wednesday", "0 6 * * 3"),
        ("every week at 5:05", "5 5 * * 1"),
        ("on the 1st of every month at 5:00", "0 5 1 * *"),
        ("every month on the 15th at 23:59", "59 23 15 * *"),
        ("every hour", "0 * * * *"),
        ("hourly", "0 * * * *"),
        ("every 4 hours", "0 */4 * * *"),
        ("0 6 * * 1,3", "0 6 * * 1,3"),
    ],
)
def test_words_become_cron(words: str, cron: str) -> None:
    assert to_cron(words) == cron


@pytest.mark.parametrize(
    "words",
    [
        *(
            "",
            "sometimes",
            "every Blursday at 6:00",
            "every day at 25:00",
            "every day at 6:75",
            "every 5 hours",
            "every T at 6:00",
        ),
        *(
            "on the 31st of every month",
            "every Monday 6:00",
            "61 6 * * *",
            "0 6 * * 9",
            "every day at 13 pm",
            "99 99 99 99 99",
        ),
    ],
)
def test_unclear_words_are_refused_with_examples(words: str) -> None:
    with pytest.raises(WordsUnclear, match="every Monday at 6:00"):
        to_cron(words)


@pytest.mark.parametrize(
    "words",
    [
        *(
            "every day at 6:00",
            "every weekday at 7:15",
            "every weekend day at 10:00",
            "every Monday at 6:00",
            "every hour",
            "every 4 hours",
        ),
        *(
            "every Monday, Thursday and Sunday at 0:05",
            "on the 1st of every month at 5:00",
            "on the 22nd of every month at 5:00",
        ),
    ],
)
def test_words_come_back_as_they_were(words: str) -> None:
    assert to_words(to_cron(words)) == words


def test_a_cron_line_that_is_richer_than_words_stays_as_it_is() -> None:
    assert to_words("*/5 6-8 * * 1") == "*/5 6-8 * * 1"


@pytest.mark.parametrize(
    ("cron", "zone", "expected"),
    [
        ("0 6 * * 1", "UTC", "2026-11-23T06:00:00+00:00"),
        ("0 6 * * 1", "America/Denver", "2026-11-23T13:00:00+00:00"),
        ("30 18 * * *", "UTC", "2026-11-22T18:30:00+00:00"),
        ("0 6 * * *", "UTC", "2026-11-23T06:00:00+00:00"),
        ("0 5 1 * *", "Europe/Berlin", "2026-12-01T04:00:00+00:00"),
        ("0 */4 * * *", "UTC", "2026-11-22T20:00:00+00:00"),
        ("0 0 29 2 *", "UTC", "2028-02-29T00:00:00+00:00"),
        ("0 6 13 * 5", "UTC", "2026-11-27T06:00:00+00:00"),
    ],
)
def test_the_next_time_goes_by_the_clocks_of_the_zone(cron: str, zone: str, expected: str) -> None:
    found = next_time(cron, zone, datetime(2026, 11, 22, 18, 0, tzinfo=UTC))
    assert found is not None
    assert found.astimezone(UTC).isoformat() == expected


def test_a_day_that_never_comes_has_no_next_time() -> None:
    assert next_time("0 0 31 2 *", "UTC", datetime(2026, 1, 1, tzinfo=UTC)) is None
