"""One automation, open in the builder: its head, and the tabs to build, test, compare, and look at its versions."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from flows import editing
from flows.automation import Automation
from flows.check import Problem
from flows.drafts import Draft
from ui import (
    builder_backtest,
    builder_canvas,
    builder_desk,
    builder_form,
    builder_list,
    builder_publish,
    builder_published,
    builder_steps,
    builder_tabs,
    builder_test,
    builder_versions,
    frame,
    parts,
    place,
    words,
)
from ui.builder_desk import Desk
from ui.session import Here
from ui.text import plain


def draw(me: Here, automation: UUID) -> None:
    opened = builder_desk.open_draft(me, automation)
    if opened is None:
        st.warning("This automation does not exist in this workspace, or it was deleted.")
        st.button("All automations", icon=":material/arrow_back:", on_click=_back)
        return
    desk, draft = opened
    may_edit = me.may("build") and desk.conflict is None
    problems = draft.problems if draft.revision == desk.revision else builder_desk.problems(desk)
    _head(me, desk, draft, problems)
    with parts.slot("two_people"):
        _two_people(desk)
    with parts.slot("published"):
        builder_published.draw(me, desk, draft)
    build, test, backtest, versions = builder_tabs.draw(automation)
    if build.open:
        with build:
            _build(me, desk, problems, may_edit=may_edit)
    if test.open:
        with test:
            builder_test.draw(me, desk, problems)
    if backtest.open:
        with backtest:
            builder_backtest.draw(me, desk, draft)
    if versions.open:
        with versions:
            builder_versions.draw(me, desk, draft)


def _head(me: Here, desk: Desk, draft: Draft, problems: list[Problem]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="builder_head", gap="small"):
        st.button("All", icon=":material/arrow_back:", type="tertiary", on_click=_back, help="All automations")
        st.container(key="builder_name", width="content").markdown(f"**{plain(desk.document.name)}**", width="content")
        st.badge(*_state(draft))
        if desk.conflict is not None:
            st.markdown(":small[:red[:material/error: Not saved]]", width="stretch")
        else:
            st.caption(_saved(me, desk, draft), width="stretch")
        if me.may("build"):
            _rename(desk)
            st.button(
                "Undo", key="builder_undo", icon=":material/undo:", disabled=not desk.undo, on_click=builder_desk.undo
            )
            builder_publish.button(me, desk, draft, problems)
    if not me.may("build"):
        st.caption(builder_list.LOCKED)


def _state(draft: Draft) -> tuple[str]:
    if draft.live_version is None:
        return ("Never published",)
    return (f"Live: version {draft.live_version}" if draft.enabled else f"Version {draft.live_version}, switched off",)


def _saved(me: Here, desk: Desk, draft: Draft) -> str:
    if desk.saved_at is not None:
        return f":material/cloud_done: Saved {words.minute(desk.saved_at, me.workspace.timezone)}"
    by = f" by {plain(draft.updated_by)}" if draft.updated_by else ""
    return f"Changed {words.minute(draft.updated_at, me.workspace.timezone)}{by}"


def _rename(desk: Desk) -> None:
    with st.popover("Name", icon=":material/edit_note:", key="builder_rename"):
        name, text = desk.key("name"), desk.key("description")

        def put() -> None:
            builder_desk.change(
                lambda doc: editing.set_name(doc, st.session_state[name] or "", st.session_state[text] or "")
            )

        st.text_input("Name", value=desk.document.name, key=name, max_chars=120, on_change=put)
        st.text_area("What it is for", value=desk.document.description, key=text, height=90, on_change=put)


def _two_people(desk: Desk) -> None:
    """Somebody else works on the same draft: said plainly, and decided by the person."""
    if desk.conflict is not None:
        st.error(str(desk.conflict), icon=":material/group:")
        with st.container(horizontal=True):
            st.button("Load theirs", icon=":material/download:", on_click=builder_desk.load_theirs)
            st.button("Keep mine as a copy", icon=":material/content_copy:", on_click=builder_desk.keep_mine)
    elif desk.newer is not None:
        who = desk.newer.updated_by or "Somebody else"
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/group: **{plain(who)}** changed this draft too.", width="stretch")
            st.button("Show the newest", icon=":material/refresh:", on_click=builder_desk.load_theirs)


def _build(me: Here, desk: Desk, problems: list[Problem], *, may_edit: bool) -> None:
    with parts.slot("problems"):
        _summary(desk, problems)
    shown = ("pane_form",) if _selected(desk.document, desk.selected) else ("pane_steps", "pane_canvas")
    frame.show_on_phone(*shown, among=("pane_steps", "pane_form", "pane_canvas"))
    with st.container(key="builder_panes"):
        steps, form, diagram = st.columns([1.15, 1.25, 0.9], gap="medium")
    with steps, st.container(key="pane_steps"):
        builder_steps.draw(desk, problems, may_edit=may_edit)
    with form, st.container(key="pane_form"):
        if not desk.document.steps:
            _how_to_begin()
            return
        st.container(key="narrow_back").button(
            "All steps", icon=":material/arrow_back:", on_click=builder_canvas.select, args=("",)
        )
        builder_form.draw(me, desk, problems, may_edit=may_edit)
    with diagram, st.container(key="pane_canvas"):
        builder_canvas.draw(me, desk)


def _how_to_begin() -> None:
    parts.empty(
        "Choose what starts it", "Then add what it does, step by step. Nothing happens before you publish.", "bolt"
    )


def _selected(document: Automation, id: str) -> bool:
    return any(step.id == id for step in document.steps)


def _summary(desk: Desk, problems: list[Problem]) -> None:
    """All problems in one place; each leads to its step."""
    if not problems or not desk.document.steps:
        return
    titles = {step.id: builder_steps.title_of(step) for step in desk.document.steps}
    label = f"{len(problems)} {'thing' if len(problems) == 1 else 'things'} to finish before it can be published"
    with st.expander(label, icon=":material/error:", key="problems"):
        for number, problem in enumerate(problems[:20]):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain(titles.get(problem.step, 'The automation'))}**: {plain(builder_form.told(problem))}", width="stretch")  # fmt: skip
                if problem.step in titles:
                    st.button("Show", key=f"problem:{number}", on_click=builder_canvas.select, args=(problem.step,))


def _back() -> None:
    place.go()
