"""Writes a task on the contact for a colleague, due in some hours, in some days or when you open next."""

from __future__ import annotations

from pydantic import Field

from nodes.contract import Context, NodeFailed, Result, Settings, Values, node
from nodes.due import DUE_LABELS, Due, due_at
from nodes.effects import CreateTask
from nodes.phrases import moment


class Config(Settings):
    title: str = Field(default="", max_length=200, description="What is to be done; may hold {{step.output}}.")
    body: str = Field(
        title="Details",
        default="",
        description="More about it; may hold {{step.output}}.",
        json_schema_extra={"widget": "textarea"},
    )
    due: Due = Field(
        title="When it is due", default="hours", description="When it is due.", json_schema_extra={"labels": DUE_LABELS}
    )
    amount: float = Field(
        title="In how many hours or days",
        default=4,
        ge=0,
        le=1000,
        description="How many hours or days from now.",
        json_schema_extra={"only_if": {"due": ["hours", "days"]}},
    )
    assigned_to: str = Field(
        title="Colleague",
        default="",
        description="The colleague who has it; empty means nobody yet.",
        json_schema_extra={"widget": "crm_user"},
    )


class Input(Values):
    title: str = Field(default="", description="What is to be done, when it comes from an earlier step.")
    body: str = Field(title="Details", default="", description="More about it, when it comes from an earlier step.")


class Output(Values):
    created: bool = Field(description="Whether a task is written; without a title none is.")
    title: str = Field(description="What is to be done.")
    due: str = Field(description="When it is due, in words, in the time zone of the business.")


@node(
    "create_task",
    title="Create task",
    group="people",
    icon="add_task",
    sample=Input(title="Call Nora Weiss back"),
    effects=("create_task",),
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    if ctx.contact is None:
        raise NodeFailed("This run has no contact to write a task for. Start it from a message or an event of the CRM.")
    title = (input.title or config.title).strip()[:200]
    if not title:
        return Result(Output(created=False, title="", due=""), detail={"reason": "The task has no title."})
    at = due_at(config.due, config.amount, ctx.now, ctx.business)
    task = CreateTask(
        title=title, body=(input.body or config.body).strip(), due_at=at, assigned_to=config.assigned_to.strip()
    )
    return Result(Output(created=True, title=title, due=moment(at, ctx.now, ctx.business, "en")), (task,))
