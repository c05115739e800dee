"""Make a draft the live version. Only an automation without a problem gets through."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from db import audit, automations, backtests, live
from db.automations import Editable
from db.engine import transaction
from flows.actions import ActionRefused
from flows.check import CheckFailed, check


def publish(
    workspace: UUID, automation_id: UUID, user_id: UUID | None, note: str = "", *, seen_revision: int | None = None
) -> int:
    """Publish the draft as the next version and return its number.

    What is under way keeps the version that it began with; every later event is handled by the new one.
    `seen_revision`: the draft that the person looked at; another one is not published.
    Raises CheckFailed with every problem, ActionRefused where the draft is another one or must be reviewed first,
    LookupError where the automation is not of this workspace.
    """
    with transaction(workspace) as tx:
        row = automations.editable(tx, automation_id, lock=True)
        if row is None:
            raise LookupError("This automation does not exist in this workspace.")
        if seen_revision is not None and row.draft_revision != seen_revision:
            who = row.updated_by or "Somebody else"
            raise ActionRefused(f"{who} changed this automation meanwhile. Look at it again, then publish it.")
        problems = check(row.draft)
        if problems:
            raise CheckFailed(problems)
        if refused := review_needed(tx, row):
            raise ActionRefused(refused)
        number = automations.publish(tx, automation_id, row.draft, user_id, note)
        audit.record(
            tx,
            workspace,
            f"user:{user_id}" if user_id else "system",
            "automation.published",
            f"automation:{automation_id}",
            version=number,
        )
        live.publish(tx, workspace, "automation", automation=automation_id)
    return number


def review_needed(tx: Session, row: Editable) -> str:
    """Why the draft may not be published yet, where the automation asks for a review; '' when it may."""
    if not row.needs_review or row.live_version is None:
        return ""
    newest = backtests.newest_done(tx, row.id)
    if newest is None or newest.draft != row.draft or newest.live_version != row.live_version:
        return "This automation asks for a comparison with past conversations before it is published. Run one with this draft."
    if newest.worse_open:
        told = "1 conversation was" if newest.worse_open == 1 else f"{newest.worse_open} conversations were"
        return f"{told} answered worse than now, and nobody has looked at that yet. Review them first."
    return ""
