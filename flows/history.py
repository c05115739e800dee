"""The versions of an automation: what changed, back to an earlier one, out to a file and in from one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlmodel import Session

from db import audit, automations, live
from db import versions as stored
from db.engine import read_only, transaction
from db.versions import VersionLine
from flows import drafts
from flows.actions import ActionRefused
from flows.automation import Automation
from flows.check import check
from flows.difference import Difference, diff
from nodes import registry

__all__ = [
    "Difference",
    "VersionLine",
    "diff",
    "export_file",
    "import_file",
    "roll_back",
    "version_document",
    "versions",
]

FILE_KIND = "frontdesk automation"
FILE_FORMAT = 1
MOST_BYTES = 1_000_000
# Settings whose names say that they hold a credential are never written into a file.
_SECRET = {"secret", "password", "token", "key", "authorization", "cookie"}


def versions(tx: Session, automation_id: UUID, before_number: int | None = None, limit: int = 50) -> list[VersionLine]:
    """The published versions, the newest first."""
    return stored.version_list(tx, automation_id, before_number, limit)


def version_document(tx: Session, automation_id: UUID, number: int) -> Automation:
    """Raises ActionRefused where there is no such version."""
    found = stored.document(tx, automation_id, number)
    if found is None:
        raise ActionRefused(f"There is no version {number} of this automation.")
    return Automation.model_validate(found)


def roll_back(workspace: UUID, user: UUID | None, automation_id: UUID, number: int) -> int:
    """Publish an earlier version again, as a new one whose number is returned; the draft becomes the same.

    What is under way keeps the version that it began with. Raises ActionRefused where a step of it does not exist any more.
    """
    with transaction(workspace) as tx:
        if automations.editable(tx, automation_id, lock=True) is None:
            raise ActionRefused("This automation does not exist any more.")
        document = version_document(tx, automation_id, number)
        if problems := check(document):
            raise ActionRefused(f"Version {number} cannot run any more. {problems[0]}")
        raw = document.model_dump(mode="json", by_alias=True)
        made = automations.publish(tx, automation_id, raw, user, f"Back to version {number}.")
        name = automations.free_name(tx, automation_id, document.name)
        renamed = {**raw, "name": name}
        automations.save_draft(tx, automation_id, name, document.description, renamed, user)
        audit.record(
            tx, workspace, f"user:{user}" if user else "system", "automation.rolled_back", f"automation:{automation_id}",
            version=made, former=number,
        )  # fmt: skip
        live.publish(tx, workspace, "automation", automation=automation_id)
    return made


def export_file(workspace: UUID, automation_id: UUID, number: int | None = None) -> bytes:
    """The draft, or a version, as a JSON file. It holds no account and no secret."""
    if number is None:
        document = drafts.load(workspace, automation_id).document
    else:
        with read_only(workspace) as tx:
            document = version_document(tx, automation_id, number)
    told = {"kind": FILE_KIND, "format": FILE_FORMAT, "automation": _without_secrets(document)}
    return (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()


def import_file(workspace: UUID, user: UUID | None, data: bytes) -> UUID:
    """A new draft from a file that `export_file` made. Raises ActionRefused with what is wrong with it."""
    return drafts.create(workspace, user, name=(document := _read(data)).name, document=document)


def _read(data: bytes) -> Automation:
    if len(data) > MOST_BYTES:
        raise ActionRefused("This file is too large to be an automation. Choose a file that was exported here.")
    try:
        told = json.loads(data)
    except ValueError as error:
        raise ActionRefused("This file is not JSON. Choose a file that was exported here.") from error
    if not isinstance(told, dict) or told.get("kind") != FILE_KIND:
        raise ActionRefused("This file holds no automation. Choose a file that was exported here.")
    if told.get("format") != FILE_FORMAT:
        raise ActionRefused(
            "This file was made by a newer Frontdesk. Update this one, or export it again in an older form."
        )
    try:
        document = Automation.model_validate(told.get("automation"))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "automation"
        raise ActionRefused(f"The file cannot be read at '{place}': {first['msg']}.") from error
    unknown = sorted({step.node for step in document.steps} - {spec.key for spec in registry.all_specs()})
    if unknown:
        raise ActionRefused(
            f"The file uses steps that do not exist here: {', '.join(unknown)}. Update this Frontdesk, or take them out."
        )
    return document


def _without_secrets(document: Automation) -> dict[str, Any]:
    raw = document.model_dump(mode="json", by_alias=True)
    return {**raw, "steps": [{**step, "config": dict(_harmless(step["config"]))} for step in raw["steps"]]}


def _harmless(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if _names_a_secret(name) and value:
            continue
        if isinstance(value, Mapping):
            yield name, dict(_harmless(value))
        elif isinstance(value, list):
            yield (
                name,
                [
                    dict(_harmless(item)) if isinstance(item, Mapping) else item
                    for item in value
                    if not _is_secret(item)
                ],
            )
        else:
            yield name, value


def _is_secret(item: Any) -> bool:
    """A header or field by name: {"name": "Authorization", "value": ...}."""
    return isinstance(item, Mapping) and _names_a_secret(str(item.get("name", "")))


def _names_a_secret(name: str) -> bool:
    return bool(_SECRET & set(name.lower().replace("-", "_").split("_")))
