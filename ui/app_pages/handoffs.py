"""Handoffs: texts that wait for approval, customers who wait for a person, and what became of the earlier ones."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import streamlit as st

from db import views
from db.views import HandoffLine
from flows import actions
from ui import approvals, links, parts, session, words
from ui.session import Here
from ui.text import plain

PAST = 30


@st.fragment
def handoffs() -> None:
    me = session.here()
    parts.live(me.workspace.id, "handoff", "conversation", "approval", key="live_handoffs")
    with me.read() as tx:
        waiting = views.handoff_list(tx, ["pending"])
        assigned = views.handoff_list(tx, ["assigned"])
        past = views.handoff_list(tx, ["resolved"], limit=PAST)
    approvals.waiting(me)
    st.subheader("Waiting for a person")
    if not waiting:
        parts.empty(
            "Nobody is waiting",
            "When the AI or a customer asks for a person, the request appears here at once.",
            "task_alt",
        )
    for line in waiting:
        _card(me, line)
    if assigned:
        st.subheader("In good hands")
        for line in assigned:
            _card(me, line)
    if past:
        with st.expander(f"Resolved ({len(past)}{'+' if len(past) == PAST else ''})"):
            for line in past:
                _past(me, line)


def _card(me: Here, line: HandoffLine) -> None:
    now = datetime.now(UTC)
    with st.container(border=True, key=f"handoff:{line.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(line.contact_name or line.contact_phone or 'Visitor')}**", width="content")
            st.badge(
                words.CHANNELS.get(line.channel, line.channel),
                color="gray",
                icon=f":material/{words.CHANNEL_ICONS[line.channel]}:",
            )
            priority, tone = words.PRIORITIES[line.priority]
            if priority:
                st.badge(priority, color="red" if tone == "bad" else "orange" if tone == "warn" else "gray")
            st.caption(_since(line, now), width="stretch", text_alignment="right")
        st.markdown(f"**{words.REASONS.get(line.reason_code, 'Other')}.** {plain(line.reason)}")
        if line.summary:
            st.markdown(plain(line.summary))
        if line.preview:
            st.caption(f"Last message: {plain(line.preview)}")
        _buttons(me, line)


def _since(line: HandoffLine, now: datetime) -> str:
    if line.state == "assigned":
        return (
            f"{plain(line.assignee_name or 'A colleague')}, since {words.ago(line.assigned_at or line.created_at, now)}"
        )
    return f"waiting {words.ago(line.created_at, now)}"


def _buttons(me: Here, line: HandoffLine) -> None:
    with st.container(horizontal=True):
        if me.may("reply") and line.assignee_id != me.user.id:
            st.button(
                "Assign to me",
                type="primary",
                icon=":material/front_hand:",
                key=f"mine:{line.id}",
                on_click=_assign,
                args=(line.id,),
            )
        links.to_conversation(line.conversation_id)
        if me.may("reply"):
            _resolve(line)


def _resolve(line: HandoffLine) -> None:
    with st.popover("Resolve", icon=":material/task_alt:", key=f"resolve:{line.id}"):
        text = st.text_area(
            "What was the outcome? (optional)",
            key=f"text:{line.id}",
            placeholder="The AI reads this when it answers again.",
        )
        back = st.toggle("Give the conversation back to the AI", value=True, key=f"back:{line.id}")
        st.button("Resolve", type="primary", key=f"done:{line.id}", on_click=_settle, args=(line.id, text, back))


def _past(me: Here, line: HandoffLine) -> None:
    who = plain(line.contact_name or line.contact_phone or "Visitor")
    when = words.local(line.resolved_at or line.created_at, me.workspace.timezone)
    by = f" by {plain(line.assignee_name)}" if line.assignee_name else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{who}** · {words.REASONS.get(line.reason_code, 'Other')}  \n"
            f":small[:gray[Resolved {when}{by}. {plain(line.resolution)}]]",
            width="stretch",
        )
        links.to_conversation(line.conversation_id, "Open")


def _assign(handoff: UUID) -> None:
    session.act(
        "reply",
        lambda me: actions.assign_handoff(me.workspace.id, handoff, me.user.id, f"user:{me.user.id}"),
        done="The conversation is yours.",
    )


def _settle(handoff: UUID, resolution: str, give_back: bool) -> None:
    session.act(
        "reply",
        lambda me: actions.resolve_handoff(me.workspace.id, handoff, f"user:{me.user.id}", resolution, give_back),
        done="Resolved.",
    )


handoffs()
