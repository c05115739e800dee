"""Every operator, on the kinds of values that steps put out."""

from __future__ import annotations

from typing import Any

import pytest

from nodes import condition
from nodes.contract import NodeFailed
from tests.nodes.contexts import carry_out, context


def holds(value: Any, operator: str, expected: str = "", *any_of: str) -> bool:
    config = {"operator": operator, "expected": expected, "any_of": list(any_of)}
    output = carry_out(condition, context(), config, value=value).output
    assert output.no is not output.yes
    return bool(output.yes)


@pytest.mark.parametrize(
    ("value", "operator", "expected"),
    [
        ("SMS", "equals", "sms"),
        ("José", "equals", "jose"),
        ("!", "does not equal", "?"),
        (True, "equals", "true"),
        (3, "equals", "3"),
        ("my order is late", "contains", "order"),
        ("I ordered", "does not contain", "order"),
        (["vip", "new"], "contains", "VIP"),
        (["vip customer"], "does not contain", "vip"),
        ("Order 17", "starts with", "order"),
        ("", "is empty", ""),
        ("   ", "is empty", ""),
        ([], "is empty", ""),
        ({}, "is empty", ""),
        (0, "is not empty", ""),
        ("x", "is not empty", ""),
        (True, "is true", ""),
        ("yes", "is true", ""),
        (False, "is false", ""),
        (3, "greater than", "2.5"),
        ("2,5", "less than", "3"),
        (3, "at least", "3"),
        (3.0, "at most", "3"),
    ],
)
def test_it_holds(value: Any, operator: str, expected: str) -> None:
    assert holds(value, operator, expected)


@pytest.mark.parametrize(
    ("value", "operator", "expected"),
    [
        ("sms", "equals", "webchat"),
        ("!", "equals", "?"),
        ("I ordered", "contains", "order"),
        (["vip"], "contains", "vi"),
        ("x", "is empty", ""),
        (None, "is not empty", ""),
        ("no", "is true", ""),
        (2, "greater than", "2"),
        (2, "less than", "2"),
    ],
)
def test_it_does_not_hold(value: Any, operator: str, expected: str) -> None:
    assert not holds(value, operator, expected)


def test_several_choices() -> None:
    assert holds("SMS", "is any of", "", "webchat", "sms")
    assert not holds("email", "is any of", "", "webchat", "sms")
    assert holds("where is my parcel", "contains any of", "", "order", "parcel")
    assert not holds("x", "is any of")


def test_a_text_of_the_settings_is_compared_when_nothing_is_connected() -> None:
    output = carry_out(condition, context(), {"value": "sms", "expected": "SMS"}).output
    assert output.yes and output.because == "'sms' equals SMS"


def test_a_text_that_is_no_number_cannot_be_compared_as_one() -> None:
    with pytest.raises(NodeFailed, match="'many' is not a number"):
        holds("many", "greater than", "3")
