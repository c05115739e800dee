"""Pipelines and opportunities. Their search is the one call of GHL with names_like_this. Source: S:opportunities.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nodes.clients.ghl_contacts import written
from nodes.clients.ghl_http import GhlPart, path_id
from nodes.errors import Rejected

READ, WRITE = "opportunities.readonly", "opportunities.write"
PER_PAGE = 100


class Opportunities(GhlPart):
    def pipelines(self) -> list[dict[str, Any]]:
        """[{id, name, stages: [{id, name, position}]}]. GHL has no call that makes one."""
        return list(
            self._http.get("/opportunities/pipelines", READ, locationId=self.location_id).get("pipelines") or ()
        )

    def opportunities(self, contact_id: str) -> list[dict[str, Any]]:
        """All opportunities of a contact, in any state."""
        return list(self._pages(contact_id))

    def opportunity(self, id: str) -> dict[str, Any] | None:
        try:
            return _opportunity(self._http.get(f"/opportunities/{path_id(id)}", READ))
        except Rejected as error:
            if error.code == "not_found":
                return None
            raise

    def create_opportunity(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Needs pipelineId, name, contactId; status is `open` unless given. Raises Rejected("duplicate_opportunity")."""
        body = {"status": "open", **written(fields), "locationId": self.location_id}
        return _opportunity(self._http.call("POST", "/opportunities/", scope=WRITE, body=body))

    def update_opportunity(self, id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Change what is given; to move it, send pipelineId and pipelineStageId."""
        return _opportunity(self._http.call("PUT", f"/opportunities/{path_id(id)}", scope=WRITE, body=written(fields)))

    def delete_opportunity(self, id: str) -> None:
        self._http.call("DELETE", f"/opportunities/{path_id(id)}", scope=WRITE)

    def _pages(self, contact_id: str) -> Iterator[dict[str, Any]]:
        page: int | None = 1
        while page:
            found = self._http.get(
                "/opportunities/search",
                READ,
                location_id=self.location_id,
                contact_id=contact_id,
                limit=PER_PAGE,
                page=page,
            )
            yield from found.get("opportunities") or ()
            page = _next_page(found.get("meta") or {}, page)


def _next_page(meta: Mapping[str, Any], page: int) -> int | None:
    following = meta.get("nextPage")
    return int(following) if following and int(following) > page else None


def _opportunity(answer: Mapping[str, Any]) -> dict[str, Any]:
    found = answer.get("opportunity")
    if not isinstance(found, dict) or not found.get("id"):
        raise Rejected("not_stored", "GoHighLevel said yes and gave no opportunity back. Look it up there.")
    return found
