"""Effects on the CRM arrive there once, in order, and are kept with what was there before and after."""

from __future__ import annotations

import copy
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
def nora(ghl: GhlTwin) -> dict[str, Any]:
    return ghl.add_contact(firstName="Nora", lastName="Quill", phone=PHONE, tags=["lead"])


def slot(ghl: GhlTwin, place: int = 3) -> datetime:
    start = datetime.now(UTC) + timedelta(days=2)
    return list(ghl.slots(ghl.calendar_list[0]["id"], start.timestamp(), start.timestamp() + 5 * 86_400))[place]


def booking(ghl: GhlTwin, place: int = 3) -> BookAppointment:
    return BookAppointment(
        calendar_id=ghl.calendar_list[0]["id"],
        start=slot(ghl, place),
        timezone="America/New_York",
        when_booked="It is booked.",
        when_taken="It was taken.",
    )


def test_fields_are_changed_there_and_here_and_what_was_before_is_kept(
    effects_rig: EffectsRig, nora: dict[str, Any]
) -> None:
    [id] = effects_rig.put_in_line(UpdateContact(fields={"name": "Nora Anne Quill", "email": "Nora@Example.com"}))
    effects_rig.deliver()
    assert (nora["firstName"], nora["lastName"], nora["email"]) == ("Nora", "Anne Quill", "nora@example.com")
    effect = effects_rig.effect(id)
    assert effect["state"] == "done"
    assert effect["result"] == {
        "id": "",
        "before": {"name": "Nora Quill", "email": ""},
        "after": {"name": "Nora Anne Quill", "email": "nora@example.com"},
    }
    person = effects_rig.person()
    assert (person["name"], person["email"]) == ("Nora Anne Quill", "nora@example.com")
    assert person["ghl_contact_id"] == nora["id"] and person["crm_fetched_at"] is None


def test_custom_fields_are_written_by_their_id(effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]) -> None:
    field = ghl.add_custom_field("Bike", "bike")
    [id] = effects_rig.put_in_line(UpdateContact(fields={f"custom.{field['id']}": "red"}))
    effects_rig.deliver()
    assert nora["customFields"] == [{"id": field["id"], "value": "red"}]
    assert effects_rig.effect(id)["result"]["before"] == {f"custom.{field['id']}": ""}


def test_a_number_that_is_none_and_a_field_that_is_none_fail_with_a_sentence(
    effects_rig: EffectsRig, nora: dict[str, Any]
) -> None:
    ids = effects_rig.put_in_line(UpdateContact(fields={"phone": "call me"}), UpdateContact(fields={"mood": "good"}))
    effects_rig.deliver_until_settled()
    assert [effects_rig.effect(id)["state"] for id in ids] == ["failed", "failed"]
    assert [effects_rig.effect(id)["error_code"] for id in ids] == ["bad_phone", "unknown_field"]
    assert nora["phone"] == PHONE


def test_tags_are_given_and_taken_and_others_stay(effects_rig: EffectsRig, nora: dict[str, Any]) -> None:
    [id] = effects_rig.put_in_line(ChangeTags(add=("VIP", "Bike"), remove=("LEAD", "never had")))
    effects_rig.deliver()
    assert nora["tags"] == ["vip", "bike"]
    assert effects_rig.effect(id)["result"] == {"id": "", "before": ["lead"], "after": ["vip", "bike"]}
    assert effects_rig.person()["crm"]["tags"] == ["vip", "bike"]


def test_a_task_and_a_note_are_written(effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]) -> None:
    task_id, note_id = effects_rig.put_in_line(
        CreateTask(title="Call back", body="Bike", due_at=DUE), AddNote(body="Likes red.")
    )
    effects_rig.deliver_until_settled()
    [task], [note] = ghl.task_lists[nora["id"]], ghl.note_lists[nora["id"]]
    assert (task["title"], task["body"], task["dueDate"]) == ("Call back", "Bike", "2030-05-06T09:00:00Z")
    assert note["body"] == "Likes red."
    assert effects_rig.effect(task_id)["result"]["id"] == task["id"]
    assert effects_rig.effect(note_id)["provider_message_id"] == note["id"]


def test_an_opportunity_is_made_and_then_moved(effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]) -> None:
    pipeline = ghl.pipeline_list[0]
    first, second = (stage["id"] for stage in pipeline["stages"][:2])
    made_id, moved_id = effects_rig.put_in_line(
        MoveOpportunity(pipeline_id=pipeline["id"], stage_id=first, value=900),
        MoveOpportunity(pipeline_id=pipeline["id"], stage_id=second, status="won"),
    )
    effects_rig.deliver_until_settled()
    [deal] = ghl.opportunities.values()
    assert (deal["name"], deal["pipelineStageId"], deal["status"], deal["monetaryValue"]) == (
        "Nora Quill",
        second,
        "won",
        900,
    )
    assert effects_rig.effect(made_id)["result"]["before"] is None
    assert effects_rig.effect(moved_id)["result"]["before"]["pipelineStageId"] == first


