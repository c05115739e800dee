"""The draft in this window: as it was seen last, changed by one edit after the other, each kept in the database at once.

Where somebody else changed the draft meanwhile, nothing is overwritten: the person decides between the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import streamlit as st

from flows import drafts
from flows.actions import ActionRefused
from flows.automation import Automation
from flows.check import Problem, check
from flows.drafts import Draft, DraftConflict
from flows.editing import EditRefused
from ui import passing, place, session
from ui.session import Here

KEY = "desk"
UNDO_STEPS = 30


@dataclass
class Desk:
    """One automation, open in this window."""

    automation: UUID
    document: Automation
    revision: int
    selected: str = ""
    undo: list[Automation] = field(default_factory=list)
    redraw: int = 0  # part of every field's key: a new number gives all fields their values anew
    saved_at: datetime | None = None  # of the last change made in this window
    newer: Draft | None = None  # what somebody else saved since
    conflict: DraftConflict | None = None  # `document` is then ours, and is not in the database

    def key(self, *names: object) -> str:
        return ":".join(str(name) for name in ("b", self.automation, self.redraw, *names))


def open_draft(me: Here, automation: UUID) -> tuple[Desk, Draft] | None:
    """The desk of this window and the draft as it is now; None where there is no such automation."""
    try:
        draft = drafts.load(me.workspace.id, automation)
    except ActionRefused:
        return None
    desk = st.session_state.get(KEY)
    if not isinstance(desk, Desk) or desk.automation != automation:
        desk = st.session_state[KEY] = Desk(automation, draft.document, draft.revision)
    if draft.revision == desk.revision or desk.conflict is not None:
        desk.newer = None
    elif desk.saved_at is None:
        take(desk, draft)  # who only looks sees the newest
    else:
        desk.newer = draft
    return desk, draft


def here() -> Desk:
    """The desk, in a callback of one of its fields."""
    desk: Desk = st.session_state[KEY]
    return desk


def setting(step: str, name: str) -> Any:
    """A setting of a step as it is by now, in a callback; None where it is not set."""
    return next((each.config.get(name) for each in here().document.steps if each.id == step), None)


def take(desk: Desk, draft: Draft) -> None:
    """Go on with what is in the database."""
    desk.document, desk.revision, desk.saved_at = draft.document, draft.revision, None
    desk.newer = desk.conflict = None
    desk.undo.clear()
    desk.redraw += 1


def change(edit: Callable[[Automation], Automation], *, redraw: bool = False) -> bool:
    """Change the draft and keep it; whether that was done. For callbacks."""
    desk = here()
    if desk.conflict is not None:
        # The page says so already, with the two ways on; what was typed since is not shown as if it were kept.
        desk.redraw += 1
        return False
    try:
        changed = edit(desk.document)
    except EditRefused as refusal:
        passing.say(str(refusal), "error")
        desk.redraw += 1
        return False
    if changed == desk.document:
        return True
    before = desk.document
    done = session.act("build", lambda me: _keep(me, desk, changed)) is not None
    if done and desk.conflict is None:
        desk.undo = [*desk.undo, before][-UNDO_STEPS:]
    if redraw or not done:
        desk.redraw += 1
    return done


def undo() -> None:
    desk = here()
    if desk.undo:
        before = desk.undo.pop()
        kept = list(desk.undo)
        change(lambda _: before, redraw=True)
        desk.undo = kept


def load_theirs() -> None:
    me, desk = session.here(), here()
    take(desk, drafts.load(me.workspace.id, desk.automation))


def keep_mine() -> None:
    """Put our version of a draft that two people changed into an automation of its own, and open that."""
    desk = here()
    mine = desk.document
    name = f"{mine.name} (my version)"[:120]
    made = session.act(
        "build",
        lambda me: drafts.create(
            me.workspace.id, me.user.id, name=name, document=mine.model_copy(update={"name": name})
        ),
        done="Your version is a draft of its own now.",
    )
    if made is not None:
        place.go(id=str(made))


def _keep(me: Here, desk: Desk, changed: Automation) -> bool:
    try:
        saved = drafts.save(me.workspace.id, me.user.id, desk.automation, changed, desk.revision)
    except DraftConflict as conflict:
        desk.document, desk.conflict = changed, conflict
        return True
    desk.document, desk.revision, desk.saved_at = changed, saved.revision, datetime.now(UTC)
    return True


def problems(desk: Desk) -> list[Problem]:
    """What is wrong with the document of this window, where it is not the one in the database."""
    return check(desk.document)
