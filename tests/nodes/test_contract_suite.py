"""What every node keeps, whoever writes it: manners of its declaration, and that it acts by declared effects only."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DBAPIError

from db.engine import run as execute
from nodes import registry
from nodes.contract import NodeSpec, Occasion, Pause, Result
from nodes.effects import EFFECT_KINDS
from tests.nodes.conftest import Desk
from tests.nodes.contexts import MONDAY_NOON, RecordingModel, business, turn

SPECS = registry.all_specs()
TURN = turn("Can I speak to a person?")
every_node = pytest.mark.parametrize("spec", SPECS, ids=[spec.key for spec in SPECS])


def models_of(spec: NodeSpec) -> Iterator[tuple[str, type[BaseModel]]]:
    yield from (("config", spec.config), ("input", spec.input), ("output", spec.output))


def outcome(spec: NodeSpec, desk: Desk, **changes: Any) -> Result[Any] | Pause:
    """What the node makes of its own sample, with its default settings."""
    ctx = desk.context(read=desk.read_and_watch, turn=TURN, **changes)
    made = spec.run(spec.config(), spec.sample, ctx)
    return made if isinstance(made, Result | Pause) else Result(made)


@every_node
def test_a_node_describes_itself_for_the_card(spec: NodeSpec) -> None:
    assert spec.description.endswith(".") and spec.description[0].isupper() and len(spec.description) <= 120
    assert spec.title and spec.title[0].isupper() and not spec.title.endswith(".")
    assert spec.icon and spec.icon == spec.icon.lower()


@every_node
def test_every_field_is_explained_by_a_sentence(spec: NodeSpec) -> None:
    for part, model in models_of(spec):
        for name, field in model.model_fields.items():
            assert field.description and field.description.endswith("."), f"{part}.{name}"
            assert field.description[0].isupper() or field.description[0] == "'", f"{part}.{name}"


@every_node
def test_a_form_can_be_made_from_the_settings(spec: NodeSpec) -> None:
    for name, field in spec.config.model_json_schema().get("properties", {}).items():
        assert field.get("title"), name
        assert field.get("description"), name
        assert {"type", "enum", "anyOf", "$ref", "items"} & field.keys(), name


@every_node
def test_a_new_card_needs_no_settings(spec: NodeSpec) -> None:
    assert spec.config.model_validate({}) == spec.config()


@every_node
def test_an_unknown_setting_is_refused(spec: NodeSpec) -> None:
    with pytest.raises(ValidationError, match="misspelt"):
        spec.config.model_validate({"misspelt": 1})


@every_node
def test_settings_and_sample_survive_json(spec: NodeSpec) -> None:
    for value in (spec.config(), spec.sample):
        assert type(value).model_validate_json(value.model_dump_json()) == value


@every_node
def test_inputs_have_defaults_so_that_a_skipped_step_leaves_a_gap_and_no_error(spec: NodeSpec) -> None:
    assert spec.input.model_validate({}) is not None


@every_node
def test_the_sample_runs_through_and_its_output_survives_json(spec: NodeSpec, desk: Desk) -> None:
    for llm in (None, RecordingModel()):
        made = outcome(spec, desk, llm=llm)
        if isinstance(made, Pause):
            assert made.until > MONDAY_NOON and made.reason.endswith(".")
            continue
        assert isinstance(made.output, spec.output)
        assert spec.output.model_validate(json.loads(made.output.model_dump_json())) == made.output
        json.dumps(made.detail)


@every_node
def test_a_node_returns_declared_effects_only(spec: NodeSpec, desk: Desk) -> None:
    made = outcome(spec, desk, llm=RecordingModel())
    effects = () if isinstance(made, Pause) else made.effects
    assert {effect.kind for effect in effects} <= spec.effects
    for effect in effects:
        assert EFFECT_KINDS[effect.kind].model_validate_json(effect.model_dump_json()) == effect


@every_node
def test_running_twice_gives_the_same(spec: NodeSpec, desk: Desk) -> None:
    first, second = outcome(spec, desk), outcome(spec, desk)
    if isinstance(first, Pause) or isinstance(second, Pause):
        assert first == second
    else:
        assert (first.output, first.effects) == (second.output, second.effects)


@every_node
def test_a_wire_can_carry_every_output_that_a_condition_needs(spec: NodeSpec) -> None:
    """Names of outputs are what references say, so they must be names."""
    for name in spec.output.model_fields:
        assert name.isidentifier() and name == name.lower() and name not in ("failed", "skipped")


@every_node
def test_a_node_knows_no_client_and_no_floor_above(spec: NodeSpec) -> None:
    source = inspect.getsource(inspect.getmodule(spec.run) or pytest.fail())
    for forbidden in (
        "nodes.clients",
        "import flows",
        "from flows",
        "httpx",
        "openai",
        "twilio",
        "sqlmodel import select",
    ):
        assert forbidden not in source, forbidden


def test_a_write_through_the_context_fails_in_the_database(desk: Desk) -> None:
    with pytest.raises(DBAPIError, match="read-only transaction"), desk.context().read() as tx:
        execute(tx, "UPDATE contacts SET name = 'changed'")


def test_a_node_cannot_make_its_transaction_writable_again(desk: Desk) -> None:
    with pytest.raises(DBAPIError, match="read-write mode"), desk.context().read() as tx:
        execute(tx, "SELECT set_config('transaction_read_only', 'off', true)")


@pytest.mark.parametrize("spec", registry.triggers(), ids=[spec.key for spec in registry.triggers()])
def test_a_trigger_says_in_words_why_it_does_not_fire(spec: NodeSpec) -> None:
    assert spec.refuses is not None
    occasion = Occasion(kind="conversation", channel="sms", now=MONDAY_NOON, business=business())
    assert spec.refuses(spec.config(), occasion).endswith(".")
