"""Starts another automation for the same contact and conversation, and goes on without waiting for it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nodes.contract import Context, NodeFailed, Result, Settings, Values, node
from nodes.effects import StartAutomation

MOST_DEEP = 5  # automations that start each other


class Config(Settings):
    automation: str = Field(
        default="",
        description="The automation to start; its own start does not matter, its steps do.",
        json_schema_extra={"widget": "automation"},
    )
    note: str = Field(
        default="",
        description="A text for it, which its first step gives as a note; may hold {{step.output}}.",
        json_schema_extra={"widget": "textarea"},
    )


class Input(Values):
    text: str = Field(default="", description="A text for it, when it comes from an earlier step.")


class Output(Values):
    started: bool = Field(description="Whether it is started.")


@node(
    "run_automation",
    title="Start an automation",
    group="logic",
    icon="play_circle",
    sample=Input(),
    effects=("start_automation",),
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    if not config.automation:
        return Result(Output(started=False), detail={"reason": "Choose the automation in the settings of this step."})
    data: Any = ctx.trigger.get("data", {})
    deep = int(data.get("deep", 0)) + 1 if ctx.trigger.get("kind") == "automation" else 1
    if deep > MOST_DEEP:
        raise NodeFailed(f"Automations started each other {MOST_DEEP} times in a row, so this one stops.")
    start = StartAutomation(automation_id=config.automation, data={"note": input.text or config.note, "deep": deep})
    return Result(Output(started=True), (start,))
