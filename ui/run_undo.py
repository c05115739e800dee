"""What a run changed in the CRM, and taking it back: looked at first, done once, each change by itself."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from db.views import RunDetail
from flows import undo
from flows.undo import Undoable
from nodes.effects import CRM_KINDS
from ui import effect_words, pickers, session
from ui.session import Here
from ui.text import plain

MARKS = {
    "open": ":material/undo:",
    "changed": ":material/block:",
    "asked": ":material/hourglass_top:",
    "done": ":material/check:",
    "refused": ":material/error:",
}
STATES = {
    "changed": "Stays as it is. {reason}",
    "asked": "Is being taken back. {reason}",
    "done": "Taken back. {reason}",
    "refused": "Not taken back. {reason}",
    "open": "{reason}",
}


def panel(me: Here, run: RunDetail) -> None:
    """Nothing where the run changed nothing in the CRM."""
    if not any(line.effect.get("kind") in CRM_KINDS and line.state == "done" for line in run.outbox):
        return
    with me.read() as tx:
        changes = undo.changes(tx, run.id)
    if not changes:
        return
    names = names_of(me)
    begun = any(change.state in ("asked", "done", "refused") for change in changes)
    with st.expander(
        "What it changed in the CRM",
        icon=":material/history_edu:",
        expanded=begun or f"undo_seen:{run.id}" in st.session_state,
    ):
        for change in changes:
            _changed(change, names)
        if any(change.state == "open" for change in changes):
            _ask(me, run.id, names)
        elif not any(change.state == "asked" for change in changes):
            st.caption("This run was undone. What could not be taken back says why.")


def names_of(me: Here) -> effect_words.Names:
    """Names of stages, as the CRM has them."""
    known = {each.value: each.label for each in pickers.options(me.workspace.id, "stage", {}) or ()}
    return lambda id: known.get(id, "")


def _changed(change: Undoable, names: effect_words.Names) -> None:
    lines = effect_words.changed(change.effect, change.before, change.after, names)
    text = "  \n".join(plain(line) for line in lines)
    if change.state != "open":
        text += f"  \n:small[:gray[{MARKS[change.state]} {plain(STATES[change.state].format(reason=change.reason).strip())}]]"
    st.markdown(text)


def _ask(me: Here, run: UUID, names: effect_words.Names) -> None:
    """First what can be undone now, then the button that does it."""
    if not me.may("build"):
        st.caption("A builder or an admin can undo this.")
        return
    key = f"undo_seen:{run}"
    seen: list[Undoable] | None = st.session_state.get(key)
    if seen is None:
        st.button("Undo…", key=f"undo:{run}", icon=":material/undo:", on_click=_look, args=(run, key))
        return
    st.markdown("**Undoing does this:**")
    for change in seen:
        _shown(change, names)
    if not any(change.state == "open" for change in seen):
        st.info("There is nothing left that can be undone.")
        return
    with st.container(horizontal=True):
        st.button(
            "Undo these",
            type="primary",
            icon=":material/undo:",
            key=f"undo_now:{run}",
            on_click=_undo,
            args=(run, key),
        )
        st.button("Leave it", key=f"undo_not:{run}", on_click=st.session_state.pop, args=(key, None))


def _look(run: UUID, key: str) -> None:
    found = session.act("build", lambda me: undo.look(me.workspace.id, run))
    if found is not None:
        st.session_state[key] = found


def _undo(run: UUID, key: str) -> None:
    st.session_state.pop(key, None)
    session.act("build", lambda me: undo.undo(me.workspace.id, run, me.user.id))


def _shown(change: Undoable, names: effect_words.Names) -> None:
    """One change: what taking it back does, or why it stays."""
    lines = effect_words.back(change.effect, change.before, change.after, names)
    if change.state != "open":
        lines = effect_words.changed(change.effect, change.before, change.after, names)
    text = "  \n".join(plain(line) for line in lines)
    reason = STATES[change.state].format(reason=change.reason).strip()
    st.markdown(f"{MARKS[change.state]} {text}" + (f"  \n:small[:gray[{plain(reason)}]]" if reason else ""))
