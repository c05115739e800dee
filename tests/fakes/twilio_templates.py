"""Templates of the Twilio twin: its Content list as documented, and what a message that names one reads like."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

LIST = "/v1/ContentAndApprovals"
_BLANK = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True)
class TwinTemplate:
    """A template of the account. `body` holds its blanks as {{1}}."""

    sid: str
    name: str
    body: str
    approval: str = "approved"
    language: str = "en"
    category: str = "UTILITY"
    kind: str = "twilio/text"
    variables: Mapping[str, str] = field(default_factory=dict)  # blank -> sample
    more: Mapping[str, Any] = field(default_factory=dict)  # beside the body: buttons, pictures
    reason: str = ""

    def resource(self, account_sid: str) -> dict[str, Any]:
        asked = {"name": self.name, "category": self.category, "content_type": self.kind, "status": self.approval,
                 "rejection_reason": self.reason, "allow_category_change": True}  # fmt: skip
        return {
            "sid": self.sid,
            "account_sid": account_sid,
            "friendly_name": self.name,
            "language": self.language,
            "variables": dict(self.variables),
            "types": {self.kind: {"body": self.body, **self.more}},
            "approval_requests": asked if self.approval != "unsubmitted" else {},
            "date_created": "2026-01-07T09:00:00Z",
            "date_updated": "2026-01-07T09:00:00Z",
        }

    def blanks(self) -> set[str]:
        return set(_BLANK.findall(json.dumps([self.body, dict(self.more)])))

    def rendered(self, values: Mapping[str, str]) -> str:
        return _BLANK.sub(lambda blank: values[blank[1]], self.body)


def page_of(templates: list[dict[str, Any]], query: Mapping[str, str], base_url: str) -> dict[str, Any]:
    """One page of the list with the addresses of its neighbours, which are absolute here."""
    size, page = int(query.get("PageSize", 50)), int(query.get("Page", 0))

    def address(number: int) -> str:
        return f"{base_url}{LIST}?{urlencode({'PageSize': size, 'Page': number, 'PageToken': f'PT{number}'})}"

    meta = {"page": page, "page_size": size, "key": "contents", "url": address(page), "first_page_url": address(0),
            "previous_page_url": address(page - 1) if page else None,
            "next_page_url": address(page + 1) if len(templates) > (page + 1) * size else None}  # fmt: skip
    return {"meta": meta, "contents": templates[page * size : (page + 1) * size]}


def problem(templates: Mapping[str, TwinTemplate], one: Mapping[str, str]) -> tuple[int, str] | None:
    """What is wrong with a message that names a template."""
    if one.get("Body") or one.get("MediaUrl"):
        return 20001, "Body and MediaUrl cannot be combined with ContentSid."
    template = templates.get(one["ContentSid"])
    if template is None:
        return 21655, f"The ContentSid {one['ContentSid']} is Invalid"
    values = variables_of(one)
    if values is None or any(not value.strip() or re.search(r"[\n\t]|    ", value) for value in values.values()):
        return 21656, "The ContentVariables Parameter is invalid"
    if template.blanks() - set(values):
        return 21656, f"ContentVariables misses {', '.join(sorted(template.blanks() - set(values)))}"
    return None


def variables_of(one: Mapping[str, str]) -> dict[str, str] | None:
    """The values of a form; None where they are not a JSON object of texts."""
    try:
        found = json.loads(one.get("ContentVariables") or "{}")
    except ValueError:
        return None
    fits = isinstance(found, dict) and all(isinstance(value, str) for value in found.values())
    return found if fits else None
