"""The document of an automation: a list of steps, wired by reference. What a builder edits and what a version keeps."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class When(BaseModel):
    """A condition of a step: an earlier boolean output must have this value."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    value: str = Field(description="Reference to an earlier boolean, for example gate.may_answer.")
    is_: bool = Field(default=True, alias="is", description="The value it must have.")


class Step(BaseModel):
    """One node in an automation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: StepId = Field(description="Name of the step within the automation.")
    node: str = Field(description="Node and version, for example generate@1.")
    title: str = Field(default="", description="Title on the card; empty means the node's own.")
    config: dict[str, Any] = Field(default_factory=dict, description="Settings; texts may hold {{step.output}}.")
    input: dict[str, str] = Field(
        default_factory=dict, description="Input field -> earlier output, for example reply.text."
    )
    when: list[When] = Field(default_factory=list, description="Conditions that must all hold.")
    on_error: Literal["stop", "continue"] = Field(
        default="stop", description="What happens to the run when the step fails."
    )
    retries: int = Field(default=0, ge=0, le=5, description="How often a failed step is tried again.")
    timeout_seconds: float = Field(
        default=60, gt=0, le=600, description="Seconds after which the step counts as failed."
    )
    disabled: bool = Field(default=False, description="A disabled step is skipped.")


class Automation(BaseModel):
    """The first step is the trigger; the others run in list order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str = Field(min_length=1, max_length=120, description="Name of the automation.")
    description: str = Field(default="", description="One sentence on what it is for.")
    steps: list[Step] = Field(default_factory=list, description="The steps; the first is the trigger.")
