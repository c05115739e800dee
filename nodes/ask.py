"""Asks the customer and waits for a usable answer; reminds once, and goes on without one after a while."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field, model_validator

from nodes.contract import Context, NodeFailed, Pause, Settings, Values, node
from nodes.effects import SendMessage
from nodes.person_request import asks_for_person
from nodes.phrases import moment
from nodes.reply_values import Kind, Wanted, value_of

LONGEST_MINUTES = 30 * 24 * 60
NOT_USABLE = {
    "text": "Please write a short answer.",
    "number": "Please answer with a number.",
    "email": "That does not look like an e-mail address. Please write it again, for example name@example.com.",
    "phone": "That does not look like a phone number. Please write it with the country code, for example +41 79 123 45 67.",
    "date": "I did not understand the date. Please write it like 24 March.",
    "choice": "Please answer with one of these:",
}


class Config(Settings):
    question: str = Field(
        default="What is your e-mail address?",
        description="What the customer is asked; may hold {{step.output}}.",
        json_schema_extra={"widget": "textarea"},
    )
    kind: Kind = Field(
        title="What counts as an answer",
        default="text",
        description="What counts as an answer.",
        json_schema_extra={
            "labels": {
                "text": "Any text",
                "number": "A number",
                "email": "An e-mail address",
                "phone": "A phone number",
                "date": "A date",
                "choice": "One of several choices",
            }
        },
    )
    choices: list[str] = Field(
        default_factory=list,
        max_length=20,
        description="The choices; the customer may answer with the words or the number.",
        json_schema_extra={"only_if": {"kind": ["choice"]}},
    )
    not_usable: str = Field(
        title="Said when the answer cannot be used",
        default="",
        description="Said when the answer cannot be used; empty means a sentence that fits the kind.",
        json_schema_extra={"widget": "textarea"},
    )
    tries: int = Field(
        title="How many tries",
        default=3,
        ge=1,
        le=10,
        description="So many answers are looked at before the run goes on without.",
    )
    reminder_minutes: float | None = Field(
        title="Remind after (minutes)",
        default=None,
        gt=0,
        le=LONGEST_MINUTES,
        description="Remind after so many minutes of silence; empty means never.",
    )
    reminder: str = Field(
        default="",
        description="The reminder; empty repeats the question.",
        json_schema_extra={"widget": "textarea"},
    )
    timeout_minutes: float = Field(
        title="Go on without after (minutes)",
        default=1440,
        gt=0,
        le=LONGEST_MINUTES,
        description="Go on without an answer after so many minutes.",
    )

    @model_validator(mode="after")
    def _choices_to_choose_from(self) -> Config:
        if self.kind == "choice" and len(self.choices) < 2:
            raise ValueError("choices: give at least two, or ask for any text")
        return self


class Input(Values):
    """The question stands in the settings."""


class Output(Values):
    value: str = Field(
        description="The answer in its plain form, for example 2026-03-14 or +41791234567; empty without one."
    )
    text: str = Field(description="What the customer wrote last.")
    answered: bool = Field(description="Whether there is a usable answer.")
    timed_out: bool = Field(description="Whether the customer said nothing in time.")
    gave_up: bool = Field(description="Whether none of the answers could be used.")
    wants_person: bool = Field(description="Whether the customer asked for a person instead.")


@node(
    "ask",
    title="Ask and wait",
    group="logic",
    icon="contact_support",
    sample=Input(),
    effects=("send_message",),
)
def run(config: Config, input: Input, ctx: Context) -> Output | Pause:
    if ctx.conversation is None:
        raise NodeFailed("There is nobody to ask: this run has no conversation.")
    if not config.question.strip():
        raise NodeFailed("The question is empty. Write one in the settings of this step.")
    if not ctx.memory:
        begun = {"asked_at": ctx.now.isoformat(), "tries": 0, "reminded": False, "text": ""}
        return _wait(config, ctx, begun, _asked(config, config.question))
    if ctx.woken_by is not None and ctx.woken_by.get("kind") == "message":
        return _answer(config, ctx, str(ctx.woken_by["text"]))
    return _silence(config, ctx)


def _answer(config: Config, ctx: Context, text: str) -> Output | Pause:
    if asks_for_person(text):
        return _output(text, wants_person=True)
    value = value_of(text, _wanted(config, ctx))
    if value is not None:
        return _output(text, value=value, answered=True)
    tries = int(ctx.memory["tries"]) + 1
    if tries >= config.tries:
        return _output(text, gave_up=True)
    memory = {**ctx.memory, "tries": tries, "text": text, "asked_at": ctx.now.isoformat()}
    return _wait(config, ctx, memory, _asked(config, config.not_usable or NOT_USABLE[config.kind]))


def _silence(config: Config, ctx: Context) -> Output | Pause:
    asked_at = datetime.fromisoformat(ctx.memory["asked_at"])
    if ctx.now >= asked_at + timedelta(minutes=config.timeout_minutes):
        return _output(str(ctx.memory["text"]), timed_out=True)
    if config.reminder_minutes and not ctx.memory["reminded"] and ctx.now >= _reminder_at(config, asked_at):
        return _wait(config, ctx, {**ctx.memory, "reminded": True}, _asked(config, config.reminder or config.question))
    return _wait(config, ctx, ctx.memory, "")  # taken up too early


def _wait(config: Config, ctx: Context, memory: Mapping[str, Any], say: str) -> Pause:
    asked_at = datetime.fromisoformat(memory["asked_at"])
    until = asked_at + timedelta(minutes=config.timeout_minutes)
    if config.reminder_minutes and not memory["reminded"]:
        until = min(until, _reminder_at(config, asked_at))
    reason = f"Waits for the customer's answer, until {moment(until, ctx.now, ctx.business, 'en')} at the latest."
    effects = (SendMessage(text=say),) if say else ()
    return Pause(until, reason, effects, ("message",), memory)


def _reminder_at(config: Config, asked_at: datetime) -> datetime:
    return asked_at + timedelta(minutes=config.reminder_minutes or 0)


def _asked(config: Config, words: str) -> str:
    """The words with the choices below them, numbered."""
    if config.kind != "choice":
        return words.strip()
    return "\n".join([words.strip(), *(f"{number}. {choice}" for number, choice in enumerate(config.choices, 1))])


def _wanted(config: Config, ctx: Context) -> Wanted:
    language = ctx.contact.language if ctx.contact else ""
    region = str(ctx.business.settings.get("country", ""))
    local = ctx.now.astimezone(ctx.business.timezone)
    american = str(ctx.business.timezone).startswith(("America/", "US/"))
    return Wanted(config.kind, config.choices, language, region, local, month_first=american)


def _output(text: str, *, value: str = "", **what: bool) -> Output:
    said = {name: what.get(name, False) for name in ("answered", "timed_out", "gave_up", "wants_person")}
    return Output(value=value, text=text, **said)
