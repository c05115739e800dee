"""Calendars and appointments of a twin of GoHighLevel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes.ghl_world import Call, Refused, Thing, World, iso, new_id

APPOINTMENT_STATES = {"new", "confirmed", "cancelled", "showed", "noshow", "invalid"}
LONGEST_SLOTS = 31 * 86_400_000  # milliseconds


class Time(World):
    """Slots that get taken; dates of a contact's appointments are local and without offset, on purpose."""

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
        start = iso(body["startTime"], "startTime")
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
            start = iso(body["startTime"], "startTime")
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


def _local(text: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
