"""The location itself: its name and time zone, users, custom fields, tags, templates, workflows. Source: S:locations.json, S:users.json."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nodes.clients.ghl_http import GhlHttp, GhlPart, path_id

USERS_PER_PAGE = 100
TEMPLATES_PER_PAGE = 100


class Location(GhlPart):
    """`timezone` and `company_id` are asked for at the first use where they are not known."""

    def __init__(self, http: GhlHttp, location_id: str, *, timezone: str = "", company_id: str = "") -> None:
        super().__init__(http, location_id)
        self._timezone, self._company_id = timezone, company_id

    def location(self) -> dict[str, Any]:
        """{id, companyId, name, timezone, country, ...}: also the check after connecting."""
        answer = self._http.get(f"/locations/{path_id(self.location_id)}", "locations.readonly")
        found: dict[str, Any] = answer.get("location") or answer
        self._timezone = str(found.get("timezone") or self._timezone)
        self._company_id = str(found.get("companyId") or self._company_id)
        return found

    def users(self) -> list[dict[str, Any]]:
        """Everybody who works in the location. GHL wants the company along with it."""
        if not self._company_id:
            self.location()
        found: list[dict[str, Any]] = []
        while True:
            page = (
                self._http.get(
                    "/users/search",
                    "users.readonly",
                    companyId=self._company_id,
                    locationId=self.location_id,
                    skip=len(found),
                    limit=USERS_PER_PAGE,
                ).get("users")
                or []
            )
            found += page
            if len(page) < USERS_PER_PAGE:
                return found

    def custom_fields(self, model: str = "contact") -> list[dict[str, Any]]:
        """[{id, name, fieldKey, dataType, picklistOptions}] of contact, opportunity or all."""
        return list(self._inside("customFields", "customFields", model=model).get("customFields") or ())

    def location_tags(self) -> list[dict[str, Any]]:
        return list(self._inside("tags", "tags").get("tags") or ())

    def templates(self, kind: str = "", most: int = 500) -> list[dict[str, Any]]:
        """Templates of the location: sms, email, whatsapp, or all."""
        found: list[dict[str, Any]] = []
        while len(found) < most:
            asked = {"originId": self.location_id, "type": kind, "limit": TEMPLATES_PER_PAGE, "skip": len(found)}
            page = self._inside("templates", "templates", **asked).get("templates") or []
            known = {each.get("id") for each in found}
            found += [each for each in page if each.get("id") not in known]
            if len(page) < TEMPLATES_PER_PAGE or len(known) == len(found):  # none is new: it gives all of them at once
                break
        return found[:most]

    def workflows(self) -> list[dict[str, Any]]:
        found = self._http.get("/workflows/", "workflows.readonly", locationId=self.location_id)
        return list(found.get("workflows") or ())

    def zone(self) -> ZoneInfo:
        """The time zone of the location; UTC where it has none that is known here."""
        if not self._timezone:
            self.location()
        try:
            return ZoneInfo(self._timezone or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo("UTC")

    def _inside(self, what: str, group: str, **query: Any) -> dict[str, Any]:
        return self._http.get(f"/locations/{path_id(self.location_id)}/{what}", f"locations/{group}.readonly", **query)
