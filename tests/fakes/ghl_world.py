"""What a twin of GoHighLevel holds: contacts with all that hangs on them, and how each call changes it.

The handlers get calls that were checked against their card already. Dates of `/contacts/.../appointments` are local, tags are in
lower case, a PUT of tags or DND settings replaces all of them, search lags: the traps are there on purpose.
"""

from __future__ import annotations

import random
import re
import string
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Thing = dict[str, Any]
DND_CHANNELS = {"Call", "Email", "SMS", "WhatsApp", "GMB", "FB"}
DND_STATES = {"active", "inactive", "permanent"}
APPOINTMENT_STATES = {"new", "confirmed", "cancelled", "showed", "noshow", "invalid"}
OPPORTUNITY_STATES = {"open", "won", "lost", "abandoned", "all"}
LONGEST_SLOTS = 31 * 86_400_000
_random = random.Random()


class Refused(Exception):
    """The answer is a refusal with this status and text."""

    def __init__(self, status: int, message: str, *, malformed: bool = False, **more: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.more = status, message, more
        self.malformed = malformed or status == 422  # not of the documented form: a mistake of whoever called


@dataclass
class Grant:
    """What a token may do."""

    scopes: frozenset[str]
    location_id: str = ""
    company_id: str = ""
    app_id: str = ""  # "" = a private integration
    ends: float = float("inf")  # monotonic


@dataclass
class Call:
    """A checked call."""

    ids: dict[str, str]
    query: dict[str, str]
    body: Thing
    grant: Grant
    files: list[tuple[str, int]] = field(default_factory=list)  # name, size


def new_id() -> str:
    return "".join(_random.choices(string.ascii_letters + string.digits, k=20))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class World:
    """The state of one location and its handlers; a subclass hears of every change through `fire`."""

    def __init__(self, location_id: str, company_id: str, timezone: str) -> None:
        self.location_id, self.company_id, self.timezone = location_id, company_id, timezone
        self.contacts: dict[str, Thing] = {}
        self.task_lists: dict[str, list[Thing]] = {}  # by contact
        self.note_lists: dict[str, list[Thing]] = {}
        self.opportunities: dict[str, Thing] = {}
        self.appointments: dict[str, Thing] = {}
        self.conversations: dict[str, Thing] = {}
        self.message_list: list[Thing] = []
        self.status_reports: list[tuple[str, Thing]] = []  # (message id, body)
        self.uploads: list[tuple[str, int]] = []
        self.workflow_starts: list[tuple[str, str]] = []
        self.providers: dict[str, str] = {}  # conversation provider -> app that owns it
        self.allow_duplicates = False
        self.index_lag_seconds = 3.0
        self.status_race = 0  # how often the status of each message is refused first
        self.nested_messages = False
        self._races: dict[str, int] = {}
        stages = ["New lead", "Booked", "Done"]
        self.pipeline_list: list[Thing] = [
            {
                "id": new_id(),
                "name": "Patients",
                "stages": [{"id": new_id(), "name": name, "position": place} for place, name in enumerate(stages)],
                "locationId": location_id,
            }
        ]
        self.calendar_list: list[Thing] = [
            {"id": new_id(), "name": "Check-up", "locationId": location_id, "slotDuration": 30, "slotDurationUnit": "mins",
             "calendarType": "round_robin", "isActive": True, "teamMembers": []},
        ]  # fmt: skip
        self.user_list: list[Thing] = [
            {"id": new_id(), "name": "Ana Silva", "firstName": "Ana", "lastName": "Silva", "email": "ana@example.com"}
        ]
        self.field_list: list[Thing] = []
        self.tag_list: list[Thing] = []
        self.workflow_list: list[Thing] = [
            {"id": new_id(), "name": "Recall", "status": "published", "version": 1, "locationId": location_id}
        ]

    def fire(self, kind: str, payload: Thing) -> None:
        """An event that GoHighLevel would send to the app's webhook address."""

    def deliver(self, payload: Thing) -> None:
        """A message that GoHighLevel would hand to the conversation provider."""

    # --- what tests put in -----------------------------------------------------------------------------------------------

    def add_contact(self, **fields: Any) -> Thing:
        """A contact that is there already, seen by every search."""
        made = self._person(fields)
        made["_seen"] = 0.0
        self.contacts[made["id"]] = made
        return made

    def add_custom_field(self, name: str, key: str, model: str = "contact", **more: Any) -> Thing:
        made = {"id": new_id(), "name": name, "fieldKey": f"{model}.{key}", "dataType": "TEXT", "model": model,
                "locationId": self.location_id} | more  # fmt: skip
        self.field_list.append(made)
        return made

    def add_opportunity(self, contact_id: str, stage: int = 0, **fields: Any) -> Thing:
        pipeline = self.pipeline_list[0]
        body = {"pipelineId": pipeline["id"], "pipelineStageId": pipeline["stages"][stage]["id"], "name": "Check-up",
                "status": "open", "contactId": contact_id} | fields  # fmt: skip
        return self._store_opportunity(body)

    # --- contacts --------------------------------------------------------------------------------------------------------

    def get_contact(self, call: Call) -> tuple[int, Thing]:
        return 200, {"contact": shown(self._contact(call))}

    def find_duplicate(self, call: Call) -> tuple[int, Thing]:
        query = call.query
        found = self._same(query.get("number", ""), query.get("email", ""))
        return 200, {"contact": shown(found[0]) if found else None}

    def search_contacts(self, call: Call) -> tuple[int, Thing]:
        body = call.body
        if body["pageLimit"] > 500 or ("page" in body and "searchAfter" in body):
            raise Refused(400, "pageLimit must not be greater than 500, and page goes without searchAfter")
        seen = [each for each in self.contacts.values() if each["_seen"] <= time.monotonic()]
        found = [each for each in seen if _matches(each, body)]
        start = next((place + 1 for place, each in enumerate(found) if [each["id"]] == body.get("searchAfter")), 0)
        page = found[start : start + body["pageLimit"]]
        return 200, {"contacts": [{**shown(each), "searchAfter": [each["id"]]} for each in page], "total": len(found)}

    def create_contact(self, call: Call) -> tuple[int, Thing]:
        self._here(call.body["locationId"])
        self._check_person(call.body)
        self._refuse_duplicate(call.body, None)
        return 201, {"contact": shown(self._store_contact(call.body))}

    def upsert_contact(self, call: Call) -> tuple[int, Thing]:
        """Matched by e-mail before phone: the location's own order, which is not always the sender's."""
        body = dict(call.body)
        self._here(body["locationId"])
        self._check_person(body)
        found = self._same("", body.get("email") or "") or self._same(body.get("phone") or "", "")
        if found and not body.pop("createNewIfDuplicateAllowed", False):
            return 200, {"new": False, "contact": shown(self._change(found[0], body)), "traceId": new_id()}
        return 200, {"new": True, "contact": shown(self._store_contact(body)), "traceId": new_id()}

    def update_contact(self, call: Call) -> tuple[int, Thing]:
        contact = self._contact(call)
        self._check_person(call.body)
        self._refuse_duplicate(call.body, contact)
        return 200, {"succeded": True, "contact": shown(self._change(contact, call.body))}

    def delete_contact(self, call: Call) -> tuple[int, Thing]:
        gone = self.contacts.pop(self._contact(call)["id"])
        self.fire("ContactDelete", shown(gone))
        return 200, {"succeded": True}

    def add_tags(self, call: Call) -> tuple[int, Thing]:
        return 201, self._retag(call, lambda old, new: list(dict.fromkeys([*old, *new])))

    def remove_tags(self, call: Call) -> tuple[int, Thing]:
        return 200, self._retag(call, lambda old, new: [tag for tag in old if tag not in new])

    def _retag(self, call: Call, merge: Any) -> Thing:
        contact = self._contact(call)
        tags = merge(contact["tags"], [tag.lower() for tag in call.body["tags"]])
        if tags != contact["tags"]:
            contact["tags"] = tags
            self.fire("ContactTagUpdate", shown(contact))
        return {"tags": list(tags)}

    def start_workflow(self, call: Call) -> tuple[int, Thing]:
        if call.ids["workflow"] not in [each["id"] for each in self.workflow_list]:
            raise Refused(400, "Workflow not found")
        self.workflow_starts.append((self._contact(call)["id"], call.ids["workflow"]))
        return 200, {"succeded": True}

    def _contact(self, call: Call) -> Thing:
        return self._known(self.contacts, call.ids["id"], "Contact")

    def _known(self, things: dict[str, Thing], id: str, what: str) -> Thing:
        if id not in things:
            raise Refused(400, f"{what} not found for id:{id}")
        return things[id]

    def _here(self, location_id: str) -> None:
        if location_id != self.location_id:
            raise Refused(403, "The token does not have access to this location.")

    def _person(self, fields: Thing) -> Thing:
        moment = now()
        made: Thing = {"id": new_id(), "locationId": self.location_id, "tags": [], "dnd": False, "dndSettings": {},
                       "customFields": [], "dateAdded": moment, "dateUpdated": moment, "_seen": time.monotonic() + self.index_lag_seconds}  # fmt: skip
        return _changed(made, fields)

    def _store_contact(self, fields: Thing) -> Thing:
        made = self._person(fields)
        self.contacts[made["id"]] = made
        self.fire("ContactCreate", shown(made))
        return made

    def _change(self, contact: Thing, fields: Thing) -> Thing:
        before = {**contact}
        _changed(contact, fields)
        contact["dateUpdated"] = now()
        self.fire("ContactUpdate", shown(contact))
        if contact["tags"] != before["tags"]:
            self.fire("ContactTagUpdate", shown(contact))
        if (contact["dnd"], contact["dndSettings"]) != (before["dnd"], before["dndSettings"]):
            self.fire("ContactDndUpdate", shown(contact))
        return contact

    def _same(self, phone: str, email: str) -> list[Thing]:
        return [
            each
            for each in self.contacts.values()
            if (phone and each.get("phone") == phone) or (email and (each.get("email") or "").lower() == email.lower())
        ]

    def _refuse_duplicate(self, fields: Thing, own: Thing | None) -> None:
        if self.allow_duplicates:
            return
        for name, found in (
            ("email", self._same("", fields.get("email") or "")),
            ("phone", self._same(fields.get("phone") or "", "")),
        ):
            for other in found:
                if own is None or other["id"] != own["id"]:
                    raise Refused(
                        400,
                        "This location does not allow duplicated contacts.",
                        meta={"contactId": other["id"], "matchingField": name},
                    )

    def _check_person(self, fields: Thing) -> None:
        wrong = []
        if (phone := fields.get("phone")) and not re.fullmatch(r"\+[1-9]\d{6,14}", phone):
            wrong.append("phone must be in E.164 form")
        for channel, state in (fields.get("dndSettings") or {}).items():
            if channel not in DND_CHANNELS or (state and state.get("status") not in DND_STATES):
                wrong.append(f"dndSettings.{channel} is not valid")
        for each in fields.get("customFields") or ():
            if set(each) - {"id", "key", "field_value"} or not each.get("id"):
                wrong.append("each value in customFields takes id, key and field_value")
            elif each["id"] not in [known["id"] for known in self.field_list]:
                wrong.append(f"custom field {each['id']} does not exist")
        if wrong:
            raise Refused(422, "; ".join(wrong), messages=wrong)

    # --- tasks and notes ---------------------------------------------------------------------------------------------------

    def tasks(self, call: Call) -> tuple[int, Thing]:
        return 200, {"tasks": self.task_lists.get(self._contact(call)["id"], [])}

    def get_task(self, call: Call) -> tuple[int, Thing]:
        return 200, {"task": self._of(self.task_lists, call, "task")}

    def create_task(self, call: Call) -> tuple[int, Thing]:
        contact, body = self._contact(call), call.body
        _iso(body["dueDate"], "dueDate")
        made = {"id": new_id(), "contactId": contact["id"], "body": "", "assignedTo": "", **body}
        self.task_lists.setdefault(contact["id"], []).append(made)
        self.fire("TaskCreate", made)
        return 201, {"task": made}

    def update_task(self, call: Call) -> tuple[int, Thing]:
        task = self._of(self.task_lists, call, "task")
        if "dueDate" in call.body:
            _iso(call.body["dueDate"], "dueDate")
        newly_done = call.body.get("completed") and not task["completed"]
        task.update(call.body)
        if newly_done:
            self.fire("TaskComplete", task)
        return 200, {"task": task}

    def delete_task(self, call: Call) -> tuple[int, Thing]:
        task = self._of(self.task_lists, call, "task")
        self.task_lists[call.ids["id"]].remove(task)
        self.fire("TaskDelete", task)
        return 200, {"succeded": True}

    def search_tasks(self, call: Call) -> tuple[int, Thing]:
        wanted = call.body.get("contactId")
        found = [task for id, each in self.task_lists.items() for task in each if not wanted or id in wanted]
        return 200, {"tasks": found}

    def notes(self, call: Call) -> tuple[int, Thing]:
        return 200, {"notes": self.note_lists.get(self._contact(call)["id"], [])}

    def get_note(self, call: Call) -> tuple[int, Thing]:
        return 200, {"note": self._of(self.note_lists, call, "note")}

    def create_note(self, call: Call) -> tuple[int, Thing]:
        contact = self._contact(call)
        made = {"id": new_id(), "contactId": contact["id"], "dateAdded": now(), **call.body}
        self.note_lists.setdefault(contact["id"], []).append(made)
        self.fire("NoteCreate", made)
        return 201, {"note": made}

    def update_note(self, call: Call) -> tuple[int, Thing]:
        note = self._of(self.note_lists, call, "note")
        note.update(call.body)
        self.fire("NoteUpdate", note)
        return 200, {"note": note}

    def delete_note(self, call: Call) -> tuple[int, Thing]:
        note = self._of(self.note_lists, call, "note")
        self.note_lists[call.ids["id"]].remove(note)
        self.fire("NoteDelete", note)
        return 200, {"succeded": True}

    def _of(self, lists: dict[str, list[Thing]], call: Call, what: str) -> Thing:
        found = {each["id"]: each for each in lists.get(self._contact(call)["id"], [])}
        return self._known(found, call.ids[what], what.capitalize())

    # --- opportunities -----------------------------------------------------------------------------------------------------

    def pipelines(self, call: Call) -> tuple[int, Thing]:
        self._here(call.query["locationId"])
        return 200, {"pipelines": self.pipeline_list}

    def search_opportunities(self, call: Call) -> tuple[int, Thing]:
        query = call.query
        self._here(query["location_id"])
        limit, page = int(query.get("limit", 20)), int(query.get("page", 1))
        if limit > 100:
            raise Refused(422, "limit must not be greater than 100")
        names = {
            "contact_id": "contactId",
            "pipeline_id": "pipelineId",
            "pipeline_stage_id": "pipelineStageId",
            "id": "id",
        }
        found = [
            each
            for each in self.opportunities.values()
            if all(each.get(ours) == query[theirs] for theirs, ours in names.items() if theirs in query)
            and query.get("status", "all") in ("all", each["status"])
        ]
        shown_now = found[(page - 1) * limit : page * limit]
        more = page + 1 if len(found) > page * limit else None
        meta = {"total": len(found), "currentPage": page, "nextPage": more, "prevPage": page - 1 or None}
        return 200, {"opportunities": shown_now, "meta": meta, "aggregations": {}}

    def create_opportunity(self, call: Call) -> tuple[int, Thing]:
        body = call.body
        self._here(body["locationId"])
        self._known(self.contacts, body["contactId"], "Contact")
        self._check_stage(body)
        same = [each for each in self.opportunities.values() if each["contactId"] == body["contactId"]]
        if not self.allow_duplicates and any(each["pipelineId"] == body["pipelineId"] for each in same):
            raise Refused(400, "Can not create duplicate opportunity for the contact.")
        return 201, {"opportunity": self._store_opportunity(body)}

    def get_opportunity(self, call: Call) -> tuple[int, Thing]:
        return 200, {"opportunity": self._known(self.opportunities, call.ids["id"], "Opportunity")}

    def update_opportunity(self, call: Call) -> tuple[int, Thing]:
        present = self._known(self.opportunities, call.ids["id"], "Opportunity")
        self._check_stage({**present, **call.body})
        before = {**present}
        present.update(_opportunity_fields(call.body), updatedAt=now())
        self.fire("OpportunityUpdate", present)
        for name, event in (("pipelineStageId", "StageUpdate"), ("status", "StatusUpdate"),
                            ("assignedTo", "AssignedToUpdate"), ("monetaryValue", "MonetaryValueUpdate")):  # fmt: skip
            if before.get(name) != present.get(name):
                self.fire(f"Opportunity{event}", present)
        return 200, {"opportunity": present}

    def delete_opportunity(self, call: Call) -> tuple[int, Thing]:
        self._known(self.opportunities, call.ids["id"], "Opportunity")
        self.fire("OpportunityDelete", self.opportunities.pop(call.ids["id"]))
        return 200, {"succeded": True}

    def _store_opportunity(self, body: Thing) -> Thing:
        first = self.pipeline_list[0]["stages"][0]["id"]
        made = {"id": new_id(), "pipelineStageId": first, "monetaryValue": 0, "customFields": [], "source": "",
                "assignedTo": "", "locationId": self.location_id, "createdAt": now(), "updatedAt": now(),
                **_opportunity_fields(body)}  # fmt: skip
        self.opportunities[made["id"]] = made
        self.fire("OpportunityCreate", made)
        return made

    def _check_stage(self, body: Thing) -> None:
        stages = {each["id"]: [stage["id"] for stage in each["stages"]] for each in self.pipeline_list}
        if body.get("pipelineId") not in stages:
            raise Refused(400, "The pipeline id is invalid.")
        stage = body.get("pipelineStageId")
        if stage and stage not in stages[body["pipelineId"]]:
            raise Refused(400, "The pipeline stage id is invalid.")
        if body.get("status") not in OPPORTUNITY_STATES:
            raise Refused(422, "status must be one of open, won, lost, abandoned, all")

    # --- calendars ---------------------------------------------------------------------------------------------------------

    def calendars(self, call: Call) -> tuple[int, Thing]:
        self._here(call.query["locationId"])
        return 200, {"calendars": self.calendar_list}

    def get_calendar(self, call: Call) -> tuple[int, Thing]:
        found = {str(each["id"]): each for each in self.calendar_list}
        return 200, {"calendar": self._known(found, call.ids["id"], "Calendar")}

    def free_slots(self, call: Call) -> tuple[int, Thing]:
        self.get_calendar(call)
        start, end = int(call.query["startDate"]), int(call.query["endDate"])
        if start < 10**12 or end - start > LONGEST_SLOTS or end <= start:
            raise Refused(400, "startDate and endDate are milliseconds, at most 31 days apart")
        zone = ZoneInfo(call.query.get("timezone") or self.timezone)
        days: dict[str, Any] = {}
        for slot in self.slots(call.ids["id"], start / 1000, end / 1000):
            local = slot.astimezone(zone)
            days.setdefault(local.date().isoformat(), {"slots": []})["slots"].append(local.isoformat())
        return 200, {**days, "traceId": new_id()}

    def slots(self, calendar_id: str, start: float, end: float) -> Iterator[datetime]:
        """Every half hour from nine to five on weekdays in the location's time zone, less what is booked."""
        zone = ZoneInfo(self.timezone)
        taken = {
            datetime.fromisoformat(each["startTime"]).timestamp()
            for each in self.appointments.values()
            if each["calendarId"] == calendar_id and each["appointmentStatus"] not in ("cancelled", "invalid")
        }
        day = datetime.fromtimestamp(start, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        while day.timestamp() < end:
            for half_hour in range(16 if day.weekday() < 5 else 0):
                slot = day.replace(hour=9 + half_hour // 2, minute=30 * (half_hour % 2))
                if start <= slot.timestamp() < end and slot.timestamp() not in taken:
                    yield slot
            day = (day + timedelta(days=1)).replace(hour=0)

    def book(self, call: Call) -> tuple[int, Thing]:
        body = call.body
        self._here(body["locationId"])
        self._known(self.contacts, body["contactId"], "Contact")
        start = _iso(body["startTime"], "startTime")
        self._check_slot(body["calendarId"], start, body)
        end = body.get("endTime") or (start + timedelta(minutes=30)).isoformat()
        made = {"id": new_id(), "title": "", "appointmentStatus": "new", "assignedUserId": "", **body, "endTime": end}
        made.setdefault("address", "")
        self.appointments[made["id"]] = made
        self.fire("AppointmentCreate", {"appointment": made})
        return 200, dict(made)

    def get_appointment(self, call: Call) -> tuple[int, Thing]:
        return 200, {"event": self._known(self.appointments, call.ids["id"], "Appointment")}

    def update_appointment(self, call: Call) -> tuple[int, Thing]:
        present, body = self._known(self.appointments, call.ids["id"], "Appointment"), call.body
        if body.get("appointmentStatus", "new") not in APPOINTMENT_STATES:
            raise Refused(400, "appointmentStatus is not valid")
        if "startTime" in body:
            start = _iso(body["startTime"], "startTime")
            if start != datetime.fromisoformat(present["startTime"]):
                self._check_slot(body.get("calendarId") or present["calendarId"], start, body)
            present["endTime"] = body.get("endTime") or (start + timedelta(minutes=30)).isoformat()
        present.update(body)
        self.fire("AppointmentUpdate", {"appointment": present})
        return 200, dict(present)

    def delete_event(self, call: Call) -> tuple[int, Thing]:
        self._known(self.appointments, call.ids["id"], "Appointment")
        self.fire("AppointmentDelete", {"appointment": self.appointments.pop(call.ids["id"])})
        return 201, {"succeeded": True}

    def events_between(self, call: Call) -> tuple[int, Thing]:
        query = call.query
        if not any(query.get(name) for name in ("userId", "calendarId", "groupId")):
            raise Refused(400, "Either of userId, calendarId or groupId is required")
        start, end = int(query["startTime"]) / 1000, int(query["endTime"]) / 1000
        return 200, {
            "events": [
                each
                for each in self.appointments.values()
                if each["calendarId"] == query.get("calendarId", each["calendarId"])
                and start <= datetime.fromisoformat(each["startTime"]).timestamp() < end
            ]
        }

    def contact_appointments(self, call: Call) -> tuple[int, Thing]:
        zone, contact = ZoneInfo(self.timezone), self._contact(call)["id"]
        return 200, {
            "events": [
                {**each, **{name: _local(each[name], zone) for name in ("startTime", "endTime")}}
                for each in self.appointments.values()
                if each["contactId"] == contact
            ]
        }

    def _check_slot(self, calendar_id: str, start: datetime, body: Thing) -> None:
        if calendar_id not in [each["id"] for each in self.calendar_list]:
            raise Refused(400, f"Calendar not found for id:{calendar_id}")
        if body.get("ignoreFreeSlotValidation"):
            return
        if start not in list(self.slots(calendar_id, start.timestamp(), start.timestamp() + 1)):
            raise Refused(400, "The slot you have selected is no longer available.")

    # --- the location ------------------------------------------------------------------------------------------------------

    def location(self, call: Call) -> tuple[int, Thing]:
        place = {"id": self.location_id, "companyId": self.company_id, "name": "Bright Smile Dental",
                 "timezone": self.timezone, "country": "US", "email": "desk@example.com"}  # fmt: skip
        return 200, {"location": place}

    def location_tags(self, call: Call) -> tuple[int, Thing]:
        used = {tag for each in self.contacts.values() for tag in each["tags"]} - {
            each["name"] for each in self.tag_list
        }
        return 200, {"tags": [*self.tag_list, *({"id": tag, "name": tag, "locationId": self.location_id} for tag in sorted(used))]}  # fmt: skip

    def create_location_tag(self, call: Call) -> tuple[int, Thing]:
        made = {"id": new_id(), "name": call.body["name"].lower(), "locationId": self.location_id}
        self.tag_list.append(made)
        return 200, {"tag": made}

    def custom_fields(self, call: Call) -> tuple[int, Thing]:
        model = call.query.get("model", "contact")
        return 200, {"customFields": [each for each in self.field_list if model in ("all", each["model"])]}

    def custom_values(self, call: Call) -> tuple[int, Thing]:
        return 200, {"customValues": []}

    def templates(self, call: Call) -> tuple[int, Thing]:
        return 200, {"templates": [], "totalCount": 0}

    def workflows(self, call: Call) -> tuple[int, Thing]:
        self._here(call.query["locationId"])
        return 200, {"workflows": self.workflow_list}

    def search_users(self, call: Call) -> tuple[int, Thing]:
        skip, limit = int(call.query.get("skip", 0)), int(call.query.get("limit", 25))
        return 200, {"users": self.user_list[skip : skip + limit], "count": len(self.user_list)}

    def get_user(self, call: Call) -> tuple[int, Thing]:
        return 200, self._known({each["id"]: each for each in self.user_list}, call.ids["id"], "User")


def shown(thing: Thing) -> Thing:
    """Without what only the twin knows."""
    return {name: value for name, value in thing.items() if not name.startswith("_")}


def _changed(contact: Thing, fields: Thing) -> Thing:
    given = {name: value for name, value in fields.items() if name not in ("locationId", "customFields")}
    contact.update(given)
    contact["tags"] = [tag.lower() for tag in contact["tags"]]
    values = {each["id"]: each["value"] for each in contact["customFields"]}
    for each in fields.get("customFields") or ():
        values[each["id"]] = each.get("field_value", each.get("value"))
    contact["customFields"] = [{"id": id, "value": value} for id, value in values.items()]
    if "name" in given and "firstName" not in given:
        contact["firstName"], _, contact["lastName"] = given["name"].partition(" ")
    return contact


def _matches(contact: Thing, body: Thing) -> bool:
    text = body.get("query", "").lower()
    words = " ".join(
        str(contact.get(name) or "") for name in ("firstName", "lastName", "name", "email", "phone")
    ).lower()
    return text in words and all(_passes(contact, each) for each in body.get("filters") or ())


def _passes(contact: Thing, each: Thing) -> bool:
    if "group" in each:
        results = [_passes(contact, inner) for inner in each["filters"]]
        return any(results) if each["group"] == "OR" else all(results)
    value, wanted = contact.get(each["field"]), each.get("value")
    match each["operator"]:
        case "eq":
            return bool(value == wanted)
        case "contains":
            return (
                all(one in value for one in wanted) if isinstance(wanted, list) and value else str(wanted) in str(value)
            )
        case "exists":
            return bool(value)
        case other:
            raise Refused(400, f"The operator {other} is not valid for {each['field']}")


def _opportunity_fields(body: Thing) -> Thing:
    fields = {name: value for name, value in body.items() if name != "customFields"}
    if "customFields" in body:
        fields["customFields"] = [
            {"id": each["id"], "fieldValue": each["field_value"]} for each in body["customFields"]
        ]
    return fields


def _iso(text: Any, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Refused(422, f"{name} must be a valid ISO 8601 date string") from None
    if moment.tzinfo is None:
        raise Refused(422, f"{name} must have an offset")
    return moment


def _local(text: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
