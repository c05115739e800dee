"""The moment after publishing: what is live now and since when, what becomes of what is under way, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import streamlit as st

from db import automations, connections
from flows import drafts, history
from flows.automation import Automation
from flows.drafts import Draft
from flows.history import VersionLine
from ui import builder_desk, health, links, session, words
from ui.builder_desk import Desk
from ui.session import Here
from ui.text import plain

KEY = "just_published"


@dataclass(frozen=True)
class Moment:
    """Somebody published this here, and has not put the news away yet."""

    automation: UUID
    version: int


def remember(automation: UUID, version: int) -> None:
    st.session_state[KEY] = Moment(automation, version)


def draw(me: Here, desk: Desk, draft: Draft) -> None:
    """Nothing where it was not published in this window, or another version is live since."""
    if st.session_state.get(KEY) != Moment(desk.automation, draft.live_version or 0):
        return
    with me.read() as tx:
        line = next(line for line in history.versions(tx, desk.automation) if line.number == draft.live_version)
        under_way = automations.open_runs(tx, desk.automation)
        chat = health.chat_address(connections.all_connections(tx))
    with st.container(border=True, key=KEY, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":green[:material/check_circle:] **{_title(draft)}**", width="stretch")
            st.button("Close", icon=":material/close:", type="tertiary", on_click=_close)
        st.markdown(f":small[{_since(me, line)} {_what_follows(draft, under_way)}]")
        _next(desk, draft, chat)


def _title(draft: Draft) -> str:
    if not draft.enabled:
        return f"Version {draft.live_version} is published, but the automation is switched off"
    return f"Version {draft.live_version} is live"


def _since(me: Here, line: VersionLine) -> str:
    return f"Since {words.minute(line.at, me.workspace.timezone)}{f', by {plain(line.by)}' if line.by else ''}."


def _what_follows(draft: Draft, under_way: int) -> str:
    if not draft.enabled:
        return "Nothing starts it until you switch it on."
    if not under_way:
        return "Whatever arrives from now on is handled by it. Nothing was under way."
    runs = "One run that is under way ends" if under_way == 1 else f"{under_way} runs that are under way end"
    return f"Whatever arrives from now on is handled by it. {runs} with the version they began with; nothing is lost or done twice."


def _next(desk: Desk, draft: Draft, chat: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if not draft.enabled:
            st.button("Switch it on", icon=":material/toggle_on:", type="primary", on_click=_switch_on)
            return
        if _hears_the_web_chat(desk.document):
            st.link_button("Try it in the web chat", chat, icon=":material/open_in_new:")
        links.to("runs", "Look at its runs", automation=str(desk.automation))


def _hears_the_web_chat(document: Automation) -> bool:
    first = document.steps[0]
    channels = first.config.get("channels")
    return first.node.startswith("message_received@") and (not channels or "webchat" in channels)


def _switch_on() -> None:
    desk = builder_desk.here()
    session.act("build", lambda me: drafts.set_enabled(me.workspace.id, me.user.id, desk.automation, True))


def _close() -> None:
    st.session_state.pop(KEY, None)
