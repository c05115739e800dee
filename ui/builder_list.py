"""The list of automations: what each is for, whether it answers, what is wrong with it, and in which order they are asked."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import streamlit as st

from db import views
from db.views import AutomationLine
from flows import drafts
from flows.actions import ActionRefused
from flows.drafts import Draft
from ui import builder_steps, parts, place, session, words
from ui.session import Here
from ui.text import plain

LOCKED = ":material/lock: Your role may look at automations but not change them."
ORDER = "They are asked from top to bottom; the first that fits a message answers it."


def draw(me: Here) -> None:
    with me.read() as tx:
        lines = views.automation_list(tx)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Automations", width="stretch")
        if me.may("build") and lines:
            st.button("New automation", icon=":material/add:", type="primary", on_click=_new)
    if not lines:
        _none(me)
        return
    told = [LOCKED] if not me.may("build") else []
    if len(lines) > 1:
        told.append(ORDER)
    if told:
        st.caption(" ".join(told))
    ids = [line.id for line in lines]
    for number, line in enumerate(lines):
        _card(me, line, ids, number)


def _none(me: Here) -> None:
    parts.empty(
        "No automation yet",
        "Without one nothing is answered automatically: every message waits for a person.",
        "account_tree",
    )
    if not me.may("build"):
        st.caption("A colleague whose role is builder or admin can make the first one.")
        return
    with st.container(horizontal=True, horizontal_alignment="center"):
        st.button("New automation", icon=":material/add:", type="primary", on_click=_new)


def status(line: AutomationLine) -> tuple[str, str]:
    """Whether an automation answers, in words, with the colour of its badge."""
    if line.live_version is None:
        return "Never published", "orange"
    return (f"Live, version {line.live_version}", "green") if line.enabled else ("Switched off", "gray")


def _card(me: Here, line: AutomationLine, ids: list[UUID], number: int) -> None:
    draft = _draft(me, line)
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"automation:{line.id}"):
        with st.container(width="stretch", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(f"**{plain(line.name)}**", key=f"open:{line.id}", type="tertiary", icon=f":material/{_icon(draft)}:", on_click=_open, args=(line.id,))  # fmt: skip
                text, colour = status(line)
                st.badge(text, color=colour)  # type: ignore[arg-type]
                _problems(draft)
            st.markdown(f":small[{plain(line.description)}]" if line.description else ":small[:gray[No description]]")
            st.caption(f"{_size(draft)}{_last(line)}")
        if me.may("build"):
            _controls(line, ids, number)


def _draft(me: Here, line: AutomationLine) -> Draft | None:
    """None where it was deleted a moment ago."""
    try:
        return drafts.load(me.workspace.id, line.id)
    except ActionRefused:
        return None


def _icon(draft: Draft | None) -> str:
    """That of what starts it."""
    spec = builder_steps.spec_of(draft.document.steps[0].node) if draft and draft.document.steps else None
    return spec.icon if spec else "account_tree"


def _size(draft: Draft | None) -> str:
    steps = len(draft.document.steps) if draft else 0
    return f"{steps} {'step' if steps == 1 else 'steps'} · "


def _problems(draft: Draft | None) -> None:
    """How many problems the draft has; said only where it has some."""
    if wrong := len(draft.problems) if draft else 0:
        st.badge(
            f"{wrong} {'problem' if wrong == 1 else 'problems'} in the draft", color="red", icon=":material/error:"
        )


def _last(line: AutomationLine) -> str:
    if line.last_run_at is None:
        return "has not run yet"
    label, tone = words.RUN_STATES.get(line.last_run_state or "", ("", ""))
    told = f":red[{label.lower()}]" if tone == "bad" else label.lower()
    return f"last run {words.ago(line.last_run_at, datetime.now(UTC))} ago: {told}"


def _controls(line: AutomationLine, ids: list[UUID], number: int) -> None:
    key = f"on:{line.id}:{line.enabled}"
    st.toggle(
        "On", value=line.enabled, key=key, disabled=line.live_version is None, on_change=_switch, args=(line.id, key, line.enabled),
        help=None if line.live_version else "Publish it first.",
    )  # fmt: skip
    with st.popover("More", icon=":material/more_horiz:", key=f"more:{line.id}"):
        if number > 0:
            st.button("Ask earlier", key=f"up:{line.id}", icon=":material/arrow_upward:", on_click=_move, args=(ids, number, -1))  # fmt: skip
        if number < len(ids) - 1:
            st.button("Ask later", key=f"down:{line.id}", icon=":material/arrow_downward:", on_click=_move, args=(ids, number, 1))  # fmt: skip
        st.button("Make a copy", key=f"copy:{line.id}", icon=":material/content_copy:", on_click=copy, args=(line.id,))
        sure = st.checkbox("I want to delete it with its versions and runs", key=f"sure:{line.id}")
        st.button("Delete", key=f"delete:{line.id}", icon=":material/delete:", disabled=not sure, on_click=_delete, args=(line.id,))  # fmt: skip


def copy(automation: UUID) -> None:
    """Copy an automation and open the copy."""
    made = session.act(
        "build", lambda me: drafts.copy(me.workspace.id, me.user.id, automation), done="This is the copy."
    )
    if made is not None:
        _open(made)


def _new() -> None:
    place.go(new="1")


def _open(automation: UUID) -> None:
    place.go(id=str(automation))


def _switch(automation: UUID, key: str, was: bool) -> None:
    on = bool(st.session_state[key])
    if on == was:
        return  # a widget that left the page a moment ago reports once more what it showed: see builder_widget
    session.act(
        "build",
        lambda me: drafts.set_enabled(me.workspace.id, me.user.id, automation, on),
        done="It is switched on." if on else "It is switched off. What is under way goes on.",
    )


def _move(ids: list[UUID], number: int, by: int) -> None:
    order = list(ids)
    order[number], order[number + by] = order[number + by], order[number]
    session.act("build", lambda me: drafts.set_priorities(me.workspace.id, me.user.id, order))


def _delete(automation: UUID) -> None:
    session.act("build", lambda me: drafts.delete(me.workspace.id, me.user.id, automation), done="It is deleted.")
