"""Offers free appointments of a calendar and books the one that the customer chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, Field

from db.engine import one
from nodes.booking_phrases import BookingPhrases, booking_phrases
from nodes.contract import Context, NodeFailed, Result, Settings, Values, node
from nodes.effects import BookAppointment
from nodes.errors import ClientError
from nodes.language import guess
from nodes.slots import chosen, in_words, listed, spread, wanted_time

OFFER_HOLDS = timedelta(days=3)  # an answer to an older offer is no choice any more


class Config(Settings):
    calendar_id: str = Field(default="", description="The calendar.", json_schema_extra={"widget": "calendar"})
    do: Literal["both", "offer", "book"] = Field(
        title="Offer times or book",
        default="both",
        description="Offer free times, book the chosen one, or both: book when a time is chosen, offer otherwise.",
        json_schema_extra={"labels": {"both": "Offer and book", "offer": "Only offer times", "book": "Only book"}},
    )
    days: int = Field(
        title="How many days ahead",
        default=14,
        ge=1,
        le=60,
        description="How many days ahead free times are looked for.",
    )
    how_many: int = Field(
        title="How many times to offer", default=4, ge=1, le=10, description="How many times are offered at once."
    )
    notice_hours: float = Field(
        title="Hours before the first time",
        default=2,
        ge=0,
        le=240,
        description="How many hours before a time it can be booked.",
    )
    timezone: str = Field(
        default="",
        description="Time zone of the customer, for example Europe/Zurich; empty means the contact's, else the business's.",
    )
    language: str = Field(
        default="", description="Language of the texts, for example de; empty follows the customer's message."
    )
    title: str = Field(
        title="Title in the calendar",
        default="",
        description="Title in the calendar; may hold {{step.output}}. Empty means the contact's name.",
    )
    assigned_to: str = Field(
        title="Colleague",
        default="",
        description="The colleague who is booked; empty lets the calendar choose.",
        json_schema_extra={"widget": "crm_user"},
    )
    tell_customer: bool = Field(
        title="Tell the customer",
        default=True,
        description="Tell the customer when the booking succeeded, or that the time was taken meanwhile.",
    )
    when_booked: str = Field(
        title="Said when it is booked",
        default="",
        description="What the customer is told after the booking; {time} becomes the time. Empty means our own words.",
        json_schema_extra={"widget": "textarea", "only_if": {"tell_customer": True}},
    )
    when_taken: str = Field(
        title="Said when the time was taken",
        default="",
        description="What the customer is told when the time was taken meanwhile; empty means our own words with other times.",
        json_schema_extra={"widget": "textarea", "only_if": {"tell_customer": True}},
    )


class Input(Values):
    choice: str = Field(
        default="",
        description="What the customer chose: a number, a day and time, or 2026-11-24T09:00. Empty means the message.",
    )


class Output(Values):
    booking: bool = Field(description="Whether a time is being booked now; the customer is told when it succeeded.")
    time: str = Field(description="The time that is booked, in words; empty when none is.")
    offered: bool = Field(description="Whether there are free times to offer.")
    text: str = Field(description="The free times as a message to the customer; empty when one is being booked.")
    none_free: bool = Field(
        description="Whether there was nothing to offer: no free time, or no calendar to look into."
    )
    reason: str = Field(description="Why nothing is offered or booked, in words.")
    slots: list[AwareDatetime] = Field(description="The times that are offered, as numbered in the text.")


@dataclass(frozen=True)
class Desk:
    """What offering and booking share."""

    ctx: Context
    config: Config
    zone: ZoneInfo
    language: str
    free: Sequence[datetime]

    @property
    def said(self) -> BookingPhrases:
        return booking_phrases(self.language)


@node(
    "book_appointment",
    title="Book appointment",
    group="people",
    icon="event_available",
    sample=Input(choice="2"),
    effects=("book_appointment",),
    costly=True,
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    if ctx.contact is None:
        raise NodeFailed("This run has no contact to book for. Start it from a message or an event of the CRM.")
    message = input.choice or ctx.turn.text
    language = config.language[:2].lower() or guess(ctx.turn.text) or ctx.contact.language or "en"
    if ctx.crm is None or not config.calendar_id:
        reason = "Choose the calendar." if ctx.crm else "No CRM with a calendar is connected."
        return Result(_nothing(reason, booking_phrases(language)))
    zone = _zone(config, ctx)
    try:
        free = _free(config, ctx, zone)
    except ClientError as error:  # a customer must not be left without an answer because a calendar is away
        return Result(_nothing(error.reason, booking_phrases(language)), detail={"calendar": error.reason})
    return _decide(Desk(ctx, config, zone, language, free), message)


def _decide(desk: Desk, message: str) -> Result[Output]:
    detail: dict[str, object] = {"time_zone": desk.zone.key, "free_times": len(desk.free)}
    if desk.config.do == "offer":
        return Result(_offer(desk, ""), detail=detail)
    before = _offered_before(desk.ctx)
    wanted = chosen(message, before, desk.ctx.now, desk.zone) or wanted_time(message, desk.zone)
    if wanted is None:
        reason = "The customer chose none of the times."
        return Result(_offer(desk, "") if desk.config.do == "both" else _unclear(reason), detail=detail)
    detail["chosen"] = wanted.isoformat()
    if wanted not in desk.free:
        return Result(_offer(desk, "The time that was chosen is not free any more."), detail=detail)
    return _book(desk, wanted, detail)


def _book(desk: Desk, slot: datetime, detail: dict[str, object]) -> Result[Output]:
    config, ctx = desk.config, desk.ctx
    assert ctx.contact is not None
    time = in_words(slot, ctx.now, desk.zone, desk.language)
    others = spread([each for each in desk.free if each != slot], desk.zone, config.how_many)
    booked = (config.when_booked.strip() or desk.said.booked).replace("{time}", time)
    effect = BookAppointment(
        calendar_id=config.calendar_id,
        start=slot,
        title=config.title.strip() or ctx.contact.name,
        timezone=desk.zone.key,
        assigned_to=config.assigned_to.strip(),
        when_booked=booked if config.tell_customer else "",
        when_taken=(config.when_taken.strip() or _taken(desk, others)) if config.tell_customer else "",
    )
    output = Output(booking=True, time=time, offered=False, text="", none_free=False, reason="", slots=others)
    return Result(output, (effect,), detail)


def _offer(desk: Desk, why_again: str) -> Output:
    slots = spread(desk.free, desk.zone, desk.config.how_many)
    if not slots:
        return _nothing("The calendar has no free time in these days.", desk.said)
    opening = desk.said.taken_others if why_again else desk.said.offer
    text = _message(desk, opening, slots)
    return Output(booking=False, time="", offered=True, text=text, none_free=False, reason=why_again, slots=slots)


def _message(desk: Desk, opening: str, slots: Sequence[datetime]) -> str:
    list_of = listed(slots, desk.ctx.now, desk.zone, desk.language)
    differs = desk.zone.key != desk.ctx.business.timezone.key
    zone = desk.said.zone.format(zone=desk.zone.key) if differs else ""
    return "\n".join(part for part in (opening, list_of, zone, desk.said.which) if part)


def _taken(desk: Desk, others: Sequence[datetime]) -> str:
    return _message(desk, desk.said.taken_others, others) if others else desk.said.taken


def _nothing(reason: str, said: BookingPhrases) -> Output:
    return Output(booking=False, time="", offered=False, text=said.none_free, none_free=True, reason=reason, slots=[])


def _unclear(reason: str) -> Output:
    return Output(booking=False, time="", offered=False, text="", none_free=False, reason=reason, slots=[])


def _free(config: Config, ctx: Context, zone: ZoneInfo) -> list[datetime]:
    assert ctx.crm is not None
    start = ctx.now + timedelta(hours=config.notice_hours)
    found = ctx.crm.free_slots(config.calendar_id, start, ctx.now + timedelta(days=config.days), zone.key)
    return [slot for slot in found if slot >= start]


def _zone(config: Config, ctx: Context) -> ZoneInfo:
    """The customer's time zone, as far as somebody knows it."""
    if config.timezone.strip():
        try:
            return ZoneInfo(config.timezone.strip())
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise NodeFailed(f"'{config.timezone}' is no time zone. Write it like Europe/Zurich.") from error
    known = ctx.contact.crm.get("contact") if ctx.contact else None
    try:
        return ZoneInfo(str((known or {}).get("timezone") or ctx.business.timezone.key))
    except (ZoneInfoNotFoundError, ValueError):
        return ctx.business.timezone  # what a CRM holds there was typed by anybody


def _offered_before(ctx: Context) -> list[datetime]:
    """The times that the newest offer in this conversation named; none where that offer was taken up already."""
    if ctx.conversation is None:
        return []
    with ctx.read() as tx:
        found = one(
            tx,
            """SELECT s.output, o.state AS booked
               FROM runs r JOIN run_steps s ON s.run_id = r.id
               LEFT JOIN outbox o ON o.run_id = r.id AND o.effect->>'kind' = 'book_appointment'
               WHERE r.conversation_id = %(conversation)s AND r.id <> %(run)s AND r.created_at > %(since)s
                 AND s.node = 'book_appointment@1' AND s.state = 'done' AND jsonb_array_length(s.output->'slots') > 0
               ORDER BY r.seq DESC, s.position DESC LIMIT 1""",
            conversation=ctx.conversation.id,
            run=ctx.run_id,
            since=ctx.now - OFFER_HOLDS,
        )
    # A booking that failed left its other times as the offer; one that succeeded, or may yet, leaves none.
    if found is None or (found["output"]["booking"] and found["booked"] != "failed"):
        return []
    return [datetime.fromisoformat(slot) for slot in found["output"]["slots"]]
