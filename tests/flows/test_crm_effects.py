"""Effects on the CRM arrive there once, in order, and are kept with what was there before and after."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db import effect_results
from db.engine import transaction
from flows import actions, crm
from nodes.effects import (
    AddNote,
    BookAppointment,
    ChangeTags,
    CreateTask,
    Effect,
    MoveOpportunity,
    UpdateContact,
)
from tests.fakes.ghl_twin import GhlTwin
from tests.flows.effects_rig import PHONE, EffectsRig

DUE = datetime(2030, 5, 6, 9, 0, tzinfo=UTC)


@pytest.fixture
def twin() -> Iterator[GhlTwin]:
    with GhlTwin() as twin:
        yield twin
        assert twin.refused == []


@pytest.fixture
def rig(database_url: str, twin: GhlTwin) -> EffectsRig:
    return EffectsRig(twin)


@pytest.fixture
def nora(twin: GhlTwin) -> dict[str, Any]:
    return twin.add_contact(firstName="Nora", lastName="Quill", phone=PHONE, tags=["lead"])


def slot(twin: GhlTwin, place: int = 3) -> datetime:
    start = datetime.now(UTC) + timedelta(days=2)
    return list(twin.slots(twin.calendar_list[0]["id"], start.timestamp(), start.timestamp() + 5 * 86_400))[place]


def booking(twin: GhlTwin, place: int = 3) -> BookAppointment:
    return BookAppointment(
        calendar_id=twin.calendar_list[0]["id"],
        start=slot(twin, place),
        timezone="America/New_York",
        when_booked="It is booked.",
        when_taken="It was taken.",
    )


def test_fields_are_changed_there_and_here_and_what_was_before_is_kept(rig: EffectsRig, nora: dict[str, Any]) -> None:
    [id] = rig.put_in_line(UpdateContact(fields={"name": "Nora Anne Quill", "email": "Nora@Example.com"}))
    rig.deliver()
    assert (nora["firstName"], nora["lastName"], nora["email"]) == ("Nora", "Anne Quill", "nora@example.com")
    effect = rig.effect(id)
    assert effect["state"] == "done"
    assert effect["result"] == {
        "id": "",
        "before": {"name": "Nora Quill", "email": ""},
        "after": {"name": "Nora Anne Quill", "email": "nora@example.com"},
    }
    person = rig.person()
    assert (person["name"], person["email"]) == ("Nora Anne Quill", "nora@example.com")
    assert person["ghl_contact_id"] == nora["id"] and person["crm_fetched_at"] is None


def test_custom_fields_are_written_by_their_id(rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]) -> None:
    field = twin.add_custom_field("Bike", "bike")
    [id] = rig.put_in_line(UpdateContact(fields={f"custom.{field['id']}": "red"}))
    rig.deliver()
    assert nora["customFields"] == [{"id": field["id"], "value": "red"}]
    assert rig.effect(id)["result"]["before"] == {f"custom.{field['id']}": ""}


def test_a_number_that_is_none_and_a_field_that_is_none_fail_with_a_sentence(
    rig: EffectsRig, nora: dict[str, Any]
) -> None:
    ids = rig.put_in_line(UpdateContact(fields={"phone": "call me"}), UpdateContact(fields={"mood": "good"}))
    rig.deliver_until_settled()
    assert [rig.effect(id)["state"] for id in ids] == ["failed", "failed"]
    assert [rig.effect(id)["error_code"] for id in ids] == ["bad_phone", "unknown_field"]
    assert nora["phone"] == PHONE


def test_tags_are_given_and_taken_and_others_stay(rig: EffectsRig, nora: dict[str, Any]) -> None:
    [id] = rig.put_in_line(ChangeTags(add=("VIP", "Bike"), remove=("LEAD", "never had")))
    rig.deliver()
    assert nora["tags"] == ["vip", "bike"]
    assert rig.effect(id)["result"] == {"id": "", "before": ["lead"], "after": ["vip", "bike"]}
    assert rig.person()["crm"]["tags"] == ["vip", "bike"]


def test_a_task_and_a_note_are_written(rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]) -> None:
    task_id, note_id = rig.put_in_line(
        CreateTask(title="Call back", body="Bike", due_at=DUE), AddNote(body="Likes red.")
    )
    rig.deliver_until_settled()
    [task], [note] = twin.task_lists[nora["id"]], twin.note_lists[nora["id"]]
    assert (task["title"], task["body"], task["dueDate"]) == ("Call back", "Bike", "2030-05-06T09:00:00Z")
    assert note["body"] == "Likes red."
    assert rig.effect(task_id)["result"]["id"] == task["id"]
    assert rig.effect(note_id)["provider_message_id"] == note["id"]


def test_an_opportunity_is_made_and_then_moved(rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]) -> None:
    pipeline = twin.pipeline_list[0]
    first, second = (stage["id"] for stage in pipeline["stages"][:2])
    made_id, moved_id = rig.put_in_line(
        MoveOpportunity(pipeline_id=pipeline["id"], stage_id=first, value=900),
        MoveOpportunity(pipeline_id=pipeline["id"], stage_id=second, status="won"),
    )
    rig.deliver_until_settled()
    [deal] = twin.opportunities.values()
    assert (deal["name"], deal["pipelineStageId"], deal["status"], deal["monetaryValue"]) == (
        "Nora Quill",
        second,
        "won",
        900,
    )
    assert rig.effect(made_id)["result"]["before"] is None
    assert rig.effect(moved_id)["result"]["before"]["pipelineStageId"] == first


def test_a_contact_that_the_crm_does_not_have_is_made_first(rig: EffectsRig, twin: GhlTwin) -> None:
    rig.put_in_line(ChangeTags(add=("lead",)))
    rig.deliver()
    [made] = twin.contacts.values()
    assert (made["firstName"], made["phone"], made["tags"]) == ("Nora", PHONE, ["lead"])
    assert rig.person()["ghl_contact_id"] == made["id"]


EVERY = ("tag", "field", "task", "note", "deal", "book")


def effects(twin: GhlTwin) -> list[Effect]:
    return [
        ChangeTags(add=("vip",)),
        UpdateContact(fields={"city": "Basel"}),
        CreateTask(title="Call back", due_at=DUE),
        AddNote(body="Likes red."),
        MoveOpportunity(pipeline_id=twin.pipeline_list[0]["id"], status="open"),
        booking(twin),
    ]


@pytest.mark.parametrize("place", range(len(EVERY)), ids=EVERY)
def test_an_answer_that_never_came_makes_no_second_one(
    rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any], place: int
) -> None:
    [id] = rig.put_in_line(effects(twin)[place])
    method = {"field": "PUT"}.get(EVERY[place], "POST")
    twin.break_with(drop=True, accepts=True, times=1, method=method)  # carried out, and nobody hears of it
    rig.deliver_until_settled()
    effect = rig.effect(id)
    assert (effect["state"], effect["attempts"]) == ("done", 2)
    assert nora["tags"].count("vip") <= 1
    assert sum(len(each) for each in twin.task_lists.values()) == (place == 2)
    assert sum(len(each) for each in twin.note_lists.values()) == (place == 3)
    assert len(twin.opportunities) == (place == 4) and len(twin.appointments) == (place == 5)
    if EVERY[place] == "tag":
        assert effect["result"]["before"] == ["lead"], "the first try's own change is not what was there before"
    if EVERY[place] == "book":
        assert rig.said() == ["It is booked."]


def test_the_same_task_of_another_run_is_a_second_one(rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]) -> None:
    rig.put_in_line(CreateTask(title="Call back", due_at=DUE), CreateTask(title="Call back", due_at=DUE))
    rig.deliver_until_settled()
    assert len(twin.task_lists[nora["id"]]) == 2


def test_while_the_crm_is_down_everything_waits_in_order_and_arrives_once(
    rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]
) -> None:
    ids = rig.put_in_line(ChangeTags(add=("one",)), ChangeTags(add=("two",)), AddNote(body="Three."))
    twin.down()
    for _ in range(4):
        rig.due_now()
        rig.deliver()
    assert [rig.effect(id)["state"] for id in ids] == ["pending"] * 3
    assert rig.effect(ids[0])["error"] and rig.effect(ids[1])["attempts"] == 0
    twin.up()
    rig.deliver_until_settled()
    assert nora["tags"] == ["lead", "one", "two"] and len(twin.note_lists[nora["id"]]) == 1


def test_a_token_that_is_refused_pauses_the_connection_and_nothing_is_lost(
    rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]
) -> None:
    twin.end(twin.token)
    [id] = rig.put_in_line(ChangeTags(add=("vip",)))
    rig.deliver_until_settled(3)
    [connection] = rig.query("SELECT state FROM connections WHERE kind = 'ghl'")
    assert (connection["state"], rig.effect(id)["state"]) == ("paused", "pending")
    twin.grants[twin.token].ends = float("inf")
    rig.query("UPDATE connections SET state = 'active' RETURNING 1")
    crm.forget(rig.workspace)
    rig.deliver_until_settled()
    assert nora["tags"] == ["lead", "vip"]


def test_a_missing_scope_fails_with_its_name(rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]) -> None:
    twin.deny("opportunities.readonly")
    [id] = rig.put_in_line(MoveOpportunity(pipeline_id=twin.pipeline_list[0]["id"], status="won"))
    rig.deliver()
    assert rig.effect(id)["error_code"] == "missing_scope" and "opportunities.readonly" in rig.effect(id)["error"]


# --- appointments ---------------------------------------------------------------------------------------------------------


def test_the_customer_hears_of_a_booking_after_it_succeeded(
    rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]
) -> None:
    [id] = rig.put_in_line(booking(twin))
    assert rig.said() == []
    rig.deliver()
    [made] = twin.appointments.values()
    assert made["contactId"] == nora["id"]
    assert made["appointmentStatus"] == "confirmed" and made["title"] == "Nora Quill"
    assert rig.said() == ["It is booked."]
    assert rig.effect(id)["result"]["id"] == made["id"]


def test_a_slot_that_was_taken_books_nothing_and_says_so(rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]) -> None:
    first, second = booking(twin), booking(twin)
    other = EffectsRig(twin, name="Tom Becker", phone="+14155550199")
    other.put_in_line(first)
    other.deliver()
    [id] = rig.put_in_line(second)
    rig.deliver()
    assert (rig.effect(id)["state"], rig.effect(id)["error_code"]) == ("failed", "slot_taken")
    assert rig.said() == ["It was taken."] and len(twin.appointments) == 1


def test_after_a_take_over_the_person_reads_a_note_and_the_customer_hears_nothing(
    rig: EffectsRig, twin: GhlTwin
) -> None:
    rig.put_in_line(booking(twin))
    actions.take_over(rig.workspace, rig.thread, rig.user())
    rig.deliver()
    assert len(twin.appointments) == 1 and rig.said() == []
    assert any("was booked for" in note for note in rig.notes())


def test_a_booking_while_the_crm_is_away_says_nothing_until_it_is_true(rig: EffectsRig, twin: GhlTwin) -> None:
    rig.put_in_line(booking(twin))
    twin.break_with(status=503, times=2)
    rig.deliver()
    assert rig.said() == []
    rig.deliver_until_settled()
    assert rig.said() == ["It is booked."]


BOOKING: dict[str, Any] = {
    "format": 1,
    "name": "Appointments",
    "steps": [
        {"id": "message", "node": "message_received@1", "config": {"wait_for_more": 0}},
        {"id": "slots", "node": "book_appointment@1", "config": {"how_many": 3}},
        {
            "id": "send",
            "node": "send_message@1",
            "input": {"text": "slots.text"},
            "when": [{"value": "slots.offered", "is": True}],
        },
    ],
}


def test_a_customer_is_offered_times_chooses_one_and_has_it(rig: EffectsRig, twin: GhlTwin) -> None:
    document = copy.deepcopy(BOOKING)
    document["steps"][1]["config"]["calendar_id"] = twin.calendar_list[0]["id"]
    rig.publish(document)
    rig.query('UPDATE workspaces SET settings = settings || \'{"limits": {"contact_seconds": 0}}\' RETURNING 1')
    for text in ("I need an appointment please", "The second one please", "2"):
        rig.receive_sms(text)
        rig.take_in()
        rig.execute()
        rig.deliver()
    offer, booked, again = rig.said()
    assert offer.startswith("These times are free:") and "\n2. " in offer
    assert booked.startswith("Your appointment is booked:") and again.startswith("These times are free:")
    chosen = offer.split("2. ")[1].split("\n")[0]
    assert chosen.lower() in booked.lower()
    assert len(twin.appointments) == 1, "an offer that was taken up is no offer any more"


# --- without a CRM --------------------------------------------------------------------------------------------------------


def test_without_a_crm_fields_and_tags_are_our_own(database_url: str) -> None:
    rig = EffectsRig(None)
    rig.put_in_line(
        ChangeTags(add=("VIP",)),
        UpdateContact(fields={"email": "nora@example.com", "city": "Basel"}),
        ChangeTags(add=("bike",), remove=("vip",)),
    )
    rig.deliver_until_settled()
    person = rig.person()
    assert person["email"] == "nora@example.com"
    assert (person["crm"]["tags"], person["crm"]["fields"]) == (["bike"], {"city": "Basel"})


def test_without_a_crm_everything_else_fails_with_a_sentence(database_url: str) -> None:
    rig = EffectsRig(None)
    [task] = rig.put_in_line(CreateTask(title="Call back", due_at=DUE))
    rig.deliver()
    assert (rig.effect(task)["state"], rig.effect(task)["error_code"]) == ("failed", "no_crm")


def test_what_was_there_before_is_kept_ahead_of_the_write(rig: EffectsRig, twin: GhlTwin, nora: dict[str, Any]) -> None:
    [id] = rig.put_in_line(ChangeTags(add=("vip",)))
    twin.break_with(status=500, times=1, method="POST")
    rig.deliver()
    with transaction(rig.workspace) as tx:
        assert effect_results.result_of(tx, id) == {"before": ["lead"]}
