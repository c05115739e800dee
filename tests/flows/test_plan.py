"""References are looked up, and texts are filled in as a person would write them."""

from __future__ import annotations

import pytest

from flows.plan import Reference, look_up, reference, render

OUTPUTS = {"a": {"text": "Hi", "yes": True, "none": None, "rows": ["x", "y"], "values": {"first name": "Ana"}}}


@pytest.mark.parametrize(
    ("written", "read"),
    [("a.text", "Hi"), ("a.values.first name", "Ana"), ("a.missing", None), ("b.text", None), ("a.text.part", None)],
)
def test_a_reference_finds_its_value_or_nothing(written: str, read: object) -> None:
    assert look_up(OUTPUTS, reference(written)) == read


@pytest.mark.parametrize("written", ["", "a", "a.", ".text", "A.text", "a.b.c.d", "a b.c", "{{a.b}}"])
def test_what_is_no_reference_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="not a reference"):
        reference(written)


def test_a_reference_may_have_spaces_around_it() -> None:
    assert reference(" a.text ") == Reference("a", "text")


def test_a_text_is_filled_in() -> None:
    text = "{{a.text}} {{ a.values.first name }}: {{a.yes}} [{{a.none}}{{gone.text}}]\n{{a.rows}}"
    assert render(text, OUTPUTS) == "Hi Ana: yes []\nx\ny"


def test_lists_and_mappings_are_filled_in_too_and_numbers_stay() -> None:
    assert render({"to": ["{{a.text}}"], "n": 3}, OUTPUTS) == {"to": ["Hi"], "n": 3}


def test_what_a_value_holds_is_never_filled_in_again() -> None:
    assert render("{{a.text}}", {"a": {"text": "{{a.secret}}", "secret": "x"}}) == "{{a.secret}}"
