"""Named texts for later steps."""

import pytest
from pydantic import ValidationError

from nodes import set_values
from tests.nodes.contexts import carry_out, context


def test_values_come_out_by_name() -> None:
    config = {"values": [{"name": "greeting", "value": "Hello"}, {"name": "sign_off", "value": "Yours"}]}
    assert carry_out(set_values, context(), config).output.values == {"greeting": "Hello", "sign_off": "Yours"}


@pytest.mark.parametrize("name", ["Greeting", "", "a b", "1st", "a" * 41])
def test_a_name_must_fit_into_a_reference(name: str) -> None:
    with pytest.raises(ValidationError):
        set_values.Config.model_validate({"values": [{"name": name}]})


def test_a_name_can_be_set_once_and_eleven_values_are_too_many() -> None:
    with pytest.raises(ValidationError, match="'a' is set twice"):
        set_values.Config.model_validate({"values": [{"name": "a"}, {"name": "a"}]})
    with pytest.raises(ValidationError):
        set_values.Config.model_validate({"values": [{"name": f"v{n}"} for n in range(11)]})
