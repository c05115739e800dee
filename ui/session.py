"""The person at this page: who it is, in which workspace, and what the role allows.

Pages ask `here(permission)` before they draw, and do everything through `act`, which asks again at the moment of the click:
a page that was drawn for an admin does nothing for somebody who is no admin any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import streamlit as st
from sqlmodel import Session

from db import roles
from db.engine import read_only
from db.records import Membership, User, Workspace
from db.roles import Permission
from flows.actions import ActionRefused
from ui import cookies, parts, passing, seat

T = TypeVar("T")


@dataclass(frozen=True)
class Here:
    """A signed-in person in one workspace."""

    user: User
    workspace: Workspace
    role: str
    memberships: tuple[Membership, ...]

    def may(self, what: Permission) -> bool:
        return roles.may(self.role, what)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees this workspace only and cannot write."""
        with read_only(self.workspace.id) as tx:
            yield tx


def here(what: Permission = "read") -> Here:
    """Who looks at this page. Stops the page with a plain sentence where the session ended or the role does not allow it."""
    found = _find()
    if not found.may(what):
        st.warning(
            f"Your role in {found.workspace.name} is {found.role}. This page needs more; an admin can change your role."
        )
        st.stop()
    passing.announce()
    return found


def act(what: Permission, action: Callable[[Here], T], *, done: str = "") -> T | None:
    """Do something as the signed-in person: the role is checked now, a refusal is shown, None means that nothing was done."""
    found = _find()
    if not found.may(what):
        passing.say(f"Your role ({found.role}) does not allow this.", "lock")
        return None
    try:
        result = action(found)
    except ActionRefused as refusal:
        passing.say(str(refusal), "error")
        return None
    if done:
        passing.say(done)
    return result


def token() -> str:
    return st.context.cookies.get(cookies.SESSION, "")


def switch_workspace(workspace: UUID) -> None:
    seat.choose(token(), workspace)


def sign_out() -> None:
    seat.leave(token())


def _find() -> Here:
    signed_in = seat.who(token())
    if signed_in is None:
        parts.go("/auth/sign-in")
        st.info("You are signed out.")
        st.link_button("Sign in", "/auth/sign-in")
        st.stop()
    if signed_in.workspace is None:
        st.info("You are not a member of any workspace yet. Ask an admin to add you.")
        st.stop()
    return Here(signed_in.user, signed_in.workspace, signed_in.role, signed_in.memberships)
