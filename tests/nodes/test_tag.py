"""Tags of the contact."""

import pytest

from nodes import tag
from nodes.contract import NodeFailed
from nodes.effects import ChangeTags
from tests.nodes.contexts import carry_out, context


def test_tags_of_the_settings_and_of_earlier_steps_go_together_each_once() -> None:
    result = carry_out(tag, context(), {"add": ["VIP", "lead"]}, add="vip, Bike\nlead")
    assert result.effects == (ChangeTags(add=("VIP", "lead", "Bike")),)
    assert result.output.added == ["VIP", "lead", "Bike"]


def test_a_tag_that_is_taken_away_is_not_given_in_the_same_step() -> None:
    result = carry_out(tag, context(), {"add": ["lead", "Customer"], "remove": ["LEAD"]})
    assert result.effects == (ChangeTags(add=("Customer",), remove=("LEAD",)),)


def test_no_tag_is_no_change() -> None:
    result = carry_out(tag, context(), add=" , ")
    assert result.effects == () and not result.output.changed


def test_a_run_without_a_contact_says_so() -> None:
    with pytest.raises(NodeFailed, match="no contact"):
        carry_out(tag, context(contact=None), add="vip")
