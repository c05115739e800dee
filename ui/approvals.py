"""Texts that automations put before people: approve, change, or refuse. Nothing is shown where nothing waits."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import streamlit as st

from db import views
from db.views import ApprovalLine
from flows import approvals
from ui import links, parts, session, words
from ui.session import Here
from ui.text import plain

SHOWN = "approvals:shown"


def waiting(me: Here) -> None:
    with me.read() as tx:
        lines = {line.run_id: line for line in views.approval_list(tx)}
    with parts.slot("approvals"):
        if lines:
            st.subheader("Waiting for approval")
        for run in _in_place(list(lines)):
            with st.container():
                if run in lines:
                    _card(me, lines[run])


def _in_place(runs: list[UUID]) -> list[UUID]:
    """The runs with those that were shown above them: what somebody edits stays where it is when another one is decided."""
    shown = st.session_state.get(SHOWN, []) if runs else []
    st.session_state[SHOWN] = [*shown, *(run for run in runs if run not in shown)]
    return list(st.session_state[SHOWN])


def _card(me: Here, line: ApprovalLine) -> None:
    now = datetime.now(UTC)
    with st.container(border=True, key=f"approval:{line.run_id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(line.title)}**", width="content")
            if line.channel:
                icon = f":material/{words.CHANNEL_ICONS[line.channel]}:"
                st.badge(words.CHANNELS.get(line.channel, line.channel), color="gray", icon=icon)
            st.caption(f"waiting {words.ago(line.since, now)}", width="stretch", text_alignment="right")
        st.caption(_about(me, line))
        if line.pen_moved:
            st.warning("This conversation changed hands since: what the automation would send now is not sent.")
        if me.may("reply"):
            _decide(line)
        else:
            st.markdown(f"> {plain(line.text)}")
            st.caption(":material/lock: Your role may look at it; a colleague who answers customers decides.")
        with st.container(horizontal=True):
            if line.conversation_id:
                links.to_conversation(line.conversation_id)
            links.to_run(line.run_id)


def _about(me: Here, line: ApprovalLine) -> str:
    who = plain(line.contact_name or line.contact_phone or "Nobody in particular")
    until = words.minute(line.until, me.workspace.timezone)
    return f"For {who} · {plain(line.automation_name)}, version {line.version} · if nobody decides, it goes on {until}"


def _decide(line: ApprovalLine) -> None:
    """One key per asking: the next time the same run asks, the fields are fresh."""
    key = f"{line.run_id}:{line.step_id}:{line.since.timestamp()}"
    text = st.text_area("The text", line.text, key=f"approval_text:{key}", help="Change it here before you approve.")
    note = st.text_input("A note (optional)", key=f"approval_note:{key}", placeholder="Later steps can use it.")
    changed = text.strip() != line.text
    with st.container(horizontal=True):
        st.button(
            "Approve with changes" if changed else "Approve",
            type="primary",
            icon=":material/check:",
            key=f"approve:{key}",
            disabled=not text.strip(),
            on_click=_act,
            args=(line.run_id, True, text if changed else "", note),
        )
        st.button(
            "Refuse",
            icon=":material/block:",
            key=f"refuse:{key}",
            on_click=_act,
            args=(line.run_id, False, "", note),
        )


def _act(run: UUID, approved: bool, text: str, note: str) -> None:
    session.act(
        "reply",
        lambda me: approvals.decide(me.workspace.id, me.user.id, run, approved, text, note),
        done="Approved. The automation goes on." if approved else "Refused. The automation goes on without it.",
    )
