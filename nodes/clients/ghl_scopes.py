"""Which scopes Frontdesk asks for, and which of them a token lacks.

GHL has no call that lists the scopes of a private integration token. So one call per scope is made that cannot change anything:
a question, or a write to something that does not exist, which is refused for its scope before anything is looked up.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from nodes.clients.ghl_http import GhlHttp, GhlPart
from nodes.errors import Rejected

SCOPES = (
    "contacts.readonly", "contacts.write",
    "conversations.readonly", "conversations.write", "conversations/message.readonly", "conversations/message.write",
    "opportunities.readonly", "opportunities.write",
    "calendars.readonly", "calendars/events.readonly", "calendars/events.write",
    "locations.readonly", "locations/customFields.readonly", "locations/customValues.readonly",
    "locations/tags.readonly", "locations/tags.write", "locations/tasks.readonly", "locations/templates.readonly",
    "workflows.readonly", "users.readonly",
)  # fmt: skip
COMPANY_SCOPES = ("oauth.readonly", "oauth.write")
_NOBODY = "frontdesk-check"  # an id that nothing has


Call = tuple[str, str, dict[str, Any]]  # method, path, query of a GET or body


class Scopes(GhlPart):
    def missing_scopes(self) -> list[str]:
        """The scopes that the token lacks, in the order of SCOPES. Raises the errors of a token that is not valid at all."""
        return [scope for scope, call in _calls(self.location_id) if not _has(self._http, scope, call)]


def _has(http: GhlHttp, scope: str, call: Call) -> bool:
    method, path, given = call
    query, body = (given, None) if method == "GET" else (None, given)
    try:
        http.call(method, path, scope=scope, query=query, body=body, reads=True)
    except Rejected as error:
        return error.code != "missing_scope"
    return True


def _calls(location_id: str) -> Iterator[tuple[str, Call]]:
    here, place, now = {"locationId": location_id}, f"/locations/{location_id}", int(time.time() * 1000)
    events = {**here, "calendarId": _NOBODY, "startTime": now, "endTime": now + 1000}
    yield "contacts.readonly", ("GET", f"/contacts/{_NOBODY}", {})
    yield "contacts.write", ("PUT", f"/contacts/{_NOBODY}", {})
    yield "conversations.readonly", ("GET", "/conversations/search", {**here, "limit": 1})
    yield "conversations.write", ("PUT", f"/conversations/{_NOBODY}", here)
    yield "conversations/message.readonly", ("GET", f"/conversations/messages/{_NOBODY}", {})
    yield "conversations/message.write", ("PUT", f"/conversations/messages/{_NOBODY}/status", {"status": "read"})
    yield "opportunities.readonly", ("GET", "/opportunities/pipelines", here)
    yield "opportunities.write", ("PUT", f"/opportunities/{_NOBODY}", {})
    yield "calendars.readonly", ("GET", "/calendars/", here)
    yield "calendars/events.readonly", ("GET", "/calendars/events", events)
    yield "calendars/events.write", ("PUT", f"/calendars/events/appointments/{_NOBODY}", {})
    yield "locations.readonly", ("GET", place, {})
    yield "locations/customFields.readonly", ("GET", f"{place}/customFields", {})
    yield "locations/customValues.readonly", ("GET", f"{place}/customValues", {})
    yield "locations/tags.readonly", ("GET", f"{place}/tags", {})
    yield "locations/tags.write", ("POST", f"{place}/tags", {})
    yield "locations/tasks.readonly", ("POST", f"{place}/tasks/search", {"limit": 1})
    yield "locations/templates.readonly", ("GET", f"{place}/templates", {"originId": location_id, "limit": 1})
    yield "workflows.readonly", ("GET", "/workflows/", here)
    yield "users.readonly", ("GET", f"/users/{_NOBODY}", {})
