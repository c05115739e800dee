"""Starts at the times that you choose: once, or for each contact that fits."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from nodes.contract import Context, Occasion, Settings, Values, node


class Config(Settings):
    when: str = Field(
        title="When",
        default="every day at 9:00",
        description="The times in words, by the clocks of the business, for example: every Monday at 6:00.",
        json_schema_extra={"widget": "schedule"},
    )
    for_each: Literal["nobody", "tagged", "silent"] = Field(
        title="For whom",
        default="nobody",
        description="Run once for nobody in particular, or once for each contact that fits.",
        json_schema_extra={
            "labels": {
                "nobody": "Once, for nobody in particular",
                "tagged": "For each contact with a tag",
                "silent": "For each contact who has not written for some days",
            }
        },
    )
    tag: str = Field(
        default="",
        description="The tag that these contacts have.",
        json_schema_extra={"widget": "tag", "only_if": {"for_each": ["tagged"]}},
    )
    silent_days: int = Field(
        title="Days of silence",
        default=90,
        ge=1,
        le=3650,
        description="Days since the contact wrote last; each silence is met once.",
        json_schema_extra={"only_if": {"for_each": ["silent"]}},
    )
    most: int = Field(
        title="Most contacts each time",
        default=200,
        ge=1,
        le=5000,
        description="At most so many contacts each time; the others come the next time.",
    )


class Input(Values):
    """A trigger takes nothing from earlier steps."""


class Output(Values):
    at: str = Field(description="The time for which it was planned, for example 2026-03-14T09:00.")
    contact_name: str = Field(description="Name of the contact, empty where there is none.")


def refuses(config: Config, occasion: Occasion) -> str:
    """The first reason in words why this automation does not start; '' when it does."""
    if occasion.kind != "schedule":
        return f"It starts at set times; this was a {occasion.kind} event."
    return ""


@node("schedule", title="At a set time", group="trigger", icon="schedule", sample=Input(), refuses=refuses)
def run(config: Config, input: Input, ctx: Context) -> Output:
    data: Any = ctx.trigger.get("data", {})
    planned = str(data.get("at") or ctx.now.astimezone(ctx.business.timezone).strftime("%Y-%m-%dT%H:%M"))
    return Output(at=planned, contact_name=ctx.contact.name if ctx.contact else "")
