"""The contacts of a twin of GoHighLevel."""

from __future__ import annotations

import operator
import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.fakes.ghl_world import Call, Refused, Thing, World, new_id, now, shown

DND_CHANNELS = {"Call", "Email", "SMS", "WhatsApp", "GMB", "FB"}
DND_STATES = {"active", "inactive", "permanent"}


class People(World):
    """A PUT of tags or DND settings replaces all of them, tags are in lower case, and search lags: on purpose."""

    def add_contact(self, **fields: Any) -> Thing:
        """A contact that is there already, seen by every search."""
        made = self._person(fields)
        made["_seen"] = 0.0
        self.contacts[made["id"]] = made
        return made

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


_BOUNDS: dict[str, Callable[[datetime, datetime], bool]] = {
    "gte": operator.ge,
    "lte": operator.le,
    "gt": operator.gt,
    "lt": operator.lt,
}


def _within(value: Any, wanted: Any) -> bool:
    """A date between bounds, which are ISO times."""
    if not isinstance(wanted, dict) or not wanted or set(wanted) - set(_BOUNDS):
        raise Refused(400, "range takes gte, lte, gt and lt")
    at = datetime.fromisoformat(value) if value else None
    return at is not None and all(_BOUNDS[name](at, datetime.fromisoformat(bound)) for name, bound in wanted.items())


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
        case "range":
            return _within(value, wanted)
        case other:
            raise Refused(400, f"The operator {other} is not valid for {each['field']}")
