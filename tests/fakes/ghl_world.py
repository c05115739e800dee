"""What a twin of GoHighLevel holds and what its groups of calls share. The handlers get calls that were checked against their card."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Thing = dict[str, Any]
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
        self.template_list: list[Thing] = []
        self.tag_list: list[Thing] = []
        self.workflow_list: list[Thing] = [
            {"id": new_id(), "name": "Recall", "status": "published", "version": 1, "locationId": location_id}
        ]

    def fire(self, kind: str, payload: Thing) -> None:
        """An event that GoHighLevel would send to the app's webhook address."""

    def deliver(self, payload: Thing) -> None:
        """A message that GoHighLevel would hand to the conversation provider."""

    def _contact(self, call: Call) -> Thing:
        return self._known(self.contacts, call.ids["id"], "Contact")

    def _known(self, things: dict[str, Thing], id: str, what: str) -> Thing:
        if id not in things:
            raise Refused(400, f"{what} not found for id:{id}")
        return things[id]

    def _here(self, location_id: str) -> None:
        if location_id != self.location_id:
            raise Refused(403, "The token does not have access to this location.")


def malformed(status: int, message: str, **more: Any) -> Refused:
    """A refusal of a call that is not of the documented form."""
    return Refused(status, message, malformed=True, **more)


def shown(thing: Thing) -> Thing:
    """Without what only the twin knows."""
    return {name: value for name, value in thing.items() if not name.startswith("_")}


def iso(text: Any, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Refused(422, f"{name} must be a valid ISO 8601 date string") from None
    if moment.tzinfo is None:
        raise Refused(422, f"{name} must have an offset")
    return moment
