"""Notes on the contact."""

import pytest

from nodes import add_note
from nodes.contract import NodeFailed
from nodes.effects import AddNote
from tests.nodes.contexts import carry_out, context


def test_the_words_of_an_earlier_step_come_before_those_of_the_settings() -> None:
    assert carry_out(add_note, context(), {"text": "Fixed"}).effects == (AddNote(body="Fixed"),)
    assert carry_out(add_note, context(), {"text": "Fixed"}, text=" Said ").effects == (AddNote(body="Said"),)


def test_an_empty_note_is_none() -> None:
    result = carry_out(add_note, context(), text="  ")
    assert result.effects == () and not result.output.added


def test_a_run_without_a_contact_says_so() -> None:
    with pytest.raises(NodeFailed, match="no contact"):
        carry_out(add_note, context(contact=None), text="Said")
