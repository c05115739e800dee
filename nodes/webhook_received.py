"""Starts when another system calls an address of yours: a form, a shop, a telephone system."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from nodes.contract import Context, Occasion, Settings, Values, node
from nodes.words import plain


class Config(Settings):
    hook: str = Field(
        title="Address",
        default="",
        description="The address that is called, by its name under Settings; empty means any of them.",
        json_schema_extra={"widget": "hook"},
    )
    field: str = Field(
        title="Only when this field",
        default="",
        description="Start only where this field of the call has the value below; empty means any call.",
    )
    equals: str = Field(
        title="has this value",
        default="",
        description="The value that the field must have; case and accents do not count.",
    )


class Input(Values):
    """A trigger takes nothing from earlier steps."""


class Output(Values):
    fields: dict[str, Any] = Field(description="The fields of the call; use them as fields.name.")
    text: str = Field(description="All fields as lines of text, for example for a model.")
    contact_name: str = Field(description="Name of the contact, empty where the call named nobody.")


def refuses(config: Config, occasion: Occasion) -> str:
    """The first reason in words why this automation does not start; '' when it does."""
    if occasion.kind != "webhook":
        return f"It starts when an address is called; this was a {occasion.kind} event."
    if config.hook and plain(config.hook) != plain(occasion.event):
        return f"The address '{occasion.event}' was called; this automation listens to '{config.hook}'."
    if config.field and plain(str(occasion.data.get(config.field, ""))) != plain(config.equals):
        return f"The field '{config.field}' is not '{config.equals}'."
    return ""


@node("webhook_received", title="Address called", group="trigger", icon="webhook", sample=Input(), refuses=refuses)
def run(config: Config, input: Input, ctx: Context) -> Output:
    data: Any = ctx.trigger.get("data", {})
    fields = dict(data) if isinstance(data, Mapping) else {}
    text = "\n".join(f"{name}: {_written(value)}" for name, value in fields.items())
    return Output(fields=fields, text=text, contact_name=ctx.contact.name if ctx.contact else "")


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
