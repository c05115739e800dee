"""Calendars, free slots, appointments.

Three forms of time meet here: free slots are asked for in milliseconds, appointments are booked in ISO with an offset, and the
list of a contact's appointments has local times without one. All of them become aware here. Source: S:calendars.json, D:calendars.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from nodes.clients.ghl_contacts import READ as CONTACTS_READ
from nodes.clients.ghl_http import path_id
from nodes.clients.ghl_location import Location
from nodes.errors import NotSent, Rejected

READ = "calendars.readonly"
EVENTS_READ, EVENTS_WRITE = "calendars/events.readonly", "calendars/events.write"
LONGEST = timedelta(days=31)  # of one question for free slots
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Calendars(Location):
    def calendars(self) -> list[dict[str, Any]]:
        return list(self._http.get("/calendars/", READ, locationId=self.location_id).get("calendars") or ())

    def free_slots(
        self, calendar_id: str, start: datetime, end: datetime, timezone: str, user_id: str = ""
    ) -> list[datetime]:
        """Beginnings of free slots in UTC, in order of time; a longer span than GHL takes is asked for in pieces."""
        found: set[datetime] = set()
        for since, until in _pieces(start, end):
            answer = self._http.get(
                f"/calendars/{path_id(calendar_id)}/free-slots",
                READ,
                startDate=_milliseconds(since),
                endDate=_milliseconds(until),
                timezone=timezone,
                userId=user_id,
            )
            found.update(_slots(answer))
        return sorted(slot for slot in found if start <= slot < end)

    def book(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Needs calendarId, contactId and startTime (aware datetime or text). Raises Rejected("slot_taken")."""
        body = {**_times(fields), "locationId": self.location_id}
        return _booked(self._http.call("POST", "/calendars/events/appointments", scope=EVENTS_WRITE, body=body))

    def appointment(self, id: str) -> dict[str, Any] | None:
        try:
            found = self._http.get(f"/calendars/events/appointments/{path_id(id)}", EVENTS_READ)
        except Rejected as error:
            if error.code == "not_found":
                return None
            raise
        event = found.get("event") or found.get("appointment") or found
        return event if event.get("id") else None

    def update_appointment(self, id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Change it; {"appointmentStatus": "cancelled"} cancels and keeps it in the history."""
        path = f"/calendars/events/appointments/{path_id(id)}"
        return _booked(self._http.call("PUT", path, scope=EVENTS_WRITE, body=_times(fields)))

    def appointments(self, contact_id: str) -> list[dict[str, Any]]:
        """The contact's appointments; `startTime` and `endTime` are ISO with an offset here, GHL gives local times."""
        found = self._http.get(f"/contacts/{path_id(contact_id)}/appointments", CONTACTS_READ).get("events") or ()
        if not found:
            return []
        zone = self.zone()
        return [{**each, **{name: aware(each.get(name), zone) for name in ("startTime", "endTime")}} for each in found]


def aware(local: Any, zone: ZoneInfo) -> str:
    """'2021-07-16 11:00:00' of a place as ISO with its offset; what has an offset keeps it, what is no time is ''."""
    try:
        moment = datetime.fromisoformat(str(local))
    except ValueError:
        return ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()


def _pieces(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while start < end:
        until = min(start + LONGEST, end)
        yield start, until
        start = until


def _slots(answer: Mapping[str, Any]) -> Iterator[datetime]:
    """The answer is {"2024-10-28": {"slots": [ISO, ...]}, ..., "traceId": ...}: only days are days."""
    for day, inside in answer.items():
        if not _DAY.fullmatch(day) or not isinstance(inside, dict):
            continue
        for text in inside.get("slots") or ():
            try:
                slot = datetime.fromisoformat(str(text))
            except ValueError as error:
                raise NotSent(f"GoHighLevel gave a free slot that is no time: {text!r}.") from error
            if slot.tzinfo is not None:
                yield slot.astimezone(UTC)


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def _times(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}


def _booked(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer is flat here; some accounts see it wrapped."""
    inner = answer.get("appointment") or answer.get("event") or answer
    if not inner.get("id"):
        raise Rejected("not_stored", "GoHighLevel said yes and gave no appointment back. Look at the calendar there.")
    return dict(inner)
