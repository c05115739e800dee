"""Puts the contact's opportunity into a stage of a pipeline, and makes one where there is none."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nodes.contract import Context, NodeFailed, Result, Settings, Values, node
from nodes.effects import MoveOpportunity


class Config(Settings):
    pipeline_id: str = Field(default="", description="The pipeline.", json_schema_extra={"widget": "pipeline"})
    stage_id: str = Field(
        default="",
        description="The stage that it moves to; empty leaves it where it is.",
        json_schema_extra={"widget": "stage"},
    )
    status: Literal["", "open", "won", "lost", "abandoned"] = Field(
        default="", description="Its new status; empty leaves it.", json_schema_extra={"labels": {"": "As it is"}}
    )
    name: str = Field(
        default="",
        description="Name of a new opportunity; may hold {{step.output}}. Empty means the contact's name.",
    )
    value: str = Field(
        default="",
        description="Money at stake, for example 1200 or {{step.output}}; empty leaves it.",
    )


class Input(Values):
    """Pipeline and stage stand in the settings."""


class Output(Values):
    moved: bool = Field(description="Whether the opportunity is moved or made.")


@node(
    "move_opportunity",
    title="Move opportunity",
    group="people",
    icon="view_kanban",
    sample=Input(),
    effects=("move_opportunity",),
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    if ctx.contact is None:
        raise NodeFailed("This run has no contact with an opportunity. Start it from a message or an event of the CRM.")
    value = _money(config.value)
    if not config.pipeline_id or not (config.stage_id or config.status or value is not None):
        reason = "Choose the pipeline, and the stage or status that the opportunity gets."
        return Result(Output(moved=False), detail={"reason": reason})
    moving = MoveOpportunity(
        pipeline_id=config.pipeline_id.strip(),
        stage_id=config.stage_id.strip(),
        status=config.status,
        name=config.name.strip(),
        value=value,
    )
    return Result(Output(moved=True), (moving,))


def _money(written: str) -> float | None:
    text = written.strip().replace("'", "").replace(" ", "")
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise NodeFailed(
            f"The value '{written.strip()}' of the opportunity is no number; write it like 1200."
        ) from error