def test_a_contact_that_the_crm_does_not_have_is_made_first(effects_rig: EffectsRig, ghl: GhlTwin) -> None:
    effects_rig.put_in_line(ChangeTags(add=("lead",)))
    effects_rig.deliver()
    [made] = ghl.contacts.values()
    assert (made["firstName"], made["phone"], made["tags"]) == ("Nora", PHONE, ["lead"])
    assert effects_rig.person()["ghl_contact_id"] == made["id"]


EVERY = ("tag", "field", "task", "note", "deal", "book")


def effects(ghl: GhlTwin) -> list[Effect]:
    return [
        ChangeTags(add=("vip",)),
        UpdateContact(fields={"city": "Basel"}),
        CreateTask(title="Call back", due_at=DUE),
        AddNote(body="Likes red."),
        MoveOpportunity(pipeline_id=ghl.pipeline_list[0]["id"], status="open"),
        booking(ghl),
    ]


@pytest.mark.parametrize("place", range(len(EVERY)), ids=EVERY)
def test_an_answer_that_never_came_makes_no_second_one(
    effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any], place: int
) -> None:
    [id] = effects_rig.put_in_line(effects(ghl)[place])
    method = {"field": "PUT"}.get(EVERY[place], "POST")
    ghl.break_with(drop=True, accepts=True, times=1, method=method)  # carried out, and nobody hears of it
    effects_rig.deliver_until_settled()
    effect = effects_rig.effect(id)
    assert (effect["state"], effect["attempts"]) == ("done", 2)
    assert nora["tags"].count("vip") <= 1
    assert sum(len(each) for each in ghl.task_lists.values()) == (place == 2)
    assert sum(len(each) for each in ghl.note_lists.values()) == (place == 3)
    assert len(ghl.opportunities) == (place == 4) and len(ghl.appointments) == (place == 5)
    if EVERY[place] == "tag":
        assert effect["result"]["before"] == ["lead"], "the first try's own change is not what was there before"
    if EVERY[place] == "book":
        assert effects_rig.said() == ["It is booked."]


def test_the_same_task_of_another_run_is_a_second_one(
    effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]
) -> None:
    effects_rig.put_in_line(CreateTask(title="Call back", due_at=DUE), CreateTask(title="Call back", due_at=DUE))
    effects_rig.deliver_until_settled()
    assert len(ghl.task_lists[nora["id"]]) == 2


def test_while_the_crm_is_down_everything_waits_in_order_and_arrives_once(
    effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]
) -> None:
    ids = effects_rig.put_in_line(ChangeTags(add=("one",)), ChangeTags(add=("two",)), AddNote(body="Three."))
    ghl.down()
    for _ in range(4):
        effects_rig.due_now()
        effects_rig.deliver()
    assert [effects_rig.effect(id)["state"] for id in ids] == ["pending"] * 3
    assert effects_rig.effect(ids[0])["error"] and effects_rig.effect(ids[1])["attempts"] == 0
    ghl.up()
    effects_rig.deliver_until_settled()
    assert nora["tags"] == ["lead", "one", "two"] and len(ghl.note_lists[nora["id"]]) == 1


def test_a_token_that_is_refused_pauses_the_connection_and_nothing_is_lost(
    effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]
) -> None:
    ghl.end(ghl.token)
    [id] = effects_rig.put_in_line(ChangeTags(add=("vip",)))
    effects_rig.deliver_until_settled(3)
    [connection] = effects_rig.query("SELECT state FROM connections WHERE kind = 'ghl'")
    assert (connection["state"], effects_rig.effect(id)["state"]) == ("paused", "pending")
    ghl.grants[ghl.token].ends = float("inf")
    effects_rig.query("UPDATE connections SET state = 'active' RETURNING 1")
    crm.forget(effects_rig.workspace)
    effects_rig.deliver_until_settled()
    assert nora["tags"] == ["lead", "vip"]


def test_a_missing_scope_fails_with_its_name(effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]) -> None:
    ghl.deny("opportunities.readonly")
    [id] = effects_rig.put_in_line(MoveOpportunity(pipeline_id=ghl.pipeline_list[0]["id"], status="won"))
    effects_rig.deliver()
    assert (
        effects_rig.effect(id)["error_code"] == "missing_scope"
        and "opportunities.readonly" in effects_rig.effect(id)["error"]
    )


