"""Fields of the contact."""

import pytest
from pydantic import ValidationError

from nodes import update_contact
from nodes.contract import NodeFailed
from nodes.effects import UpdateContact
from tests.nodes.contexts import carry_out, context


def test_named_fields_get_their_values_and_an_empty_one_stays_as_it_is() -> None:
    config = {"fields": [{"field": "email", "value": " nora@example.com "}, {"field": "phone", "value": ""}]}
    result = carry_out(update_contact, context(), config)
    assert result.effects == (UpdateContact(fields={"email": "nora@example.com"}),)
    assert result.output.changed


def test_an_empty_value_clears_a_field_where_that_is_wished() -> None:
    config = {"fields": [{"field": "custom.abc123", "value": ""}], "clear": True}
    assert carry_out(update_contact, context(), config).effects == (UpdateContact(fields={"custom.abc123": ""}),)


def test_without_a_value_nothing_is_changed() -> None:
    result = carry_out(update_contact, context())
    assert result.effects == () and not result.output.changed


def test_a_field_that_no_contact_has_is_refused() -> None:
    with pytest.raises(ValidationError):
        carry_out(update_contact, context(), {"fields": [{"field": "tags", "value": "vip"}]})


def test_a_run_without_a_contact_says_so() -> None:
    with pytest.raises(NodeFailed, match="no contact"):
        carry_out(update_contact, context(contact=None), {"fields": [{"field": "name", "value": "Nora"}]})
