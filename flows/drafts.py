"""The drafts of automations: made, saved as they are edited, put in order, deleted. Two people on one draft hear of each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from db import audit, automations, live
from db.engine import transaction
from flows.actions import ActionRefused
from flows.automation import Automation
from flows.check import Problem, check

MOST_NAME = 120  # characters


@dataclass(frozen=True)
class Draft:
    """What is being edited. `revision` goes back with the next save."""

    document: Automation
    revision: int
    problems: list[Problem]
    live_version: int | None
    enabled: bool
    needs_review: bool
    updated_by: str
    updated_at: datetime


@dataclass(frozen=True)
class Saved:
    revision: int
    problems: list[Problem]


class DraftConflict(Exception):
    """Somebody else saved since; nothing was overwritten. Load the draft again, or keep the own one as a copy."""

    def __init__(self, sentence: str, revision: int, by: str, at: datetime) -> None:
        super().__init__(sentence)
        self.revision = revision
        self.by = by
        self.at = at


def create(workspace: UUID, user: UUID | None, *, name: str, document: Automation | None = None) -> UUID:
    """A new draft, empty or from a document. Where the name is taken a number is added."""
    name = name.strip()
    if not name or len(name) > MOST_NAME:
        raise ActionRefused(f"Give the automation a name of at most {MOST_NAME} characters.")
    with transaction(workspace) as tx, _names():
        free = automations.free_name(tx, None, name)
        made = document.model_copy(update={"name": free}) if document else Automation(name=free)
        id = automations.create(tx, workspace, free, _stored(made), made.description, user)
        audit.record(tx, workspace, _actor(user), "automation.created", f"automation:{id}")
        _tell(tx, workspace, id)
    return id


def copy(workspace: UUID, user: UUID | None, automation_id: UUID, name: str = "") -> UUID:
    """A new draft like that of another automation; never published, so it does nothing yet."""
    draft = load(workspace, automation_id)
    return create(workspace, user, name=name.strip() or _copy_name(draft.document.name), document=draft.document)


def load(workspace: UUID, automation_id: UUID) -> Draft:
    with transaction(workspace) as tx:
        row = automations.editable(tx, automation_id)
    if row is None:
        raise ActionRefused("This automation does not exist any more.")
    document = Automation.model_validate(row.draft)
    return Draft(
        document, row.draft_revision, check(document), row.live_version, row.enabled, row.needs_review, row.updated_by,
        row.updated_at,
    )  # fmt: skip


def save(workspace: UUID, user: UUID | None, automation_id: UUID, document: Automation, seen_revision: int) -> Saved:
    """Keep an edited draft. Raises DraftConflict where it is not the one that was seen; then nothing is changed."""
    with transaction(workspace) as tx, _names():
        row = automations.editable(tx, automation_id, lock=True)
        if row is None:
            raise ActionRefused("This automation does not exist any more.")
        stored = _stored(document)
        if row.draft == stored:
            return Saved(row.draft_revision, check(document))
        if row.draft_revision != seen_revision:
            raise _conflict(row)
        revision = automations.save_draft(tx, automation_id, document.name, document.description, stored, user)
        _tell(tx, workspace, automation_id)
    return Saved(revision, check(document))


def set_enabled(workspace: UUID, user: UUID | None, automation_id: UUID, enabled: bool) -> None:
    """A switched-off automation starts no more; what is under way goes on."""
    with transaction(workspace) as tx:
        if not automations.set_enabled(tx, automation_id, enabled):
            raise ActionRefused("This automation does not exist any more.")
        action = "automation.enabled" if enabled else "automation.disabled"
        audit.record(tx, workspace, _actor(user), action, f"automation:{automation_id}")
        _tell(tx, workspace, automation_id)


def set_needs_review(workspace: UUID, user: UUID | None, automation_id: UUID, needed: bool) -> None:
    """Whether a draft that answered past customers worse may be published only after a person looked at it."""
    with transaction(workspace) as tx:
        if not automations.set_needs_review(tx, automation_id, needed):
            raise ActionRefused("This automation does not exist any more.")
        audit.record(tx, workspace, _actor(user), "automation.gate", f"automation:{automation_id}", needs_review=needed)


def set_priorities(workspace: UUID, user: UUID | None, ids_in_order: Sequence[UUID]) -> None:
    """The order in which automations are asked about a message; the first that fits takes it."""
    with transaction(workspace) as tx:
        automations.set_priorities(tx, list(ids_in_order))
        audit.record(tx, workspace, _actor(user), "automation.order", detail=[str(id) for id in ids_in_order])
        _tell(tx, workspace, None)


def delete(workspace: UUID, user: UUID | None, automation_id: UUID) -> None:
    """The automation with its versions and runs. Refused while one of its runs is open."""
    with transaction(workspace) as tx:
        row = automations.editable(tx, automation_id, lock=True)
        if row is None:
            raise ActionRefused("This automation does not exist any more.")
        if open_runs := automations.open_runs(tx, automation_id):
            told = "1 of its runs is" if open_runs == 1 else f"{open_runs} of its runs are"
            raise ActionRefused(f"{told} still under way. Switch the automation off and wait for them, or cancel them.")
        automations.delete(tx, automation_id)
        audit.record(tx, workspace, _actor(user), "automation.deleted", f"automation:{automation_id}", name=row.name)
        _tell(tx, workspace, automation_id)


def _conflict(row: automations.Editable) -> DraftConflict:
    who = row.updated_by or "Somebody else"
    sentence = (
        f"{who} changed this automation meanwhile, so your last change is not saved. "
        "Load their version and make the change again, or save yours as a copy."
    )
    return DraftConflict(sentence, row.draft_revision, row.updated_by, row.updated_at)


@contextmanager
def _names() -> Iterator[None]:
    """Two automations of one name are refused by the database."""
    try:
        yield
    except IntegrityError as error:
        if "automations_workspace_id_name_key" not in str(error.orig):
            raise
        raise ActionRefused("Another automation has this name already. Choose a different one.") from error


def _copy_name(name: str) -> str:
    return f"{name[: MOST_NAME - 7]} (copy)"


def _stored(document: Automation) -> dict[str, object]:
    return document.model_dump(mode="json", by_alias=True)


def _tell(tx: Session, workspace: UUID, automation_id: UUID | None) -> None:
    live.publish(tx, workspace, "automation", automation=automation_id)


def _actor(user: UUID | None) -> str:
    return f"user:{user}" if user else "system"
