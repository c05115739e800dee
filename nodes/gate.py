"""Checks whether the AI may answer now: nobody took over, it is switched on, no opt-out, not too soon."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from nodes.contract import Context, NodeFailed, Settings, Values, node
from nodes.hours import HoursInvalid, hours_of
from nodes.phrases import moment


class Config(Settings):
    only_when_open: bool = Field(
        title="Only during opening hours", default=False, description="Also block outside opening hours."
    )


class Input(Values):
    """The gate looks at the conversation itself."""


class Output(Values):
    may_answer: bool = Field(description="Whether nothing blocks.")
    blocked: bool = Field(description="Whether something blocks.")
    reason: str = Field(description="The first thing that blocks, in words; empty when nothing does.")
    open_now: bool = Field(description="Whether it is within opening hours.")
    human_owns: bool = Field(description="Whether a colleague took the conversation over.")
    ai_off: bool = Field(description="Whether the AI is switched off in this conversation.")
    opted_out: bool = Field(description="Whether the contact asked for no more automatic messages.")
    too_soon: bool = Field(description="Whether the last AI answer is more recent than the limit per contact allows.")


@node("gate", title="May the AI answer?", group="logic", icon="front_hand", sample=Input())
def run(config: Config, input: Input, ctx: Context) -> Output:
    if ctx.conversation is None:
        raise NodeFailed("This run has no conversation, so there is nothing to check. Start it from a message.")
    conversation = ctx.conversation
    opens = _closed_until(ctx)
    blocks = {
        "human_owns": "A colleague has taken over this conversation." if conversation.owner == "human" else "",
        "ai_off": "" if conversation.ai_enabled else "The AI is switched off in this conversation.",
        "opted_out": "The contact asked for no more automatic messages."
        if ctx.contact and ctx.contact.opted_out
        else "",
        "too_soon": _too_soon(ctx),
    }
    reason = next((text for text in blocks.values() if text), "") or (opens if config.only_when_open else "")
    return Output(
        may_answer=not reason,
        blocked=bool(reason),
        reason=reason,
        open_now=not opens,
        **{name: bool(text) for name, text in blocks.items()},
    )


def _too_soon(ctx: Context) -> str:
    limit, conversation = ctx.business.contact_limit_seconds, ctx.conversation
    # In a web chat somebody sits and waits; only channels that could loop or cost are limited.
    if conversation is None or conversation.channel == "webchat" or not limit or conversation.last_ai_reply_at is None:
        return ""
    if ctx.now - conversation.last_ai_reply_at >= timedelta(seconds=limit):
        return ""
    return f"The AI answered this contact less than {limit:g} seconds ago."


def _closed_until(ctx: Context) -> str:
    """'' when it is open."""
    try:
        hours = hours_of(ctx.business)
    except HoursInvalid as error:
        raise NodeFailed(str(error)) from error
    if hours.is_open(ctx.now):
        return ""
    opens = hours.next_opening(ctx.now)
    return f"It is closed; it opens {moment(opens, ctx.now, ctx.business, 'en')}." if opens else "It is closed."
