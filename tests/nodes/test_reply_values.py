"""A reply is read as what was asked for, and what cannot be read is not guessed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from nodes.reply_values import Wanted, value_of

SUNDAY = datetime(2026, 11, 22, 12)
BIKES = ["Road bike", "City bike"]


@pytest.mark.parametrize(
    ("kind", "reply", "value"),
    [
        ("text", "  blue ", "blue"),
        ("text", "   ", None),
        ("number", "I think 1'250.50 please", "1250.5"),
        ("number", "1.234,5", "1234.5"),
        ("number", "about 1,000", "1000"),
        ("number", "2,5 kg", "2.5"),
        ("number", "-3", "-3"),
        ("number", "a few", None),
        ("email", "it's Ana.Silva@Example.com, thanks", "ana.silva@example.com"),
        ("email", "ana at example", None),
        ("phone", "+1 (415) 555-0123", "+14155550123"),
        ("phone", "call me", None),
        ("phone", "12345", None),
        ("date", "morgen", "2026-11-23"),
        ("date", "am 24. März", "2027-03-24"),
        ("date", "the 14th of March", "2027-03-14"),
        ("date", "el 3 de mayo", "2027-05-03"),
        ("date", "next Tuesday", "2026-11-24"),
        ("date", "Sonntag passt gut", "2026-11-29"),
        ("date", "03/04/2027", "2027-04-03"),
        ("date", "hello", None),
        ("choice", "2", "City bike"),
        ("choice", "the city bike, please", "City bike"),
        ("choice", "roa", "Road bike"),
        ("choice", "bike", None),
        ("choice", "3", None),
    ],
)
def test_a_reply_is_read(kind: Any, reply: str, value: str | None) -> None:
    assert value_of(reply, Wanted(kind, BIKES, now=SUNDAY)) == value


def test_where_one_is_decides_how_a_number_is_read() -> None:
    assert value_of("079 123 45 67", Wanted("phone", region="CH")) == "+41791234567"
    assert value_of("079 123 45 67", Wanted("phone")) is None
    assert value_of("03/04/2027", Wanted("date", now=SUNDAY, month_first=True)) == "2027-03-04"


def test_two_choices_in_one_reply_are_no_choice() -> None:
    assert value_of("road bike or city bike?", Wanted("choice", BIKES)) is None
