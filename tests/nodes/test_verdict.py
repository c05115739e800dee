"""Whatever a model answers, the customer gets a sentence or nothing, never JSON."""

import pytest

from nodes.verdict import Verdict, read_verdict

WHOLE = '{"reply": "At ten.", "needs_person": true, "reason": "asked", "used_passages": [2, 1]}'


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE,
        f"```json\n{WHOLE}\n```",
        f"```\n{WHOLE}\n```\nI hope this helps.",
        f"Here you are:\n{WHOLE}",
        f"<think>He wants {{}} hours.</think>{WHOLE}",
        WHOLE.replace("true", '"true"').replace("[2, 1]", '["2", 1]'),
    ],
)
def test_the_json_is_found_wherever_it_stands(answer: str) -> None:
    assert read_verdict(answer) == Verdict("At ten.", True, "asked", (2, 1))


def test_a_plain_text_is_the_reply() -> None:
    assert read_verdict(" We open at {ten}. ") == Verdict("We open at {ten}.")


def test_a_raw_line_break_within_the_json_does_no_harm() -> None:
    assert read_verdict('{"reply": "At\nten."}') == Verdict("At\nten.")


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        ('{"reply": "We say \\"hello\\".", "needs_per', 'We say "hello".'),
        ('```json\n{"reply": "At ten.", "used_pass', "At ten."),
        ('{"reply": "We open at t', ""),
        ('{"needs_person": true}', ""),
        ('{"answer": "x"', ""),
        ("", ""),
        ('{"reply": null}', ""),
    ],
)
def test_half_an_answer_gives_a_whole_reply_or_none(answer: str, reply: str) -> None:
    assert read_verdict(answer).reply == reply


def test_numbers_that_are_none_are_left_out() -> None:
    assert read_verdict('{"reply": "x", "used_passages": [1, "two", null, -3, 4.5]}').used == (1,)
    assert read_verdict('{"reply": "x", "used_passages": "all"}').used == ()
