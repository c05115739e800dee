"""Pauses the run: for some minutes, until a time of day, until the business opens, or until something happens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from nodes.contract import Context, NodeFailed, Pause, Settings, Values, node
from nodes.hours import HoursInvalid, clock, hours_of
from nodes.phrases import moment

MAX_MINUTES = 30 * 24 * 60  # 30 days, in minutes


class Config(Settings):
    until: Literal["minutes have passed", "time of day", "open", "event"] = Field(
        title="Wait for",
        default="minutes have passed",
        description="What the run waits for.",
        json_schema_extra={
            "labels": {
                "minutes have passed": "Some minutes",
                "time of day": "A time of day",
                "open": "The business opens",
                "event": "Something happens",
            }
        },
    )
    minutes: float = Field(
        default=5,
        ge=0,
        le=MAX_MINUTES,
        description="How many minutes to wait; for an event, how long at the most.",
        json_schema_extra={"only_if": {"until": ["minutes have passed", "event"]}},
    )
    event: str = Field(
        default="handoff_resolved",
        pattern=r"^[a-z_]+$",
        description="What has to happen with this contact or in this conversation.",
        json_schema_extra={"widget": "event", "only_if": {"until": ["event"]}},
    )
    time: str = Field(
        title="Time of day",
        default="09:00",
        pattern=r"^([01]?\d|2[0-3]):[0-5]\d$",
        description="Time of day in the time zone of the business, for example 09:00.",
        json_schema_extra={"only_if": {"until": ["time of day"]}},
    )


class Input(Values):
    """The waiting time stands in the settings."""


class Output(Values):
    waited_seconds: float = Field(description="How long the run waited, in seconds.")
    happened: bool = Field(description="Whether the event came in time; no for other waits.")


@node("wait", title="Wait", group="logic", icon="hourglass_empty", sample=Input())
def run(config: Config, input: Input, ctx: Context) -> Output | Pause:
    # The target is reckoned from the first pause, so that a run taken up too early or twice waits no longer than it should.
    began = ctx.paused_since or ctx.now
    until = _target(config, ctx, began)
    happened = ctx.woken_by is not None and ctx.woken_by.get("kind") == "event"
    if happened or ctx.now >= until:
        return Output(waited_seconds=(ctx.now - began).total_seconds(), happened=happened)
    when = moment(until, ctx.now, ctx.business, "en")
    if config.until == "event":
        reason = f"Waits for '{config.event.replace('_', ' ')}', until {when} at the latest."
        return Pause(until, reason, wakes_on=(f"event:{config.event}",))
    return Pause(until, f"Waits until {when}.")


def _target(config: Config, ctx: Context, began: datetime) -> datetime:
    match config.until:
        case "minutes have passed" | "event":
            return began + timedelta(minutes=config.minutes)
        case "time of day":
            return _next(config.time, ctx, began)
        case "open":
            return _opening(ctx, began)


def _next(written: str, ctx: Context, began: datetime) -> datetime:
    local = began.astimezone(ctx.business.timezone)
    today = datetime.combine(local.date(), clock(written), ctx.business.timezone)
    chosen = (
        today
        if today >= local
        else datetime.combine(local.date() + timedelta(days=1), clock(written), ctx.business.timezone)
    )
    return chosen.astimezone(began.tzinfo)


def _opening(ctx: Context, began: datetime) -> datetime:
    try:
        opens = hours_of(ctx.business).next_opening(began)
    except HoursInvalid as error:
        raise NodeFailed(str(error)) from error
    if opens is None:
        raise NodeFailed(
            "The business never opens by its opening hours, so the run would wait for ever. Correct the hours."
        )
    return opens
