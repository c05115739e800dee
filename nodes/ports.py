"""What a node may read outside the database. Both only look: whatever changes something is an effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


class Crm(Protocol):
    """The connected CRM. Every method may raise the errors of nodes.errors."""

    def contact(self) -> Mapping[str, Any]:
        """What the CRM knows of the run's contact, a few minutes old at most.

        {tags: [...], tasks: [{id, title, due, completed}], opportunities: [{id, name, pipeline_id, pipeline, stage_id, stage,
        status, value}], fields: {field key: value}, contact: {first_name, ...}, appointments: [...]}; {} where it is unknown there.
        """

    def pipelines(self) -> Sequence[Mapping[str, Any]]: ...

    def calendars(self) -> Sequence[Mapping[str, Any]]: ...

    def users(self) -> Sequence[Mapping[str, Any]]: ...

    def tags(self) -> Sequence[str]: ...

    def custom_fields(self) -> Sequence[Mapping[str, Any]]: ...

    def free_slots(self, calendar_id: str, start: datetime, end: datetime, timezone: str) -> Sequence[datetime]:
        """Beginnings of free slots, aware, in order of time."""


@dataclass(frozen=True)
class WebReply:
    """An answer of another system. `data` is its JSON, None where it is none."""

    status: int
    text: str
    data: Any = None


class Web(Protocol):
    """Addresses of other systems, as far as the workspace allows them."""

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> WebReply:
        """Raises Rejected (not allowed, too large, ...) and the other errors of nodes.errors."""
