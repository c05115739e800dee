"""Keeps texts under names, so that later steps can use them.

A later step refers to the value `greeting` of the step `vars` by `vars.values.greeting`, in a text by {{vars.values.greeting}}.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from nodes.contract import Context, Settings, Values, node

MAX_VALUES = 10


class NamedValue(Settings):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = Field(
        description="Name of the value: lower case letters, digits and '_'."
    )
    value: str = Field(
        default="", description="The text; may hold {{step.output}}.", json_schema_extra={"widget": "textarea"}
    )


class Config(Settings):
    values: list[NamedValue] = Field(
        default_factory=list,
        max_length=MAX_VALUES,
        description="Up to ten values, each with a name of its own.",
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Config:
        names = [value.name for value in self.values]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"'{doubled[0]}' is set twice; give each value a name of its own.")
        return self


class Input(Values):
    """The values stand in the settings."""


class Output(Values):
    values: dict[str, str] = Field(description="The values by name: refer to one as step.values.name.")


@node("set_values", title="Set values", group="logic", icon="data_object", sample=Input())
def run(config: Config, input: Input, ctx: Context) -> Output:
    return Output(values={value.name: value.value for value in config.values})
