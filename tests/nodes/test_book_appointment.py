"""Free times are offered in the customer's words; the one that is chosen is booked, and told only when it succeeded."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from db.engine import system
from nodes import book_appointment
from nodes.contract import NodeFailed
from nodes.effects import BookAppointment
from nodes.errors import NotSent
from tests.db.builders import a_run, a_step, an_automation, an_outbox_row
from tests.nodes.conftest import Desk
from tests.nodes.contexts import carry_out, contact, context, turn
from tests.nodes.crm_fake import FakeCrm

NINE, TWO, WEDNESDAY = (datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in ((24, 8), (24, 13), (25, 8)))
FREE = [NINE, TWO, WEDNESDAY]
CALENDAR = {"calendar_id": "cal"}


def remember_offer(desk: Desk, slots: list[datetime], *, booking: bool = False, booked: str = "") -> UUID:
    """An earlier run of this conversation that offered these times."""
    output = {"booking": booking, "slots": [slot.isoformat() for slot in slots]}
    with system() as tx:
        run = a_run(tx, desk.workspace, an_automation(tx, desk.workspace), desk.conversation)
        a_step(tx, desk.workspace, run, "slots", node="book_appointment@1", output=output)
        if booked:
            effect = {"kind": "book_appointment"}
            an_outbox_row(tx, desk.workspace, desk.conversation, run_id=run, effect=effect, state=booked)
    return run


def test_free_times_are_offered_in_the_language_of_the_message() -> None:
    crm = FakeCrm(FREE)
    ctx = context(crm=crm, turn=turn("Ich möchte bitte einen Termin"), conversation=None)
    result = carry_out(book_appointment, ctx, CALENDAR)
    assert result.output.offered and not result.output.booking and result.effects == ()
    assert result.output.slots == FREE
    assert result.output.text.splitlines()[:3] == [
        "Diese Termine sind frei:",
        "1. Morgen um 09:00 Uhr",
        "2. Morgen um 14:00 Uhr",
    ]
    [(_, calendar, start, end, zone)] = crm.asked
    assert (calendar, zone) == ("cal", "Europe/Zurich")
    assert (start - ctx.now).total_seconds() == 7200 and (end - ctx.now).days == 14


def test_the_customers_time_zone_counts_and_is_named_where_it_differs() -> None:
    person = contact(crm={"contact": {"timezone": "America/New_York"}})
    ctx = context(crm=FakeCrm(FREE), contact=person, turn=turn("an appointment please"), conversation=None)
    text = carry_out(book_appointment, ctx, CALENDAR).output.text
    assert "1. Tomorrow at 03:00" in text and "America/New_York" in text


def test_the_chosen_time_is_booked_and_the_words_wait_for_the_booking(desk: Desk) -> None:
    remember_offer(desk, FREE)
    ctx = desk.context(crm=FakeCrm(FREE), turn=turn("The second one please"))
    result = carry_out(book_appointment, ctx, CALENDAR | {"title": "Fitting"})
    assert result.output.booking and result.output.time == "tomorrow at 14:00" and result.output.text == ""
    [effect] = result.effects
    assert isinstance(effect, BookAppointment)
    assert (effect.calendar_id, effect.start, effect.title, effect.timezone) == ("cal", TWO, "Fitting", "Europe/Zurich")
    assert effect.when_booked == "Your appointment is booked: tomorrow at 14:00. See you then!"
    assert "1. Tomorrow at 09:00\n2. On Wednesday at 09:00" in effect.when_taken


def test_own_words_and_silence_are_respected(desk: Desk) -> None:
    remember_offer(desk, FREE)
    ctx = desk.context(crm=FakeCrm(FREE), turn=turn("1"))
    [said] = carry_out(
        book_appointment, ctx, CALENDAR | {"when_booked": "See you {time} {ok}", "when_taken": "Gone."}
    ).effects
    assert isinstance(said, BookAppointment)
    assert (said.when_booked, said.when_taken) == ("See you tomorrow at 09:00 {ok}", "Gone.")
    [silent] = carry_out(book_appointment, ctx, CALENDAR | {"tell_customer": False}).effects
    assert isinstance(silent, BookAppointment) and not silent.when_booked and not silent.when_taken


def test_a_time_that_was_taken_meanwhile_is_not_booked_and_others_are_offered(desk: Desk) -> None:
    remember_offer(desk, FREE)
    result = carry_out(book_appointment, desk.context(crm=FakeCrm([NINE]), turn=turn("Wednesday at 9")), CALENDAR)
    assert result.effects == () and result.output.offered
    assert result.output.slots == [NINE]
    assert result.output.text.startswith("That time has just been taken")


def test_a_message_that_chooses_nothing_gets_the_offer_again(desk: Desk) -> None:
    remember_offer(desk, FREE)
    ctx = desk.context(crm=FakeCrm(FREE), turn=turn("What does it cost?"))
    assert carry_out(book_appointment, ctx, CALENDAR).output.offered
    silent = carry_out(book_appointment, ctx, CALENDAR | {"do": "book"}).output
    assert not silent.offered and not silent.booking and silent.text == "" and silent.reason


def test_a_model_may_name_the_time_itself() -> None:
    ctx = context(crm=FakeCrm(FREE), conversation=None)
    [effect] = carry_out(book_appointment, ctx, CALENDAR | {"do": "book"}, choice="2026-11-24T14:00").effects
    assert isinstance(effect, BookAppointment) and effect.start == TWO


def test_an_offer_that_was_taken_up_is_no_offer_any_more(desk: Desk) -> None:
    remember_offer(desk, FREE, booking=True, booked="done")
    assert carry_out(book_appointment, desk.context(crm=FakeCrm(FREE), turn=turn("2")), CALENDAR).effects == ()


def test_the_other_times_of_a_booking_that_failed_are_the_offer(desk: Desk) -> None:
    remember_offer(desk, [NINE, WEDNESDAY], booking=True, booked="failed")
    [effect] = carry_out(book_appointment, desk.context(crm=FakeCrm(FREE), turn=turn("2")), CALENDAR).effects
    assert isinstance(effect, BookAppointment) and effect.start == WEDNESDAY


def test_a_calendar_that_is_away_leaves_the_customer_with_a_sentence_and_the_run_alive() -> None:
    ctx = context(crm=FakeCrm(raises=NotSent("The CRM cannot be reached.")), conversation=None)
    output = carry_out(book_appointment, ctx, CALENDAR).output
    assert output.none_free and output.reason == "The CRM cannot be reached." and output.text


def test_no_free_time_no_crm_and_no_calendar_are_said() -> None:
    for ctx, config in (
        (context(crm=FakeCrm(), conversation=None), CALENDAR),
        (context(crm=None), CALENDAR),
        (context(crm=FakeCrm(FREE)), {}),
    ):
        output = carry_out(book_appointment, ctx, config).output
        assert output.none_free and output.reason and not output.offered


def test_a_time_zone_that_is_none_is_said() -> None:
    with pytest.raises(NodeFailed, match="Mars"):
        carry_out(book_appointment, context(crm=FakeCrm(FREE)), CALENDAR | {"timezone": "Mars/Base"})


def test_a_run_without_a_contact_says_so() -> None:
    with pytest.raises(NodeFailed, match="no contact"):
        carry_out(book_appointment, context(contact=None, run_id=uuid4()), CALENDAR)
