"""GoHighLevel's client against the strict twin: every trap of its interface has a test here (trouble: test_ghl_trouble.py)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from nodes.clients.ghl import Ghl
from nodes.clients.ghl_answer import Duplicate
from nodes.clients.ghl_contacts import custom_values, is_blocked
from nodes.clients.ghl_http import FixedToken
from tests.fakes.ghl_twin import TOKEN, GhlTwin
from tests.nodes.clients.ghl_client import PHONE, client_of, refused

MONDAY = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.fixture
def twin() -> Iterator[GhlTwin]:
    with GhlTwin(limit=10_000) as twin:
        yield twin


@pytest.fixture
def client(twin: GhlTwin) -> Ghl:
    return client_of(twin)


# --- the form of every call -------------------------------------------------------------------------------------------------


def test_conversations_and_calendars_have_another_version_than_the_rest(twin: GhlTwin, client: Ghl) -> None:
    client.pipelines()
    client.calendars()
    client.location()
    client.conversation_of(twin.add_contact(phone=PHONE)["id"])
    versions = {each.path.split("/")[1]: each.headers["version"] for each in twin.asked}
    assert versions == {
        "opportunities": "2021-07-28",
        "calendars": "2021-04-15",
        "locations": "2021-07-28",
        "conversations": "2021-04-15",
    }
    assert {each.headers["authorization"] for each in twin.asked} == {f"Bearer {TOKEN}"}
    assert twin.refused == []


def test_the_twin_refuses_what_is_not_on_a_card(twin: GhlTwin, client: Ghl) -> None:
    id = twin.add_contact(phone=PHONE)["id"]
    assert refused(lambda: client.update_contact(id, {"nickname": "Ani"})) == "422"
    assert refused(lambda: client.create_opportunity({"name": "Check-up"})) == "422"
    assert refused(lambda: client._http.get("/contacts/lists", "contacts.readonly")) == "not_found"
    assert refused(lambda: client._http.get("/agencies/", "x")) == "not_found"
    assert [each[:3] for each in twin.refused] == ["422", "422", "404"]


def test_neither_client_nor_token_shows_its_secret(
    twin: GhlTwin, client: Ghl, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "nodes"):
        twin.break_with(status=403, message="no")
        refused(lambda: client.location())
    assert TOKEN not in repr(client) + repr(FixedToken(TOKEN)) + caplog.text
    assert "GoHighLevel refused a call" in caplog.text


def test_an_id_cannot_lead_to_another_address(twin: GhlTwin, client: Ghl) -> None:
    assert client.contact("../locations") is None
    assert refused(lambda: client.contact("")) == "no_id"
    assert [each.path for each in twin.asked] == ["/contacts/..%2Flocations"]


# --- contacts ---------------------------------------------------------------------------------------------------------------


def test_a_phone_is_looked_up_exactly_with_its_plus(twin: GhlTwin, client: Ghl) -> None:
    ana = twin.add_contact(firstName="Ana", phone=PHONE, email="Ana@example.com")
    found = [client.find_contact(phone=PHONE), client.find_contact(email="ana@example.com")]
    assert [each and each["id"] for each in found] == [ana["id"]] * 2
    assert (client.find_contact(phone="+14155550199"), client.find_contact()) == (None, None)
    assert twin.asked[0].query["number"] == PHONE


def test_an_unknown_contact_is_none(client: Ghl) -> None:
    assert client.contact("nobody") is None


def test_a_duplicate_gives_the_contact_that_is_there(twin: GhlTwin, client: Ghl) -> None:
    ana = twin.add_contact(firstName="Ana", phone=PHONE)
    assert client.create_contact({"firstName": "Anna", "phone": PHONE})["id"] == ana["id"]
    other = client.create_contact({"firstName": "Tom", "phone": "+14155550199"})
    with pytest.raises(Duplicate) as caught:
        client.update_contact(other["id"], {"phone": PHONE})
    assert (caught.value.contact_id, caught.value.code) == (ana["id"], "duplicate")


def test_what_was_made_is_not_searched_for_since_the_index_lags(twin: GhlTwin, client: Ghl) -> None:
    made = client.create_contact({"firstName": "Ana", "phone": PHONE})
    assert list(client.search_contacts(query="Ana")) == []
    assert client.contact(made["id"]) == made


def test_a_search_goes_through_all_pages_by_cursor(twin: GhlTwin, client: Ghl) -> None:
    ids = [twin.add_contact(firstName="Ana", phone=f"+1415555{n:04}", tags=["vip"])["id"] for n in range(7)]
    twin.add_contact(firstName="Tom", phone="+14155559999")
    filters = [{"field": "tags", "operator": "contains", "value": ["vip"]}]
    client_pages = list(client.search_contacts(query="ana", filters=filters, limit=5))
    assert [each["id"] for each in client_pages] == ids[:5]
    twin.index_lag_seconds = 0
    assert len(list(client.search_contacts(limit=600))) == 8
    assert all("page" not in each.body for each in twin.calls("POST", "/contacts/search"))
    assert twin.refused == []


def test_tags_are_added_and_removed_and_never_overwritten(twin: GhlTwin, client: Ghl) -> None:
    id = twin.add_contact(phone=PHONE, tags=["lead", "vip"])["id"]
    client.update_contact(id, {"firstName": "Ana", "tags": ["only this"]})
    assert twin.contacts[id]["tags"] == ["lead", "vip"]
    assert client.upsert_contact({"phone": PHONE, "tags": ["New"]})[0]["tags"] == ["lead", "vip", "new"]
    assert client.add_tags(id, ["Booked"]) == ["lead", "vip", "new", "booked"]
    assert client.remove_tags(id, ["VIP", "lead"]) == ["new", "booked"]
    assert twin.calls("DELETE")[0].body == {"tags": ["VIP", "lead"]}
    assert twin.refused == []


def test_an_upsert_says_whether_the_contact_is_new(twin: GhlTwin, client: Ghl) -> None:
    contact, is_new = client.upsert_contact({"firstName": "Ana", "phone": PHONE, "email": "ana@example.com"})
    again, is_new_again = client.upsert_contact({"firstName": "Ana", "email": "ana@example.com"})
    assert (is_new, is_new_again, again["id"] == contact["id"]) == (True, False, True)


def test_custom_fields_are_written_under_another_name_than_they_are_read(twin: GhlTwin, client: Ghl) -> None:
    field = twin.add_custom_field("Insurance", "insurance")["id"]
    contact = client.create_contact({"phone": PHONE, "customFields": {field: "Delta"}})
    assert custom_values(contact) == {field: "Delta"}
    client.update_contact(contact["id"], {"customFields": contact["customFields"]})  # written as it was read
    assert twin.calls("PUT")[0].body == {"customFields": [{"id": field, "field_value": "Delta"}]}
    opportunity = twin.add_opportunity(contact["id"])
    changed = client.update_opportunity(opportunity["id"], {"customFields": [{"id": field, "value": "Aetna"}]})
    assert custom_values(changed) == {field: "Aetna"}
    assert twin.refused == []


def test_do_not_disturb_of_one_channel_leaves_the_others(twin: GhlTwin, client: Ghl) -> None:
    settings = {"Email": {"status": "active", "message": "no mail", "code": "101"}, "Call": {}}
    id = twin.add_contact(phone=PHONE, dndSettings=settings)["id"]
    contact = client.set_dnd(id, "sms", on=True, message="STOP received")
    assert contact["dndSettings"]["SMS"] == {"status": "active", "message": "STOP received", "code": "STOP"}
    assert contact["dndSettings"]["Email"]["message"] == "no mail"
    assert [is_blocked(contact, channel) for channel in ("sms", "email", "whatsapp", "Call")] == [
        True,
        True,
        False,
        False,
    ]
    assert not is_blocked(client.set_dnd(id, "sms", on=False), "sms")
    assert is_blocked({"dnd": True}, "whatsapp")
    assert twin.refused == []


def test_what_a_carrier_blocked_is_not_lifted(twin: GhlTwin, client: Ghl) -> None:
    id = twin.add_contact(phone=PHONE, dndSettings={"SMS": {"status": "permanent"}})["id"]
    assert refused(lambda: client.set_dnd(id, "sms", on=False)) == "dnd_permanent"
    assert is_blocked(twin.contacts[id], "sms")


# --- tasks, notes, opportunities ----------------------------------------------------------------------------------------------


def test_tasks_are_made_changed_done_and_deleted(twin: GhlTwin, client: Ghl) -> None:
    id = twin.add_contact(phone=PHONE)["id"]
    due = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
    task = client.create_task(id, title="Call Ana", due=due, body="About the crown", assigned_to="user1")
    assert (task["dueDate"], task["completed"]) == ("2027-03-01T09:30:00Z", False)
    assert client.update_task(id, task["id"], title="Call her", due=due + timedelta(days=1))["title"] == "Call her"
    assert client.update_task(id, task["id"], completed=True)["completed"] is True
    client.delete_task(id, task["id"])
    assert client.tasks(id) == []
    assert [each["type"] for each in twin.events] == ["TaskCreate", "TaskComplete", "TaskDelete"]
    assert twin.refused == []


def test_notes_are_made_changed_and_deleted(twin: GhlTwin, client: Ghl) -> None:
    id = twin.add_contact(phone=PHONE)["id"]
    note = client.create_note(id, "Prefers mornings", user_id="user1")
    assert client.update_note(id, note["id"], "Prefers evenings")["body"] == "Prefers evenings"
    assert [each["id"] for each in client.notes(id)] == [note["id"]]
    client.delete_note(id, note["id"])
    assert (client.notes(id), twin.refused) == ([], [])


def test_the_search_for_opportunities_has_names_of_its_own_and_pages(twin: GhlTwin, client: Ghl) -> None:
    ana = twin.add_contact(phone=PHONE)["id"]
    for _ in range(101):
        twin.add_opportunity(ana)
    twin.add_opportunity(twin.add_contact(phone="+14155550199")["id"])
    assert len(client.opportunities(ana)) == 101
    assert twin.asked[0].query.keys() >= {"location_id", "contact_id"}
    assert len(twin.asked) == 2
    assert twin.refused == []


def test_opportunities_are_made_moved_and_deleted(twin: GhlTwin, client: Ghl) -> None:
    ana, pipeline = twin.add_contact(phone=PHONE)["id"], client.pipelines()[0]
    fields = {"pipelineId": pipeline["id"], "name": "Crown", "contactId": ana}
    made = client.create_opportunity(fields)
    assert refused(lambda: client.create_opportunity(fields)) == "duplicate_opportunity"
    stage = pipeline["stages"][1]["id"]
    moved = client.update_opportunity(made["id"], {"pipelineId": pipeline["id"], "pipelineStageId": stage})
    assert (made["status"], moved["pipelineStageId"]) == ("open", stage)
    client.delete_opportunity(made["id"])
    assert client.opportunity(made["id"]) is None
    assert twin.refused == []


# --- calendars --------------------------------------------------------------------------------------------------------------


def test_free_slots_are_asked_for_in_pieces_and_come_in_order(twin: GhlTwin, client: Ghl) -> None:
    calendar = client.calendars()[0]["id"]
    slots = client.free_slots(calendar, MONDAY, MONDAY + timedelta(days=70), "Europe/Zurich")
    assert slots == sorted(set(slots)) and len(slots) == 16 * 50
    assert slots[0] == datetime(2027, 3, 1, 14, tzinfo=UTC)  # nine o'clock in New York, whatever zone was asked for
    asked = twin.calls("GET", f"/calendars/{calendar}/free-slots")
    assert len(asked) == 3 and all(int(each.query["startDate"]) > 10**12 for each in asked)
    assert twin.refused == []


def test_free_slots_over_a_change_of_clocks_are_right(twin: GhlTwin, client: Ghl) -> None:
    calendar = client.calendars()[0]["id"]
    start = datetime(2027, 3, 12, tzinfo=UTC)  # clocks change on the 14th in New York
    slots = client.free_slots(calendar, start, start + timedelta(days=4), "America/New_York")
    assert {slot.hour for slot in slots if slot.minute == 0 and slot.day == 12} == set(range(14, 22))
    assert {slot.hour for slot in slots if slot.minute == 0 and slot.day == 15} == set(range(13, 21))


def test_a_slot_is_booked_once(twin: GhlTwin, client: Ghl) -> None:
    calendar, ana = client.calendars()[0]["id"], twin.add_contact(phone=PHONE)["id"]
    slot = client.free_slots(calendar, MONDAY, MONDAY + timedelta(days=1), "UTC")[0]
    booked = client.book({"calendarId": calendar, "contactId": ana, "startTime": slot, "title": "Check-up"})
    assert refused(lambda: client.book({"calendarId": calendar, "contactId": ana, "startTime": slot})) == "slot_taken"
    assert client.update_appointment(booked["id"], {"appointmentStatus": "cancelled"})["id"] == booked["id"]
    found = client.appointment(booked["id"])
    assert found is not None and found["appointmentStatus"] == "cancelled"
    assert client.appointment("none") is None
    assert client.book({"calendarId": calendar, "contactId": ana, "startTime": slot})["id"] != booked["id"]
    assert twin.refused == []


def test_local_times_of_a_contacts_appointments_get_the_locations_offset(twin: GhlTwin, client: Ghl) -> None:
    calendar, ana = client.calendars()[0]["id"], twin.add_contact(phone=PHONE)["id"]
    assert client.appointments(ana) == []
    client.book({"calendarId": calendar, "contactId": ana, "startTime": "2027-03-01T15:00:00+01:00"})
    [found] = client.appointments(ana)
    assert (found["startTime"], found["endTime"]) == ("2027-03-01T09:00:00-05:00", "2027-03-01T09:30:00-05:00")


# --- the location -------------------------------------------------------------------------------------------------------------


def test_users_are_asked_for_with_the_company_of_the_location(twin: GhlTwin, client: Ghl) -> None:
    assert [each["name"] for each in client.users()] == ["Ana Silva"]
    assert twin.calls("GET", "/users/search")[0].query["companyId"] == twin.company_id
    assert client.workflows()[0]["name"] == "Recall"
    twin.add_custom_field("Budget", "budget", "opportunity")
    assert (client.custom_fields(), len(client.custom_fields("opportunity"))) == ([], 1)
    assert (client.location_tags(), client.templates("sms"), twin.refused) == ([], [], [])


def test_a_workflow_is_started_for_a_contact(twin: GhlTwin, client: Ghl) -> None:
    ana, workflow = twin.add_contact(phone=PHONE)["id"], client.workflows()[0]["id"]
    client.add_to_workflow(ana, workflow)
    assert (twin.workflow_starts, twin.refused) == ([(ana, workflow)], [])
