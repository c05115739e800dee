"""What a field lets a person choose from: automations, addresses, sources of ours; tags, pipelines, calendars, people of the CRM.

The CRM is asked at most once a minute for each of them. Where none is connected, or it does not answer, a person may write
anything: a builder is never held up by another company's server.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import connections, sources, views
from db.engine import read_only
from flows import crm, hooks
from nodes.clients.ghl import Ghl
from nodes.errors import ClientError
from nodes.update_contact import FIELDS
from ui import words

FRESH_SECONDS = 60.0
PATIENCE_SECONDS = 20.0  # after a failure, before the CRM is asked again

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Option:
    """One choice: what the document keeps, and what the person reads."""

    value: str
    label: str
    part_of: str = ""  # the pipeline of a stage


_known: dict[tuple[UUID, str], tuple[float, Sequence[Option]]] = {}


def options(workspace: UUID, picker: str, values: Mapping[str, Any]) -> Sequence[Option] | None:
    """What may be chosen; None where anything may be written. `values` are the other fields of the same form."""
    if picker == "contact_field":
        return [*(Option(name, words.named(name)) for name in FIELDS), *_asked(workspace, picker)]
    if picker in _OURS:
        with read_only(workspace) as tx:
            return _OURS[picker](tx) or None
    if picker not in _ASK:
        return None
    found = _asked(workspace, picker)
    pipeline = str(values.get("pipeline_id") or "")
    if picker == "stage" and pipeline:
        found = [option for option in found if option.part_of == pipeline]
    return found or None


def _automations(tx: Session) -> list[Option]:
    return [Option(str(line.id), line.name) for line in views.automation_list(tx)]


def _hooks(tx: Session) -> list[Option]:
    return [Option(hook.name, hook.name) for hook in connections.of_kind(tx, hooks.KIND)]


def _sources(tx: Session) -> list[Option]:
    return [Option(name, name) for name in sources.names(tx)]


# What is in our own tables is read anew each time.
_OURS: dict[str, Callable[[Session], list[Option]]] = {"automation": _automations, "hook": _hooks, "sources": _sources}


def forget() -> None:
    """Ask the CRM again at the next use."""
    _known.clear()


def _asked(workspace: UUID, picker: str) -> Sequence[Option]:
    kept = _known.get((workspace, picker))
    if kept is not None and kept[0] > time.monotonic():
        return kept[1]
    connected = crm.crm_of(workspace)
    found: Sequence[Option] = []
    fresh = FRESH_SECONDS if connected else crm.FRESH_SECONDS
    if connected is not None:
        try:
            found = _ASK[picker](connected.client)
        except ClientError as error:
            fresh = PATIENCE_SECONDS
            log.warning(
                "The CRM did not say what can be chosen.",
                extra={"action": "pickers.unavailable", "picker": picker, "reason": error.reason},
            )
    _known[workspace, picker] = (time.monotonic() + fresh, found)
    return found


def _tags(client: Ghl) -> list[Option]:
    return [Option(str(tag["name"]), str(tag["name"])) for tag in client.location_tags() if tag.get("name")]


def _pipelines(client: Ghl) -> list[Option]:
    return [Option(str(item["id"]), str(item.get("name") or item["id"])) for item in client.pipelines()]


def _stages(client: Ghl) -> list[Option]:
    return [
        Option(str(stage["id"]), f"{item.get('name', '')}: {stage.get('name') or stage['id']}", str(item["id"]))
        for item in client.pipelines()
        for stage in item.get("stages") or ()
    ]


def _calendars(client: Ghl) -> list[Option]:
    return [Option(str(item["id"]), str(item.get("name") or item["id"])) for item in client.calendars()]


def _people(client: Ghl) -> list[Option]:
    return [Option(str(item["id"]), _name(item)) for item in client.users()]


def _name(person: Mapping[str, Any]) -> str:
    both = f"{person.get('firstName') or ''} {person.get('lastName') or ''}".strip()
    return str(person.get("name") or both or person.get("email") or person["id"])


def _fields(client: Ghl) -> list[Option]:
    return [Option(f"custom.{item['id']}", str(item.get("name") or item["id"])) for item in client.custom_fields()]


def _workflows(client: Ghl) -> list[Option]:
    return [Option(str(item["id"]), str(item.get("name") or item["id"])) for item in client.workflows()]


_ASK: Mapping[str, Callable[[Ghl], list[Option]]] = {
    "tags": _tags,
    "tag": _tags,
    "pipeline": _pipelines,
    "stage": _stages,
    "calendar": _calendars,
    "crm_user": _people,
    "contact_field": _fields,
    "workflow": _workflows,
}
