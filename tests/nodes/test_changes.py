"""The difference of two texts, as facts in the order of their weight."""

from __future__ import annotations

import pytest

from nodes.changes import compare, facts

BEFORE = """# Prices

A tune-up costs $79. It takes two days.

| Service | Price |
|---|---|
| Wash | $15 |
| Chain | $35 |

## Hours

Open Monday to Friday 9:00 to 18:00. Call +1 303 555 0142.

We love bikes.
"""


def told(before: str, after: str) -> list[tuple[str, str]]:
    return [(item.kind, str(item)) for item in compare(before, after)]


def test_nothing_is_different_from_itself() -> None:
    assert compare(BEFORE, BEFORE) == []
    assert compare(BEFORE, BEFORE.replace("\n\n", "\n\n\n")) == []


def test_prices_come_first_then_times_dates_numbers_and_words() -> None:
    after = BEFORE.replace("$79", "$89").replace("18:00", "17:30").replace("Friday", "Saturday").replace("0142", "0199")
    after = (
        after.replace("two days", "three days")
        .replace("We love bikes.", "")
        .replace("| Wash | $15 |", "| Wash | $18 |")
    )
    assert told(BEFORE, after) == [
        ("price", "Prices: $79 → $89"),
        ("price", "Prices > Wash: $15 → $18"),
        ("time", "Prices > Hours: 18:00 → 17:30"),
        ("date", "Prices > Hours: Friday → Saturday"),
        ("contact", "Prices > Hours: +1 303 555 0142 → +1 303 555 0199"),
        ("text", "Prices: It takes two days. → It takes three days."),
        ("text", "Prices > Hours: gone: We love bikes."),
    ]


def test_what_came_and_what_went_is_told_whole() -> None:
    assert told(BEFORE, BEFORE.replace("| Chain | $35 |", "| Chain | $35 |\n| Brakes | $20 |")) == [
        ("price", "Prices > Brakes: new: Brakes · $20")
    ]
    assert told(BEFORE, BEFORE.replace("| Chain | $35 |\n", "")) == [("price", "Prices > Chain: gone: Chain · $35")]


def test_a_sentence_that_moved_within_its_section_and_changed_is_still_the_same_sentence() -> None:
    before = "A wash costs $15 at our shop.\n\nA chain costs $35 with fitting.\n"
    after = "A chain costs $40 with fitting.\n\nA wash costs $15 at our shop.\n"
    assert ("price", "$35 → $40") in told(before, after)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 1.299,50 € or USD 20", [("price", "1.299,50 €"), ("price", "USD 20")]),
        ("on 2026-12-24, 24.12.2026 or May 1st", [("date", "2026-12-24"), ("date", "24.12.2026"), ("date", "May 1st")]),
        ("at 9:30 am, noon and 6 pm", [("time", "9:30 am"), ("time", "noon"), ("time", "6 pm")]),
        (
            "mail ana@shop.example, 15 % off 3 bikes",
            [("contact", "ana@shop.example"), ("number", "15 %"), ("number", "3")],
        ),
        ("no facts here", []),
    ],
)
def test_facts_are_known_by_their_form(text: str, expected: list[tuple[str, str]]) -> None:
    assert facts(text) == expected


def test_a_long_text_is_compared_in_time() -> None:
    before = "\n".join(f"Part {number} costs ${number}." for number in range(6000))
    assert len(compare(before, before.replace("$77.", "$78."))) == 2
