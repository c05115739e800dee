"""A wrong declaration fails when the module is imported, and the message names what to change."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pydantic import Field

from nodes.contract import Context, NodeDefinitionError, Occasion, Pause, Result, Settings, Values, node


class Config(Settings):
    """No settings."""


class Input(Values):
    """No input."""


class Output(Values):
    text: str = Field(default="", description="A text.")


class Unexplained(Values):
    text: str = Field(default="", description="A text without its period")


def good(config: Config, input: Input, ctx: Context) -> Output:
    return Output()


def pausing(config: Config, input: Input, ctx: Context) -> Result[Output] | Pause:
    return Result(Output())


def wrong_names(settings: Config, given: Input, ctx: Context) -> Output:
    return Output()


def no_output(config: Config, input: Input, ctx: Context) -> str:
    return ""


def foreign_config(config: Output, input: Input, ctx: Context) -> Output:
    return Output()


def unexplained(config: Config, input: Input, ctx: Context) -> Unexplained:
    return Unexplained()


def never(config: Any, occasion: Occasion) -> str:
    return ""


def declare(run: Callable[..., Any], name: str = "sample", **changes: Any) -> Any:
    given: dict[str, Any] = {"title": "Sample", "group": "logic", "icon": "star", "sample": Input()}
    return node(name, **(given | changes))(run)


def test_a_good_declaration_is_read_from_the_types() -> None:
    spec = declare(good).spec
    assert (spec.key, spec.config, spec.input, spec.output) == ("sample@1", Config, Input, Output)
    assert (
        spec.description
        == "A wrong declaration fails when the module is imported, and the message names what to change."
    )
    assert declare(pausing).spec.output is Output


@pytest.mark.parametrize(
    ("run", "changes", "words"),
    [
        (wrong_names, {}, "must take"),
        (no_output, {}, "must return"),
        (foreign_config, {}, "must derive from Settings"),
        (unexplained, {}, r"Unexplained.text needs a description"),
        (good, {"name": "Sample-1"}, "lower case"),
        (good, {"sample": Output()}, "sample must be an Input"),
        (good, {"effects": ("launch_rocket",)}, "'launch_rocket' is not an effect"),
        (good, {"group": "trigger"}, "says what it refuses"),
        (good, {"refuses": never}, "says what it refuses"),
    ],
)
def test_a_wrong_declaration_names_the_fault(run: Callable[..., Any], changes: dict[str, Any], words: str) -> None:
    with pytest.raises(NodeDefinitionError, match=words):
        declare(run, **changes)


def test_a_module_without_a_sentence_cannot_hold_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(config: Config, input: Input, ctx: Context) -> Output:
        return Output()

    monkeypatch.setitem(sys.modules, "nameless", ModuleType("nameless"))
    run.__module__ = "nameless"
    with pytest.raises(NodeDefinitionError, match="docstring"):
        declare(run)


def test_labels_of_a_form_read_as_words() -> None:
    class Labelled(Settings):
        only_when_open: bool = Field(default=False, description="Also block outside opening hours.")

    assert Labelled.model_json_schema()["properties"]["only_when_open"]["title"] == "Only when open"
