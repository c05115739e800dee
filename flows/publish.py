"""Make a draft the live version. Only an automation without a problem gets through."""

from __future__ import annotations

from uuid import UUID

from db import audit, automations
from db.engine import transaction
from flows.check import CheckFailed, check


def publish(workspace: UUID, automation_id: UUID, user_id: UUID | None, note: str = "") -> int:
    """Publish the draft as the next version and return its number.

    What is under way keeps the version that it began with; every later event is handled by the new one.
    Raises CheckFailed with every problem, LookupError where the automation is not of this workspace.
    """
    with transaction(workspace) as tx:
        draft = automations.draft(tx, automation_id)
        if draft is None:
            raise LookupError("This automation does not exist in this workspace.")
        problems = check(draft)
        if problems:
            raise CheckFailed(problems)
        number = automations.publish(tx, automation_id, draft, user_id, note)
        audit.record(
            tx,
            workspace,
            f"user:{user_id}" if user_id else "system",
            "automation.published",
            f"automation:{automation_id}",
            version=number,
        )
    return number
