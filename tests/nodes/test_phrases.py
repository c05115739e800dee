"""Moments in words, and sentences in every language that we claim."""

from dataclasses import fields
from datetime import UTC, datetime

import pytest

from nodes.phrases import LANGUAGES, Phrases, moment, phrases
from tests.nodes.contexts import BUSINESS, MONDAY_NOON


@pytest.mark.parametrize(
    ("day", "month", "words"),
    [
        (23, 11, "today at 17:00"),
        (24, 11, "tomorrow at 17:00"),
        (27, 11, "on Friday at 17:00"),
        (1, 12, "on Tuesday, 2026-12-01, at 17:00"),
    ],
)
def test_a_moment_reads_as_people_say_it(day: int, month: int, words: str) -> None:
    assert moment(datetime(2026, month, day, 16, 0, tzinfo=UTC), MONDAY_NOON, BUSINESS, "en") == words


def test_a_moment_is_said_in_the_language_of_the_customer() -> None:
    friday = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
    assert moment(friday, MONDAY_NOON, BUSINESS, "de-CH") == "am Freitag um 17:00 Uhr"
    assert moment(friday, MONDAY_NOON, BUSINESS, "es") == "el viernes a las 17:00"
    assert moment(friday, MONDAY_NOON, BUSINESS, "ja") == "on Friday at 17:00"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything(language: str) -> None:
    said = phrases(language)
    assert all(getattr(said, field.name) for field in fields(Phrases))
    assert "{back}" in said.closed and "{time}" in said.today and "{day}" in said.on_day
