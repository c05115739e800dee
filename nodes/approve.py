"""Lets a colleague approve, edit or refuse a text on the page before the run goes on; goes on without after a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from nodes.contract import Context, NodeFailed, Pause, Settings, Values, node
from nodes.effects import Effect, NotifyPeople
from nodes.phrases import moment


class Config(Settings):
    title: str = Field(
        title="What is to be decided",
        default="",
        max_length=200,
        description="What is to be decided; empty names the contact.",
    )
    text: str = Field(
        title="Text to approve",
        default="",
        description="The text to approve when it comes from no earlier step; may hold {{step.output}}.",
        json_schema_extra={"widget": "textarea"},
    )
    tell: bool = Field(
        title="Tell the colleagues",
        default=True,
        description="Tell the colleagues on their pages that something waits for them.",
    )
    timeout_minutes: float = Field(
        title="Go on without after (minutes)",
        default=240,
        gt=0,
        le=30 * 24 * 60,
        description="Go on without a decision after so many minutes.",
    )


class Input(Values):
    text: str = Field(
        title="Text to approve", default="", description="The text to approve, usually the answer of an earlier step."
    )


class Output(Values):
    approved: bool = Field(description="Whether a colleague approved it.")
    refused: bool = Field(description="Whether a colleague refused it.")
    timed_out: bool = Field(description="Whether nobody decided in time.")
    text: str = Field(description="The text as it was approved, with the colleague's changes; empty where it was not.")
    edited: bool = Field(description="Whether the colleague changed the text.")
    decided_by: str = Field(description="Name of the colleague.")
    note: str = Field(description="What the colleague wrote about it.")


@node(
    "approve",
    title="Wait for approval",
    group="logic",
    icon="approval",
    sample=Input(text="We can offer you 10 % on the second bike."),
    effects=("notify_people",),
)
def run(config: Config, input: Input, ctx: Context) -> Output | Pause:
    text = (input.text or config.text).strip()
    if not text:
        raise NodeFailed("There is nothing to approve: the text is empty.")
    if not ctx.memory:
        return _wait(
            config,
            ctx,
            {"text": text, "title": _title(config, ctx), "asked_at": ctx.now.isoformat()},
            _tell(config, ctx),
        )
    if ctx.woken_by is not None and ctx.woken_by.get("kind") == "approval":
        return _decided(ctx.woken_by, str(ctx.memory["text"]))
    if ctx.now >= _deadline(config, ctx.memory):
        return Output(approved=False, refused=False, timed_out=True, text="", edited=False, decided_by="", note="")
    return _wait(config, ctx, dict(ctx.memory), ())  # taken up too early


def _decided(decision: Any, asked: str) -> Output:
    approved = bool(decision["approved"])
    text = str(decision.get("text") or asked) if approved else ""
    return Output(
        approved=approved,
        refused=not approved,
        timed_out=False,
        text=text,
        edited=approved and text != asked,
        decided_by=str(decision.get("by", "")),
        note=str(decision.get("note", "")),
    )


def _wait(config: Config, ctx: Context, memory: dict[str, Any], effects: tuple[Effect, ...]) -> Pause:
    until = _deadline(config, memory)
    reason = f"Waits for a colleague's approval, until {moment(until, ctx.now, ctx.business, 'en')} at the latest."
    return Pause(until, reason, effects, ("approval",), memory)


def _deadline(config: Config, memory: Any) -> datetime:
    return datetime.fromisoformat(memory["asked_at"]) + timedelta(minutes=config.timeout_minutes)


def _title(config: Config, ctx: Context) -> str:
    who = (ctx.contact.name if ctx.contact else "") or "a customer"
    return config.title or f"A message to {who}"


def _tell(config: Config, ctx: Context) -> tuple[Effect, ...]:
    if not config.tell:
        return ()
    return (NotifyPeople(via="page", subject="Something waits for your approval", text=_title(config, ctx)),)
