"""The parts of the Training page that are plain functions."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from nodes.search import Hit
from ui import training_changes, training_projection, training_test, training_when
from ui.training_pairs import pairs_of
from ui.training_words import count, place, rank, size

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("text", "pairs", "lonely"),
    [
        ("Open?\nYes.\nUntil six.\n\nRent?\nNo.", [("Open?", "Yes.\nUntil six."), ("Rent?", "No.")], []),
        ("Open?\n\nRent?\nNo.", [("Rent?", "No.")], ["Open?"]),
        (
            "Q: Open?\nA: Yes.\nQ: Rent?\nA: No.\n\nReally not.",
            [("Open?", "Yes."), ("Rent?", "No.\n\nReally not.")],
            [],
        ),
        ("question 1: Open?\nanswer: Yes.", [("Open?", "Yes.")], []),
        ("Open?\tYes.\nRent?\t\nSell?\tNo.", [("Open?", "Yes."), ("Sell?", "No.")], ["Rent?"]),
        ('Open?\t"Yes.\nUntil six."\n', [("Open?", "Yes.\nUntil six.")], []),
        ("", [], []),
    ],
)
def test_pasted_pairs_are_understood(text: str, pairs: list[tuple[str, str]], lonely: list[str]) -> None:
    assert pairs_of(text) == (pairs, lonely)


def test_words_of_a_schedule_show_their_next_times() -> None:
    told = training_when.meaning("every monday at 6", "Europe/Berlin", NOW).replace("\\", "")
    assert "Every Monday at 6:00." in told
    assert "Mon 23 Nov, 6:00 · Mon 30 Nov, 6:00 · Mon 7 Dec, 6:00" in told


def test_unclear_words_of_a_schedule_say_how_to_write_them() -> None:
    told = training_when.meaning("whenever", "UTC", NOW).replace("\\", "")
    assert "'whenever' is no" in told and "every Monday at 6:00" in told
    assert "only when somebody asks" in training_when.meaning(" ", "UTC", NOW)
    assert "never comes" in training_when.meaning("0 6 31 2 *", "UTC", NOW)


def test_sizes_numbers_and_ranks_are_words() -> None:
    assert [size(each) for each in (0, 999, 1_200, 29_500, 3_400_000)] == [
        "0 bytes",
        "999 bytes",
        "1.2 kB",
        "30 kB",
        "3.4 MB",
    ]
    assert [count(1, "page"), count(2300, "page")] == ["1 page", "2,300 pages"]
    assert [rank(number) for number in (1, 2, 3, 4, 11, 22, 113)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "22nd",
        "113th",
    ]


def test_a_document_is_called_by_its_title_or_its_readable_address() -> None:
    assert place("https://shop.example.com/a%20b/", "Prices") == "Prices"
    assert place("https://shop.example.com/a%20b/") == "shop.example.com/a b"
    assert place("prices.csv") == "prices.csv"


def test_a_difference_shows_what_was_and_what_is_and_never_becomes_markup() -> None:
    item = {"kind": "price", "where": "Prices", "before": "$15", "after": "*$16*", "sentence_after": "A wash: *$16*."}
    told = training_changes.fact(item)
    assert told.startswith(":material/payments: Price")
    assert ":red[~~\\$15~~] → :green[**\\*\\$16\\***]" in told
    assert "new: :green[**Call us\\.**]" in training_changes.fact(
        {"kind": "text", "where": "", "before": "", "after": "Call us."}
    )
    assert "gone: :red[" in training_changes.fact({"kind": "odd", "where": "", "before": "x", "after": ""})


def test_a_hit_says_how_each_half_of_the_search_judged_it() -> None:
    hit = Hit(uuid4(), uuid4(), "Shop", "website", "d", "h", "t", 0.7, 0.61, 2, None, None)
    assert training_test.why(hit) == "By meaning: 2nd, 0.61 · By words: not among the candidates"
    assert [training_test.strength(score) for score in (0.8, 0.4, 0.2)] == ["green", "orange", "gray"]


def _sent(*numbers: float) -> bytes:
    """A vector as Postgres sends it."""
    padded = [*numbers, *[0.0] * (16 - len(numbers))]
    return struct.pack(f">hh{len(padded)}f", len(padded), 0, *padded)


def test_what_is_alike_is_near_on_the_map() -> None:
    groups = [_sent(1, 0.01 * i, 0) for i in range(10)] + [_sent(0, 1, 0.01 * i) for i in range(10)]
    points = training_projection.points(groups)
    assert points == training_projection.points(groups)
    left, right = points[:10], points[10:]
    across = min(abs(one[0] - other[0]) for one in left for other in right)
    within = max(abs(one[0] - other[0]) for group in (left, right) for one in group for other in group)
    assert across > 4 * within
    assert all(-1 <= x <= 1 and -1 <= y <= 1 for x, y in points)


@pytest.mark.parametrize("vectors", [[], [_sent(1)], [_sent(1, 2)] * 3, [_sent(1), _sent(2), _sent(3)], [_sent()] * 3])
def test_few_or_equal_vectors_are_points_too(vectors: list[bytes]) -> None:
    points = training_projection.points(vectors)
    assert len(points) == len(vectors)
    assert all(math.isfinite(number) for point in points for number in point)
