"""Starts when something happens in the CRM: a contact, a tag, a task, an opportunity, an appointment, or a workflow calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field
from pydantic.config import JsonDict

from nodes.contract import Context, Occasion, Settings, Values, node
from nodes.errors import ClientError
from nodes.words import plain

Event = Literal[
    "contact_created",
    "contact_updated",
    "contact_tagged",
    "task_completed",
    "opportunity_created",
    "opportunity_stage",
    "opportunity_status",
    "appointment_booked",
    "appointment_cancelled",
    "workflow",
]
NAMES: Mapping[str, str] = {
    "contact_created": "a new contact",
    "contact_updated": "a changed contact",
    "contact_tagged": "a tag that a contact gets",
    "task_completed": "a task that is done",
    "opportunity_created": "a new opportunity",
    "opportunity_stage": "an opportunity that changes its stage",
    "opportunity_status": "an opportunity that is won, lost or open again",
    "appointment_booked": "a booked appointment",
    "appointment_cancelled": "a cancelled appointment",
    "workflow": "a call of a workflow",
}
OPPORTUNITY = ("opportunity_created", "opportunity_stage", "opportunity_status")
APPOINTMENT = ("appointment_booked", "appointment_cancelled")


def _only_for(*events: str, widget: str = "") -> JsonDict:
    """A field of the form that is shown for these events."""
    shown: JsonDict = {"only_if": {"event": [*events]}}
    return shown | {"widget": widget} if widget else shown


class Config(Settings):
    event: Event = Field(
        title="What happens",
        default="contact_tagged",
        description="What has to happen in the CRM.",
        json_schema_extra={"labels": {name: words[:1].upper() + words[1:] for name, words in NAMES.items()}},
    )
    tag: str = Field(
        default="",
        description="Start with this tag only; empty means any.",
        json_schema_extra=_only_for("contact_tagged"),
    )
    task: str = Field(
        default="",
        description="Start only when the title of the task holds these words; empty means any.",
        json_schema_extra=_only_for("task_completed"),
    )
    pipeline_id: str = Field(
        default="",
        description="Start with this pipeline only; empty means any.",
        json_schema_extra=_only_for(*OPPORTUNITY, widget="pipeline"),
    )
    stage_id: str = Field(
        default="",
        description="Start with this stage only; empty means any.",
        json_schema_extra=_only_for(*OPPORTUNITY, widget="stage"),
    )
    status: Literal["", "open", "won", "lost", "abandoned"] = Field(
        default="",
        description="Start with this status of the opportunity only; empty means any.",
        json_schema_extra=_only_for(*OPPORTUNITY),
    )
    calendar_id: str = Field(
        default="",
        description="Start with this calendar only; empty means any.",
        json_schema_extra=_only_for(*APPOINTMENT, widget="calendar"),
    )
    workflow: str = Field(
        default="",
        description="Start with the workflow of this name only; empty means any.",
        json_schema_extra=_only_for("workflow"),
    )


class Input(Values):
    """A trigger takes nothing from earlier steps."""


class Output(Values):
    event: str = Field(description="What happened, for example contact_tagged.")
    contact_name: str = Field(description="Name of the contact, empty where it is not known.")
    tag: str = Field(description="The tag that the contact got; empty for other events.")
    title: str = Field(description="Title of the task, opportunity or appointment; empty for other events.")
    pipeline: str = Field(description="Pipeline of the opportunity by its name, by its id where the name is not known.")
    stage: str = Field(description="Stage of the opportunity by its name, by its id where the name is not known.")
    status: str = Field(description="Status of the opportunity or appointment; empty for other events.")
    start: str = Field(description="Beginning of the appointment with its date; empty for other events.")
    appointment_id: str = Field(description="Identifier of the appointment; empty for other events.")
    values: dict[str, str] = Field(description="Custom data that the workflow sent along, by name.")


def refuses(config: Config, occasion: Occasion) -> str:
    """The first reason in words why this automation does not start; '' when it does."""
    if occasion.kind != "crm":
        return f"It starts with events of the CRM; this was a {occasion.kind} event."
    if occasion.event != config.event:
        return f"It starts with {NAMES[config.event]}; this was {NAMES.get(occasion.event, 'something else')}."
    return next((reason for reason in _differences(config, occasion.data) if reason), "")


def _differences(config: Config, data: Mapping[str, Any]) -> list[str]:
    told = {name: str(data.get(name) or "") for name in ("tag", "title", "pipeline_id", "stage_id", "status")}
    told |= {name: str(data.get(name) or "") for name in ("calendar_id", "workflow")}
    checks = {
        "tag": (config.event == "contact_tagged", plain(config.tag) != plain(told["tag"]), "the tag is another"),
        "task": (
            config.event == "task_completed",
            plain(config.task) not in plain(told["title"]),
            "the task is another",
        ),
        "pipeline_id": (
            config.event in OPPORTUNITY,
            config.pipeline_id != told["pipeline_id"],
            "the pipeline is another",
        ),
        "stage_id": (config.event in OPPORTUNITY, config.stage_id != told["stage_id"], "the stage is another"),
        "status": (config.event in OPPORTUNITY, config.status != told["status"], "the status is another"),
        "calendar_id": (
            config.event in APPOINTMENT,
            config.calendar_id != told["calendar_id"],
            "the calendar is another",
        ),
        "workflow": (
            config.event == "workflow",
            plain(config.workflow) != plain(told["workflow"]),
            "the workflow is another",
        ),
    }
    return [
        f"It starts with {NAMES[config.event]}, and {reason}."
        for name, (counts, differs, reason) in checks.items()
        if counts and getattr(config, name) and differs
    ]


@node("crm_event", title="Event in the CRM", group="trigger", icon="contacts", sample=Input(), refuses=refuses)
def run(config: Config, input: Input, ctx: Context) -> Output:
    data = ctx.trigger.get("data") or {}
    pipeline, stage = _names(ctx, str(data.get("pipeline_id") or ""), str(data.get("stage_id") or ""))
    values = data.get("values")
    return Output(
        event=str(ctx.trigger.get("event") or ""),
        contact_name=ctx.contact.name if ctx.contact else "",
        tag=str(data.get("tag") or ""),
        title=str(data.get("title") or ""),
        pipeline=pipeline,
        stage=stage,
        status=str(data.get("status") or ""),
        start=str(data.get("start") or ""),
        appointment_id=str(data.get("appointment_id") or ""),
        values={str(name): str(value) for name, value in values.items()} if isinstance(values, Mapping) else {},
    )


def _names(ctx: Context, pipeline_id: str, stage_id: str) -> tuple[str, str]:
    """An event names pipeline and stage by their ids only. A CRM that is away is no reason not to start."""
    if ctx.crm is None or not pipeline_id:
        return pipeline_id, stage_id
    try:
        pipeline = next((each for each in ctx.crm.pipelines() if each.get("id") == pipeline_id), {})
    except ClientError:
        return pipeline_id, stage_id
    stages = {stage.get("id"): str(stage.get("name") or "") for stage in pipeline.get("stages") or ()}
    return str(pipeline.get("name") or pipeline_id), stages.get(stage_id) or stage_id
