"""Contacts of a location: find, make, change, tags, do-not-disturb.

Read and written alike but for custom fields (read `value`, written `field_value`), and for `tags`, which a PUT or an upsert would
replace as a whole: tags have calls of their own here. Source: S:contacts.json, 1.1-1.3 of the fact sheet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nodes.clients.ghl_answer import Duplicate
from nodes.clients.ghl_http import GhlPart, path_id
from nodes.errors import Rejected

READ, WRITE = "contacts.readonly", "contacts.write"
MOST_PER_PAGE = 500
BLOCKED = ("active", "permanent")  # in DND settings `active` means: do not write
DND_CHANNELS = {"sms": "SMS", "whatsapp": "WhatsApp", "email": "Email", "call": "Call", "gmb": "GMB", "fb": "FB"}


class Contacts(GhlPart):
    def contact(self, id: str) -> dict[str, Any] | None:
        """The contact, None where there is none. For an unknown id GHL answers 400 or 404."""
        try:
            found = self._http.get(f"/contacts/{path_id(id)}", READ).get("contact")
        except Rejected as error:
            if error.code in ("not_found", "404"):
                return None
            raise
        return found if isinstance(found, dict) else None

    def find_contact(self, *, phone: str = "", email: str = "") -> dict[str, Any] | None:
        """The one contact with exactly this phone (E.164) or e-mail; no index that lags stands behind this."""
        if not phone and not email:
            return None
        found = self._http.get(
            "/contacts/search/duplicate", READ, locationId=self.location_id, number=phone, email=email
        ).get("contact")
        return found if isinstance(found, dict) else None

    def search_contacts(
        self, *, query: str = "", filters: Sequence[Mapping[str, Any]] = (), limit: int = 100
    ) -> Iterator[dict[str, Any]]:
        """Contacts by text and filters, in pages of the cursor. The index lags writes by seconds: never look here for
        what was just made."""
        body: dict[str, Any] = {"locationId": self.location_id, "pageLimit": min(limit, MOST_PER_PAGE)}
        body |= {"query": query[:75]} if query else {}
        body |= {"filters": [dict(each) for each in filters]} if filters else {}
        left = limit
        while left > 0:
            found = self._http.call("POST", "/contacts/search", scope=READ, body=body, reads=True).get("contacts") or []
            yield from found[:left]
            left -= len(found)
            cursor = found[-1].get("searchAfter") if found else None
            if not cursor or len(found) < body["pageLimit"]:
                return
            body = body | {"searchAfter": cursor, "pageLimit": min(max(left, 1), MOST_PER_PAGE)}

    def create_contact(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """A new contact, or the one that is there where the location allows no second one. That one gets no new values."""
        body = {**written(fields), "locationId": self.location_id}
        try:
            made = self._http.call("POST", "/contacts/", scope=WRITE, body=body)
        except Duplicate as duplicate:
            present = self.contact(duplicate.contact_id) if duplicate.contact_id else None
            if present is None:
                raise
            return present
        return _contact(made)

    def upsert_contact(self, fields: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """(contact, is new). Whom it matches is the location's own setting, perhaps the e-mail before the phone: two
        people who share an e-mail are one to it. `tags` are added to those that are there."""
        body = {**written(fields), "locationId": self.location_id}
        tags = body.pop("tags", ())
        answer = self._http.call("POST", "/contacts/upsert", scope=WRITE, body=body)
        contact = _contact(answer)
        if tags:
            contact = {**contact, "tags": self.add_tags(contact["id"], tags)}
        return contact, bool(answer.get("new"))

    def update_contact(self, id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Change what is given. `tags` are not sent: they would replace all. May raise Duplicate."""
        body = {name: value for name, value in written(fields).items() if name not in ("tags", "locationId", "id")}
        return _contact(self._http.call("PUT", f"/contacts/{path_id(id)}", scope=WRITE, body=body))

    def delete_contact(self, id: str) -> None:
        self._http.call("DELETE", f"/contacts/{path_id(id)}", scope=WRITE)

    def set_dnd(self, id: str, channel: str, on: bool, message: str = "") -> dict[str, Any]:
        """Do-not-disturb of one channel (sms, whatsapp, email, call, gmb, fb). The flag for all channels stays as it is.

        Whether GHL merges the other channels or drops them is not documented, so they are read and sent along. What is
        `permanent` (a carrier's STOP) cannot be lifted: Rejected.
        """
        name = DND_CHANNELS.get(channel.lower(), channel)
        present = self.contact(id)
        if present is None:
            raise Rejected("not_found", "The contact does not exist in GoHighLevel any more.")
        settings = {each: dict(value) for each, value in (present.get("dndSettings") or {}).items() if value}
        if not on and settings.get(name, {}).get("status") == "permanent":
            raise Rejected("dnd_permanent", "The carrier blocks this number; only the contact can lift that.")
        settings[name] = {"status": "active" if on else "inactive", "message": message, "code": "STOP" if on else ""}
        return self.update_contact(id, {"dndSettings": settings})

    def add_tags(self, id: str, tags: Sequence[str]) -> list[str]:
        """All tags of the contact afterwards. GHL writes names in lower case."""
        return self._tags("POST", id, tags)

    def remove_tags(self, id: str, tags: Sequence[str]) -> list[str]:
        """All tags of the contact afterwards."""
        return self._tags("DELETE", id, tags)

    def _tags(self, method: str, id: str, tags: Sequence[str]) -> list[str]:
        answer = self._http.call(method, f"/contacts/{path_id(id)}/tags", scope=WRITE, body={"tags": list(tags)})
        return [str(tag) for tag in answer.get("tags") or ()]

    def add_to_workflow(self, contact_id: str, workflow_id: str) -> None:
        self._http.call(
            "POST", f"/contacts/{path_id(contact_id)}/workflow/{path_id(workflow_id)}", scope=WRITE, body={}
        )


def is_blocked(contact: Mapping[str, Any], channel: str) -> bool:
    """Whether nothing may be sent to the contact on a channel: `dnd` is for all of them, `dndSettings` for each."""
    name = DND_CHANNELS.get(channel.lower(), channel)
    status = ((contact.get("dndSettings") or {}).get(name) or {}).get("status")
    return contact.get("dnd") is True or status in BLOCKED


def written(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as they are written: custom fields as they were read, or {id: value}, become {id, field_value}."""
    body = dict(fields)
    custom = body.get("customFields")
    if isinstance(custom, Mapping):
        body["customFields"] = [{"id": id, "field_value": value} for id, value in custom.items()]
    elif custom is not None:
        body["customFields"] = [_custom(each) for each in custom]
    return body


def custom_values(thing: Mapping[str, Any]) -> dict[str, Any]:
    """id -> value of what was read: `value` on contacts, `fieldValue` on opportunities."""
    found = thing.get("customFields") or ()
    return {each["id"]: each.get("value", each.get("fieldValue")) for each in found if "id" in each}


def _custom(field: Mapping[str, Any]) -> dict[str, Any]:
    value = next((field[name] for name in ("field_value", "value", "fieldValue") if name in field), None)
    return {**{name: field[name] for name in ("id", "key") if name in field}, "field_value": value}


def _contact(answer: Mapping[str, Any]) -> dict[str, Any]:
    found = answer.get("contact")
    if not isinstance(found, dict) or not found.get("id"):
        raise Rejected("not_stored", "GoHighLevel said yes and gave no contact back. Look the contact up there.")
    return found
