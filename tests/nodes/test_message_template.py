"""A chosen template, filled."""

import pytest

from nodes.contract import NodeFailed
from nodes.message_template import Blank, MessageTemplate, filled, names_in


def template(text: str, *blanks: Blank) -> MessageTemplate:
    return MessageTemplate(id="HX1", name="bike_ready", language="en", text=text, blanks=list(blanks))


def test_blanks_are_filled_with_their_values() -> None:
    made = filled(
        template("Hello {1}, your {2} is ready.", Blank(name="1", value="Lea"), Blank(name="2", value="bike"))
    )
    assert (made.id, made.name, made.language) == ("HX1", "bike_ready", "en")
    assert made.text == "Hello Lea, your bike is ready."
    assert made.variables == {"1": "Lea", "2": "bike"}


def test_where_a_value_is_empty_the_other_words_stand() -> None:
    assert filled(template("Hello {1}", Blank(name="1", value=" \n", otherwise="there"))).text == "Hello there"


def test_line_breaks_and_rows_of_spaces_in_values_become_one_space() -> None:
    made = filled(template("It says: {1}", Blank(name="1", value=" one\n\ntwo\t  three ")))
    assert made.variables == {"1": "one two three"}


def test_a_blank_that_stays_empty_is_named_with_the_remedy() -> None:
    with pytest.raises(NodeFailed, match=r"blank 1 of the template 'bike_ready'\. Write beside it"):
        filled(template("Hello {1}", Blank(name="1")))


def test_a_value_that_looks_like_a_blank_is_not_filled_again() -> None:
    made = filled(template("{1} and {2}", Blank(name="1", value="{2}"), Blank(name="2", value="two")))
    assert made.text == "{2} and two"


def test_braces_that_are_no_blank_stay() -> None:
    assert filled(template("Your code is {SAVE}, {1}", Blank(name="1", value="Lea"))).text == "Your code is {SAVE}, Lea"
    assert names_in("{1} {SAVE} {1} { }") == ["1", "SAVE"]
