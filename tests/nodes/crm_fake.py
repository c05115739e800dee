"""A CRM and the web as nodes see them: hand-written, and they remember what they were asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nodes.ports import WebReply

STOCK = WebReply(200, '{"stock": 3}', {"stock": 3})
PIPELINES = [{"id": "p1", "name": "Sales", "stages": [{"id": "s1", "name": "New"}, {"id": "s2", "name": "Won over"}]}]


@dataclass
class FakeCrm:
    """`slots` are free, `raises` is raised by every call."""

    slots: Sequence[datetime] = ()
    raises: Exception | None = None
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def contact(self) -> Mapping[str, Any]:
        return {}

    def pipelines(self) -> Sequence[Mapping[str, Any]]:
        self._note("pipelines")
        return PIPELINES

    def calendars(self) -> Sequence[Mapping[str, Any]]:
        return [{"id": "cal", "name": "Fittings"}]

    def users(self) -> Sequence[Mapping[str, Any]]:
        return []

    def tags(self) -> Sequence[str]:
        return []

    def custom_fields(self) -> Sequence[Mapping[str, Any]]:
        return []

    def free_slots(self, calendar_id: str, start: datetime, end: datetime, timezone: str) -> Sequence[datetime]:
        self._note("free_slots", calendar_id, start, end, timezone)
        return [slot for slot in self.slots if start <= slot <= end]

    def _note(self, *call: Any) -> None:
        self.asked.append(call)
        if self.raises:
            raise self.raises


@dataclass
class FakeWeb:
    reply: WebReply | Exception = STOCK
    asked: list[tuple[str, Mapping[str, str] | None]] = field(default_factory=list)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> WebReply:
        self.asked.append((url, headers))
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply
