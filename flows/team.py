"""What an admin does with colleagues: invite, give another role, remove. One admin always remains."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlmodel import Session

from db import audit, live, users
from db.engine import one, rows, run, system
from db.records import Role
from db.roles import may
from flows.actions import ActionRefused

ROLES: tuple[Role, ...] = ("agent", "viewer", "builder", "admin")
INVITED_HOURS = 72
LAST_ADMIN = "A workspace needs an admin, and there is no other one. Make somebody else an admin first."


def invite(workspace: UUID, by: UUID, email: str, name: str, role: Role) -> str:
    """Make somebody a member; returns the path that signs the person in once, within three days.

    '' for somebody who works in another workspace too: that account is not ours to open, so its owner signs in as usual.
    Somebody who is a member with this role already gets a new link.
    """
    if "@" not in email:
        raise ActionRefused("Write an e-mail address, for example ana@example.com.")
    with system() as tx:
        _one_at_a_time(tx, workspace)
        user = users.by_email(tx, email) or users.create(tx, email, name.strip() or email.partition("@")[0])
        present = _role(tx, workspace, user.id)
        if present not in (None, role):
            raise ActionRefused(f"{user.name} is a member already, as {present}. Change the role in the list.")
        users.add_member(tx, workspace, user.id, role)
        audit.record(tx, workspace, f"user:{by}", "member.added", f"user:{user.id}", role=role)
        if _works_elsewhere(tx, workspace, user.id):
            return ""
        return f"/auth/link/{users.make_sign_in_link(tx, user.id, datetime.now(UTC), INVITED_HOURS)}"


def change_role(workspace: UUID, by: UUID, user: UUID, role: Role) -> None:
    """Give a member another role; who may not answer any more lets go of what waits for an answer.

    Raises ActionRefused for the last admin, and for somebody who is no member.
    """
    with system() as tx:
        _one_at_a_time(tx, workspace)
        _may_lose_role(tx, workspace, user, role)
        users.add_member(tx, workspace, user, role)
        held = 0 if may(role, "reply") else _let_go(tx, workspace, user)
        audit.record(tx, workspace, f"user:{by}", "member.changed", f"user:{user}", role=role, conversations=held)


def remove(workspace: UUID, by: UUID, user: UUID) -> None:
    """End a membership. What the person held waits for a colleague again. Raises ActionRefused for the last admin."""
    with system() as tx:
        _one_at_a_time(tx, workspace)
        _may_lose_role(tx, workspace, user, None)
        held = _let_go(tx, workspace, user)
        run(tx, "DELETE FROM memberships WHERE workspace_id = %(w)s AND user_id = %(u)s", w=workspace, u=user)
        audit.record(tx, workspace, f"user:{by}", "member.removed", f"user:{user}", conversations=held)


def _one_at_a_time(tx: Session, workspace: UUID) -> None:
    """Two admins who take each other's role at the same moment must not both succeed."""
    run(tx, "SELECT pg_advisory_xact_lock(hashtextextended('members:' || %(workspace)s, 0))", workspace=str(workspace))


def _may_lose_role(tx: Session, workspace: UUID, user: UUID, role: Role | None) -> None:
    present = _role(tx, workspace, user)
    if present is None:
        raise ActionRefused("This person is not a member of the workspace any more.")
    if present == "admin" and role != "admin" and not _has_another_admin(tx, workspace, user):
        raise ActionRefused(LAST_ADMIN)


def _role(tx: Session, workspace: UUID, user: UUID) -> Role | None:
    found = one(tx, "SELECT role FROM memberships WHERE workspace_id = %(w)s AND user_id = %(u)s", w=workspace, u=user)
    return found["role"] if found else None


def _has_another_admin(tx: Session, workspace: UUID, user: UUID) -> bool:
    members = "SELECT 1 FROM memberships WHERE workspace_id = %(w)s AND role = 'admin' AND user_id <> %(u)s LIMIT 1"
    return one(tx, members, w=workspace, u=user) is not None


def _works_elsewhere(tx: Session, workspace: UUID, user: UUID) -> bool:
    members = "SELECT 1 FROM memberships WHERE user_id = %(u)s AND workspace_id <> %(w)s LIMIT 1"
    return one(tx, members, w=workspace, u=user) is not None


def _let_go(tx: Session, workspace: UUID, user: UUID) -> int:
    """Conversations and open requests of the person have nobody now, and stay with people; returns how many conversations."""
    let_go = rows(
        tx,
        "UPDATE conversations SET assignee_id = NULL WHERE workspace_id = %(w)s AND assignee_id = %(u)s RETURNING id",
        w=workspace,
        u=user,
    )
    run(
        tx,
        """UPDATE handoffs SET state = 'pending', assignee_id = NULL, assigned_at = NULL
           WHERE workspace_id = %(w)s AND assignee_id = %(u)s AND state = 'assigned'""",
        w=workspace,
        u=user,
    )
    for row in let_go:
        live.publish(tx, workspace, "conversation", conversation=row["id"])
    if let_go:
        live.publish(tx, workspace, "handoff")
    return len(let_go)