# --- appointments ---------------------------------------------------------------------------------------------------------


def test_the_customer_hears_of_a_booking_after_it_succeeded(
    effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]
) -> None:
    [id] = effects_rig.put_in_line(booking(ghl))
    assert effects_rig.said() == []
    effects_rig.deliver()
    [made] = ghl.appointments.values()
    assert made["contactId"] == nora["id"]
    assert made["appointmentStatus"] == "confirmed" and made["title"] == "Nora Quill"
    assert effects_rig.said() == ["It is booked."]
    assert effects_rig.effect(id)["result"]["id"] == made["id"]


def test_a_slot_that_was_taken_books_nothing_and_says_so(
    effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]
) -> None:
    first, second = booking(ghl), booking(ghl)
    other = EffectsRig(ghl, name="Tom Becker", phone="+14155550199")
    other.put_in_line(first)
    other.deliver()
    [id] = effects_rig.put_in_line(second)
    effects_rig.deliver()
    assert (effects_rig.effect(id)["state"], effects_rig.effect(id)["error_code"]) == ("failed", "slot_taken")
    assert effects_rig.said() == ["It was taken."] and len(ghl.appointments) == 1


def test_after_a_take_over_the_person_reads_a_note_and_the_customer_hears_nothing(
    effects_rig: EffectsRig, ghl: GhlTwin
) -> None:
    effects_rig.put_in_line(booking(ghl))
    actions.take_over(effects_rig.workspace, effects_rig.thread, effects_rig.user())
    effects_rig.deliver()
    assert len(ghl.appointments) == 1 and effects_rig.said() == []
    assert any("was booked for" in note for note in effects_rig.notes())


def test_a_booking_while_the_crm_is_away_says_nothing_until_it_is_true(effects_rig: EffectsRig, ghl: GhlTwin) -> None:
    effects_rig.put_in_line(booking(ghl))
    ghl.break_with(status=503, times=2)
    effects_rig.deliver()
    assert effects_rig.said() == []
    effects_rig.deliver_until_settled()
    assert effects_rig.said() == ["It is booked."]


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


def test_a_customer_is_offered_times_chooses_one_and_has_it(effects_rig: EffectsRig, ghl: GhlTwin) -> None:
    document = copy.deepcopy(BOOKING)
    document["steps"][1]["config"]["calendar_id"] = ghl.calendar_list[0]["id"]
    effects_rig.publish(document)
    effects_rig.query('UPDATE workspaces SET settings = settings || \'{"limits": {"contact_seconds": 0}}\' RETURNING 1')
    for text in ("I need an appointment please", "The second one please", "2"):
        effects_rig.receive_sms(text)
        effects_rig.take_in()
        effects_rig.execute()
        effects_rig.deliver()
    offer, booked, again = effects_rig.said()
    assert offer.startswith("These times are free:") and "\n2. " in offer
    assert booked.startswith("Your appointment is booked:") and again.startswith("These times are free:")
    chosen = offer.split("2. ")[1].split("\n")[0]
    assert chosen.lower() in booked.lower()
    assert len(ghl.appointments) == 1, "an offer that was taken up is no offer any more"


# --- without a CRM --------------------------------------------------------------------------------------------------------


def test_without_a_crm_fields_and_tags_are_our_own(database_url: str) -> None:
    effects_rig = EffectsRig(None)
    effects_rig.put_in_line(
        ChangeTags(add=("VIP",)),
        UpdateContact(fields={"email": "nora@example.com", "city": "Basel"}),
        ChangeTags(add=("bike",), remove=("vip",)),
    )
    effects_rig.deliver_until_settled()
    person = effects_rig.person()
    assert person["email"] == "nora@example.com"
    assert (person["crm"]["tags"], person["crm"]["fields"]) == (["bike"], {"city": "Basel"})


def test_without_a_crm_everything_else_fails_with_a_sentence(database_url: str) -> None:
    effects_rig = EffectsRig(None)
    [task] = effects_rig.put_in_line(CreateTask(title="Call back", due_at=DUE))
    effects_rig.deliver()
    assert (effects_rig.effect(task)["state"], effects_rig.effect(task)["error_code"]) == ("failed", "no_crm")


def test_what_was_there_before_is_kept_ahead_of_the_write(
    effects_rig: EffectsRig, ghl: GhlTwin, nora: dict[str, Any]
) -> None:
    [id] = effects_rig.put_in_line(ChangeTags(add=("vip",)))
    ghl.break_with(status=500, times=1, method="POST")
    effects_rig.deliver()
    with transaction(effects_rig.workspace) as tx:
        assert effect_results.result_of(tx, id) == {"before": ["lead"]}
