"""The head of a conversation: who it is, who answers, and the buttons that move the pen."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import streamlit as st

from db import users
from db.records import Member
from db.views import ConversationDetail
from flows import actions, crm
from ui import forget, parts, session, words
from ui.session import Here
from ui.text import plain

_COLOURS: dict[str, Literal["green", "orange", "blue"]] = {"good": "green", "warn": "orange", "info": "blue"}


def header(me: Here, conversation: ConversationDetail) -> None:
    chip = words.owner_chip(
        conversation.owner, conversation.ai_enabled, conversation.handoff_state, conversation.assignee_name
    )
    with st.container(horizontal=True, vertical_alignment="center", key="facts"):
        st.markdown(
            f"**{plain(conversation.contact_name or 'Visitor')}**  \n:small[:gray[{_facts(conversation)}]]",
            width="stretch",
        )
        st.badge(chip["text"], color=_COLOURS.get(chip["tone"], "gray"))
        if me.may("reply"):
            _buttons(me, conversation)


def request(conversation: ConversationDetail) -> None:
    """The open request for a person, where it still waits."""
    with parts.slot("request"):
        if conversation.handoff_state == "pending":
            _request(conversation)


def _request(conversation: ConversationDetail) -> None:
    reason = words.REASONS.get(conversation.handoff_reason_code or "", "Asked for a person")
    told = " ".join(part for part in (conversation.handoff_reason, conversation.handoff_summary) if part)
    st.warning(f"**{reason}.** {plain(told)}", icon=":material/support_agent:")


def _buttons(me: Here, conversation: ConversationDetail) -> None:
    id = conversation.id
    if conversation.owner == "ai" or conversation.assignee_id != me.user.id:
        st.button(
            "Take over", type="primary", icon=":material/front_hand:", key=f"take:{id}", on_click=_take_over, args=(id,)
        )
    if conversation.owner == "human":
        _give_back(conversation)
    with st.popover("More", icon=":material/more_horiz:", key=f"more:{id}"):
        _switch(conversation)
        if crm.standing(me.workspace.id).state != "none":
            _copy_switch(conversation)
        _hand_on(me, conversation)
        if me.may("admin"):
            forget.offer(conversation)


def _give_back(conversation: ConversationDetail) -> None:
    with st.popover("Give back", icon=":material/smart_toy:", key=f"back:{conversation.id}"):
        st.markdown("**Let the AI answer again**")
        note = st.text_input(
            "What should the AI know? (optional)",
            key=f"note:{conversation.id}",
            placeholder="For example: refund agreed, he picks the bike up on Friday",
        )
        st.button(
            "Give back to the AI",
            type="primary",
            key=f"give:{conversation.id}",
            on_click=_hand_back,
            args=(conversation.id, note),
        )


def _switch(conversation: ConversationDetail) -> None:
    key = f"ai:{conversation.id}"
    st.session_state[key] = conversation.ai_enabled  # the row is right, also when a colleague changed it
    st.toggle("The AI may answer here", key=key, on_change=_set_ai, args=(conversation.id, not conversation.ai_enabled))


def _copy_switch(conversation: ConversationDetail) -> None:
    key = f"crm:{conversation.id}"
    st.session_state[key] = conversation.ghl_sync
    st.toggle("Copy to GoHighLevel", key=key, on_change=_set_copy, args=(conversation.id, not conversation.ghl_sync))


def _hand_on(me: Here, conversation: ConversationDetail) -> None:
    with me.read() as tx:
        others = [
            m
            for m in users.members(tx)
            if m.user.id != conversation.assignee_id and m.user.id != me.user.id and m.role != "viewer"
        ]
    if not others:
        return
    chosen = st.selectbox(
        "Hand to a colleague", others, format_func=_named, index=None, placeholder="Choose", key=f"to:{conversation.id}"
    )
    if chosen is not None:
        st.button(
            f"Hand to {chosen.user.name}",
            key=f"hand:{conversation.id}",
            on_click=_hand_to,
            args=(conversation.id, chosen.user.id),
        )


def _take_over(conversation: UUID) -> None:
    session.act(
        "reply",
        lambda me: actions.take_over(me.workspace.id, conversation, me.user.id),
        done="You have the conversation.",
    )


def _hand_to(conversation: UUID, user: UUID) -> None:
    session.act("reply", lambda me: actions.take_over(me.workspace.id, conversation, user), done="Handed over.")


def _hand_back(conversation: UUID, note: str) -> None:
    session.act(
        "reply",
        lambda me: actions.give_back(me.workspace.id, conversation, me.user.id, note),
        done="The AI answers again.",
    )


def _set_ai(conversation: UUID, enabled: bool) -> None:
    session.act("reply", lambda me: actions.set_ai(me.workspace.id, conversation, me.user.id, enabled))


def _set_copy(conversation: UUID, enabled: bool) -> None:
    session.act("reply", lambda me: actions.set_crm_copy(me.workspace.id, conversation, me.user.id, enabled))


def _facts(conversation: ConversationDetail) -> str:
    told = [
        words.CHANNELS.get(conversation.channel, conversation.channel),
        conversation.contact_phone,
        conversation.contact_email,
    ]
    if conversation.opted_out_at is not None:
        told.append("wants no automatic messages")
    return " · ".join(plain(part) for part in told if part)


def _named(member: Member) -> str:
    return member.user.name
