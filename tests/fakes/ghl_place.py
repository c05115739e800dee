"""The location of a twin of GoHighLevel: fields, tags, users, workflows."""

from __future__ import annotations

from typing import Any

from tests.fakes.ghl_world import Call, Thing, World, new_id


class Place(World):
    """What belongs to nobody in particular."""

    def add_custom_field(self, name: str, key: str, model: str = "contact", **more: Any) -> Thing:
        made = {"id": new_id(), "name": name, "fieldKey": f"{model}.{key}", "dataType": "TEXT", "model": model,
                "locationId": self.location_id} | more  # fmt: skip
        self.field_list.append(made)
        return made

    def add_template(self, name: str, kind: str = "sms", **inside: Any) -> Thing:
        """A saved text of the location; `inside` as GHL keeps it: body of an SMS, subject and html of an e-mail."""
        made = {"id": new_id(), "name": name, "type": kind, "locationId": self.location_id, "template": inside,
                "dateAdded": "2026-01-07T09:00:00.000Z"}  # fmt: skip
        self.template_list.append(made)
        return made

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
        kind, skip, limit = call.query.get("type"), int(call.query.get("skip", 0)), int(call.query.get("limit", 25))
        found = [each for each in self.template_list if kind in (None, each["type"])]
        return 200, {"templates": found[skip : skip + limit], "totalCount": len(found)}

    def workflows(self, call: Call) -> tuple[int, Thing]:
        self._here(call.query["locationId"])
        return 200, {"workflows": self.workflow_list}

    def search_users(self, call: Call) -> tuple[int, Thing]:
        skip, limit = int(call.query.get("skip", 0)), int(call.query.get("limit", 25))
        return 200, {"users": self.user_list[skip : skip + limit], "count": len(self.user_list)}

    def get_user(self, call: Call) -> tuple[int, Thing]:
        return 200, self._known({each["id"]: each for each in self.user_list}, call.ids["id"], "User")
