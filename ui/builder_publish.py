"""The button that makes the draft the live version: what will change, a note, and what stands in the way."""

from __future__ import annotations

import streamlit as st

from db import views
from flows import history
from flows.actions import ActionRefused
from flows.automation import Automation
from flows.check import CheckFailed, Problem
from flows.drafts import Draft
from flows.publish import publish
from ui import builder_form, builder_steps, passing, session
from ui.builder_desk import Desk
from ui.session import Here
from ui.text import plain

SHOWN = 12


def button(me: Here, desk: Desk, draft: Draft, problems: list[Problem]) -> None:
    opened = st.popover(
        "Publish", icon=":material/rocket_launch:", type="primary", disabled=desk.conflict is not None,
        key=f"publish:{desk.automation}:{draft.live_version}", on_change="rerun",
    )  # fmt: skip
    if not opened.open:
        return
    with opened:
        if problems or not desk.document.steps:
            _wrong(desk, problems)
        else:
            _ready(me, desk, draft)


def _wrong(desk: Desk, problems: list[Problem]) -> None:
    titles = {step.id: builder_steps.title_of(step) for step in desk.document.steps}
    st.markdown("**Not yet: these things are open**")
    lines = [f"- **{plain(titles.get(p.step, 'The automation'))}**: {plain(builder_form.told(p))}" for p in problems]
    st.markdown("\n".join(lines[:SHOWN]) or "- Choose what starts it, and add a step.")


def _ready(me: Here, desk: Desk, draft: Draft) -> None:
    with me.read() as tx:
        found = views.automation(tx, desk.automation)
    live = Automation.model_validate(found.document) if found and found.document else None
    changes = history.diff(live, desk.document) if live else []
    if live is None:
        st.markdown("**The first version.** From then on it answers, unless it is switched off in the list.")
    elif not changes:
        st.markdown(f"Nothing differs from version {draft.live_version}, which is live.")
        return
    else:
        st.markdown(f"**Changes since version {draft.live_version}**")
        st.markdown("\n".join(f"- {plain(change.sentence)}" for change in changes[:SHOWN]))
    note = st.text_input("Note (optional)", key=desk.key("note"), max_chars=200, placeholder="What is new and why")
    st.caption("Runs that are under way end with the version they began with.")
    st.button("Publish now", type="primary", icon=":material/check:", key=desk.key("publish_now"), on_click=_publish, args=(desk, note))  # fmt: skip


def _publish(desk: Desk, note: str) -> None:
    number = session.act("build", lambda me: _published(me, desk, note))
    if number is not None:
        passing.say(f"Version {number} is live.")


def _published(me: Here, desk: Desk, note: str) -> int:
    try:
        return publish(me.workspace.id, desk.automation, me.user.id, note.strip(), seen_revision=desk.revision)
    except CheckFailed as refusal:
        raise ActionRefused(str(refusal.problems[0])) from refusal
