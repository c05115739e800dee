"""Lets the AI do what it finds necessary after a message, within the actions that you allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, JsonValue

from nodes.asking import DATA_RULE, ask, spoken, tagged
from nodes.booking_phrases import booking_phrases
from nodes.contract import Context, NodeFailed, Result, Settings, Values, node
from nodes.due import DUE_LABELS, Due, due_at
from nodes.effects import BookAppointment, Effect
from nodes.errors import AuthFailed, ClientError, Rejected
from nodes.language import guess
from nodes.material import Line
from nodes.proposals import Action, Allowed, Refused, effect_of, schema
from nodes.slots import in_words, spread
from nodes.update_contact import FieldName

MOST_SLOTS = 20  # in the prompt
LABELS: JsonValue = {
    "tag": "Tag the contact",
    "note": "Write a note",
    "task": "Write a task",
    "stage": "Move the opportunity",
    "update_field": "Change a field",
    "hand_off": "Ask for a person",
    "book": "Book an appointment",
}
_INSTRUCTIONS = """\
You keep the records of {business} in order after a message of a customer. You do not write to the customer.
{own}
Rules:
- Propose only what the message makes necessary; an empty list is the usual answer.
- At most {most} actions. Never invent facts, values or times.
- {data_rule}

Answer with one JSON object and nothing else: {{"actions": [...]}}. The actions there are:
{actions}"""


class Config(Settings):
    allowed: list[Action] = Field(
        title="What it may do",
        default_factory=list,
        description="What the AI may do; anything else that it proposes is refused.",
        json_schema_extra={"labels": LABELS},
    )
    instructions: str = Field(
        default="",
        description="When it should do what, in your words, for example: tag those who ask for prices 'lead'.",
        json_schema_extra={"widget": "textarea"},
    )
    most: int = Field(
        title="Most actions for one message",
        default=3,
        ge=1,
        le=10,
        description="How many actions at most for one message.",
    )
    tags: list[str] = Field(
        title="Tags that it may give",
        default_factory=list,
        description="Tags that it may give; none named means any tag.",
        json_schema_extra={"widget": "tags"},
    )
    fields: list[FieldName] = Field(
        title="Fields that it may change",
        default_factory=list,
        description="Fields of the contact that it may change.",
        json_schema_extra={"widget": "contact_field"},
    )
    pipeline_id: str = Field(
        title="Pipeline that it may work in",
        default="",
        description="The pipeline in which it may move the opportunity.",
        json_schema_extra={"widget": "pipeline"},
    )
    calendar_id: str = Field(
        title="Calendar that it may book in",
        default="",
        description="The calendar in which it may book.",
        json_schema_extra={"widget": "calendar"},
    )
    task_due: Due = Field(
        title="Its tasks are due",
        default="next_opening",
        description="When its tasks are due.",
        json_schema_extra={"labels": DUE_LABELS},
    )
    task_amount: float = Field(
        title="In how many hours or days",
        default=4,
        ge=0,
        le=1000,
        description="How many hours or days from now its tasks are due.",
        json_schema_extra={"only_if": {"task_due": ["hours", "days"]}},
    )
    assigned_to: str = Field(
        title="Colleague for tasks and appointments",
        default="",
        description="The colleague who gets its tasks and appointments; empty means nobody in particular.",
        json_schema_extra={"widget": "crm_user"},
    )


class Input(Values):
    message: str = Field(default="", description="What the customer wrote.")
    history: list[Line] = Field(default_factory=list, description="The conversation so far.")
    facts: str = Field(default="", description="What is known about the customer.")
    reply: str = Field(default="", description="What the customer is answered.")


class Output(Values):
    acted: bool = Field(description="Whether something is done.")
    done: list[str] = Field(description="What is done, in words.")
    refused: list[str] = Field(description="What was proposed and refused, with the reason.")
    handed_off: bool = Field(description="Whether a person is asked for.")


@node(
    "act",
    title="Let the AI act",
    group="ai",
    icon="bolt",
    sample=Input(message="Please call me back tomorrow about the new bike."),
    effects=(
        "change_tags",
        "add_note",
        "create_task",
        "move_opportunity",
        "update_contact",
        "open_handoff",
        "book_appointment",
    ),
    costly=True,
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    message = input.message.strip() or ctx.turn.text.strip()
    reason = _why_not(config, ctx, message)
    if reason:
        return Result(Output(acted=False, done=[], refused=[], handed_off=False), detail={"reason": reason})
    assert ctx.llm is not None
    allowed = _allowed(config, ctx)
    form = schema(allowed, config.most)
    try:
        told = ask(ctx.llm, _instructions(config, ctx, form), _data(input, message), form)
    except (AuthFailed, Rejected) as error:
        raise NodeFailed(f"The model does not work: {error.reason}") from error
    return _judged(told.object, allowed, config.most, ctx, dict(told.detail))


def _why_not(config: Config, ctx: Context, message: str) -> str:
    if not config.allowed:
        return "No action is allowed. Choose some in the settings of this step."
    if not message:
        return "The message has no text."
    return "" if ctx.llm else "No language model is connected."


def _judged(given: Any, allowed: Allowed, most: int, ctx: Context, detail: dict[str, Any]) -> Result[Output]:
    proposals = given.get("actions") if given else None
    effects: list[Effect] = []
    done: list[str] = []
    refused = [] if isinstance(proposals, list) else ["The model gave no list of actions."]
    for place, proposal in enumerate(proposals if isinstance(proposals, list) else []):
        try:
            if place >= most:
                raise Refused(f"More than {most} actions were proposed; the rest is left out.")
            effect, words = effect_of(proposal, allowed)
            _once(effect, effects, ctx)
        except Refused as refusal:
            refused.append(str(refusal))
            if place >= most:
                break
        else:
            effects.append(_told(effect, ctx))
            done.append(words)
    handed_off = any(effect.kind == "open_handoff" for effect in effects)
    output = Output(acted=bool(effects), done=done, refused=refused, handed_off=handed_off)
    return Result(output, tuple(effects), detail)


def _once(effect: Effect, before: list[Effect], ctx: Context) -> None:
    """The same thing twice, two appointments, or a hand-over of what nobody can hand over, is a slip of the model."""
    if effect in before or (effect.kind == "book_appointment" and any(each.kind == effect.kind for each in before)):
        raise Refused("The same was proposed twice.")
    if effect.kind == "open_handoff" and (ctx.conversation is None or ctx.conversation.owner == "human"):
        raise Refused("There is no conversation to hand over, or a colleague has it already.")
    if effect.kind != "open_handoff" and ctx.contact is None:
        raise Refused("This run has no contact.")


def _told(effect: Effect, ctx: Context) -> Effect:
    """The customer is told about a booking by the effect itself, when it succeeded."""
    if not isinstance(effect, BookAppointment):
        return effect
    language = guess(ctx.turn.text) or (ctx.contact.language if ctx.contact else "")
    said = booking_phrases(language)
    time = in_words(effect.start, ctx.now, ZoneInfo(effect.timezone), language)
    title = ctx.contact.name if ctx.contact else ""
    return effect.model_copy(
        update={"title": title, "when_booked": said.booked.format(time=time), "when_taken": said.taken}
    )


def _allowed(config: Config, ctx: Context) -> Allowed:
    allowed = Allowed(
        actions=config.allowed,
        tags=config.tags,
        fields=config.fields,
        zone=ctx.business.timezone,
        task_due=due_at(config.task_due, config.task_amount, ctx.now, ctx.business)
        if "task" in config.allowed
        else None,
        assigned_to=config.assigned_to,
    )
    if ctx.crm is None:
        return allowed
    try:
        return _with_crm(allowed, config, ctx)
    except ClientError:  # without the CRM there are no stages and no times to choose from; the rest goes on
        return allowed


def _with_crm(allowed: Allowed, config: Config, ctx: Context) -> Allowed:
    assert ctx.crm is not None
    if "stage" in config.allowed and config.pipeline_id:
        found = next((each for each in ctx.crm.pipelines() if each.get("id") == config.pipeline_id), {})
        stages = {str(stage["id"]): str(stage["name"]) for stage in found.get("stages") or ()}
        allowed = replace(allowed, pipeline_id=config.pipeline_id, stages=stages)
    if "book" in config.allowed and config.calendar_id:
        until = ctx.now + timedelta(days=14)
        free = ctx.crm.free_slots(config.calendar_id, ctx.now + timedelta(hours=2), until, allowed.zone.key)
        allowed = replace(allowed, calendar_id=config.calendar_id, slots=spread(free, allowed.zone, MOST_SLOTS))
    return allowed


def _instructions(config: Config, ctx: Context, form: dict[str, Any]) -> str:
    actions = "\n".join(
        "- " + ", ".join(f'"{name}": {_choices(part)}' for name, part in kind["properties"].items())
        for kind in form["properties"]["actions"]["items"]["anyOf"]
    )
    return _INSTRUCTIONS.format(
        business=ctx.business.name,
        own=config.instructions.strip() or "Use your judgement.",
        most=config.most,
        data_rule=DATA_RULE,
        actions=actions,
    )


def _choices(part: dict[str, Any]) -> str:
    if "enum" in part:
        return " or ".join(f'"{choice}"' for choice in part["enum"])
    return str(part["description"])


def _data(input: Input, message: str) -> str:
    parts = (
        tagged("known", input.facts),
        tagged("conversation", spoken(input.history)),
        tagged("message", message),
        f"We answer this: {input.reply.strip()}" if input.reply.strip() else "",
    )
    return "\n\n".join(part for part in parts if part)
