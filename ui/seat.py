"""Who a session token stands for: asked of the database each time, so that a changed role or an ended session holds at once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from db import users
from db.engine import system
from db.records import SignedIn


def who(token: str) -> SignedIn | None:
    """The person behind a token, with the workspace chosen last; None where the session ended."""
    if not token:
        return None
    with system() as tx:
        return users.session(tx, token, datetime.now(UTC))


def is_signed_in(token: str) -> bool:
    return who(token) is not None


def may_see(token: str, workspace: UUID) -> bool:
    """Whether the person is (still) a member of the workspace."""
    signed_in = who(token)
    return signed_in is not None and any(membership.workspace.id == workspace for membership in signed_in.memberships)


def choose(token: str, workspace: UUID) -> bool:
    """Show this workspace from now on; False where the person is no member of it."""
    with system() as tx:
        return users.choose_workspace(tx, token, workspace)


def leave(token: str) -> None:
    """End the session."""
    with system() as tx:
        users.sign_out(tx, token)
