"""A form follows from the settings of a node alone."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from nodes import registry
from nodes.contract import Settings
from nodes.message_received import Config as MessageReceived
from nodes.send_message import Config as SendMessage
from ui import forms
from ui.forms import FormField, fields_of


class Pair(Settings):
    name: str = Field(default="", description="Name.")
    kind: Literal["a", "b"] = Field(default="b", description="Kind.")


class Everything(Settings):
    text: str = Field(default="", description="A text; may hold {{step.output}}.")
    long: str = Field(default="", description="Long.", json_schema_extra={"widget": "textarea"})
    address: Annotated[str, Field(pattern=r"^\S+@\S+$")] = Field(default="a@b", description="An address.")
    clock: str = Field(default="09:00", pattern=r"^([01]?\d|2[0-3]):[0-5]\d$", description="A time of day.")
    whole: int = Field(default=3, ge=1, le=9, description="A whole number.")
    share: float | None = Field(default=None, ge=0, le=1, description="A share, or nothing.")
    on: bool = Field(default=True, description="Yes or no.")
    one: Literal["hand_over", "quote"] = Field(
        default="quote", description="One of two.", json_schema_extra={"labels": {"quote": "Quote the documents"}}
    )
    some: list[Literal["sms", "email"]] = Field(default_factory=list, description="Some of two.")
    words: list[str] = Field(default_factory=lambda: ["tube"], description="Words.")
    pairs: list[Pair] = Field(default_factory=list, max_length=4, description="Pairs.")
    pair: Pair = Field(default_factory=Pair, description="One pair.")
    values: dict[str, str] = Field(default_factory=dict, description="Values by name.")
    tags: list[str] = Field(default_factory=list, description="Tags.", json_schema_extra={"widget": "tags"})
    minutes: float = Field(default=5, description="Minutes.", json_schema_extra={"only_if": {"one": "quote"}})


@pytest.fixture(scope="module")
def fields() -> dict[str, FormField]:
    return {field.name: field for field in fields_of(Everything)}


def test_each_type_has_its_kind_of_field(fields: dict[str, FormField]) -> None:
    assert {name: field.kind for name, field in fields.items()} == {
        "text": "text",
        "long": "long_text",
        "address": "text",
        "clock": "time",
        "whole": "number",
        "share": "number",
        "on": "boolean",
        "one": "choice",
        "some": "choices",
        "words": "texts",
        "pairs": "objects",
        "pair": "record",
        "values": "mapping",
        "tags": "texts",
        "minutes": "number",
    }


def test_bounds_defaults_and_what_may_stay_empty_come_along(fields: dict[str, FormField]) -> None:
    whole, share, words = fields["whole"], fields["share"], fields["words"]
    assert (whole.minimum, whole.maximum, whole.whole, whole.default) == (1, 9, True, 3)
    assert (share.optional, share.default, share.whole) == (True, None, False)
    assert words.default == ["tube"]
    assert fields["pairs"].longest == 4


def test_a_choice_is_said_in_words(fields: dict[str, FormField]) -> None:
    assert [fields["one"].said(choice) for choice in fields["one"].choices] == ["Hand over", "Quote the documents"]
    assert [fields["some"].said(choice) for choice in fields["some"].choices] == ["SMS", "E-mail"]


def test_results_of_earlier_steps_go_where_a_text_is_free(fields: dict[str, FormField]) -> None:
    assert [name for name, field in fields.items() if field.exact] == ["address", "clock"]


def test_a_picker_is_named_and_a_way_of_drawing_is_not(fields: dict[str, FormField]) -> None:
    assert {name: field.picker for name, field in fields.items() if field.picker} == {"tags": "tags"}


def test_a_field_is_shown_only_where_it_matters(fields: dict[str, FormField]) -> None:
    every = tuple(fields.values())
    assert fields["minutes"].shown({}, every)  # by the default of the other
    assert not fields["minutes"].shown({"one": "hand_over"}, every)


def test_a_new_entry_starts_with_its_defaults(fields: dict[str, FormField]) -> None:
    assert forms.blank(fields["pairs"]) == {"name": "", "kind": "b"}


def test_a_template_of_whatsapp_has_a_field_of_its_own() -> None:
    [template] = [field for field in fields_of(SendMessage) if field.name == "template"]
    assert (template.kind, template.optional, template.picker, template.fields) == ("template", True, "", ())


def test_entries_are_written_one_per_line() -> None:
    assert forms.lines(" tube \n\ninner tube\n") == ["tube", "inner tube"]


@pytest.mark.parametrize("spec", registry.all_specs(), ids=lambda spec: spec.key)
def test_every_node_has_a_form_without_syntax(spec: Any) -> None:
    for field in (*fields_of(spec.config), *fields_of(spec.input)):
        assert field.label and field.help.endswith("."), field.name
        assert "{{" not in field.help
        if field.kind == "objects" and field.name not in ("history", "passages", "used_passages"):
            assert field.fields, f"{field.name} needs fields of its own"


def test_the_help_of_a_field_is_its_description() -> None:
    [channels] = [field for field in fields_of(MessageReceived) if field.name == "channels"]
    assert channels.help.startswith("Channels that this automation listens to")
    assert channels.choices == ("webchat", "sms", "whatsapp", "email")
