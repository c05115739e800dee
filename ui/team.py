"""Colleagues: inviting somebody by a one-time link, and their roles."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from db import audit, users
from db.engine import system
from db.records import Role
from flows.actions import ActionRefused

ROLES: tuple[Role, ...] = ("agent", "viewer", "builder", "admin")
ROLE_WORDS: dict[str, str] = {
    "viewer": "Viewer: reads everything",
    "agent": "Agent: also answers customers",
    "builder": "Builder: also changes automations and documents",
    "admin": "Admin: also people and connections",
}
INVITED_HOURS = 72


def described(role: Role) -> str:
    return ROLE_WORDS[role]


def invite(workspace: UUID, by: UUID, email: str, name: str, role: Role) -> str:
    """Make somebody a member; returns the address that signs the person in once, within three days.

    '' for somebody who works in another workspace too: that account is not ours to open, so its owner signs in as usual.
    """
    if "@" not in email:
        raise ActionRefused("Write an e-mail address, for example ana@example.com.")
    with system() as tx:
        user = users.by_email(tx, email) or users.create(tx, email, name.strip() or email.partition("@")[0])
        users.add_member(tx, workspace, user.id, role)
        audit.record(tx, workspace, f"user:{by}", "member.added", f"user:{user.id}", role=role)
        if any(member.user.id == user.id and member.workspace_id != workspace for member in users.members(tx)):
            return ""
        return f"/auth/link/{users.make_sign_in_link(tx, user.id, datetime.now(UTC), INVITED_HOURS)}"


def change_role(workspace: UUID, by: UUID, user: UUID, role: Role) -> None:
    """Give a member another role. Nobody takes the role of admin from himself, so one always remains."""
    if user == by and role != "admin":
        raise ActionRefused("You cannot take the role of admin from yourself. Ask another admin.")
    with system() as tx:
        users.add_member(tx, workspace, user, role)
        audit.record(tx, workspace, f"user:{by}", "member.changed", f"user:{user}", role=role)
