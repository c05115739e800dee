"""Why nothing happened with a message: every automation and limit on its way, as lines, with the first reason on top."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from db import views
from flows.why import Reason, first_reason, why
from ui import links, words
from ui.session import Here
from ui.text import plain

MARKS = {"stop": ":material/block:", "went": ":material/play_circle:", "info": ":material/info:"}


def panel(me: Here, message_id: UUID) -> None:
    with me.read() as tx:
        reasons = why(tx, message_id)
    if not reasons:
        st.info("This message does not exist in this workspace any more.")
        return
    if reason := first_reason(reasons):
        st.markdown(f"**{plain(reason)}**")
    linked: set[UUID] = set()
    for line in reasons:
        _line(line, linked)


@st.dialog("What happened with this message?", width="medium")
def dialog(me: Here, message_id: UUID, text: str) -> None:
    st.markdown(f"> {plain(text) or 'No text'}")
    panel(me, message_id)


def parked(me: Here) -> None:
    """Arrivals that became no message at all; nothing where there is none."""
    with me.read() as tx:
        events = views.parked_events(tx, limit=20)
    for event in events:
        with st.container(border=True):
            st.markdown(f":material/block: **{plain(event.connection_name)}** · an arrival could not be taken in")
            st.markdown(f"It was tried {event.attempts} times. {plain(event.note)}")
            st.caption(words.minute(event.received_at, me.workspace.timezone))


def _line(line: Reason, linked: set[UUID]) -> None:
    st.markdown(f"{MARKS[line.kind]} **{plain(line.title)}**  \n{plain(line.sentence)}")
    if line.run_id and line.run_id not in linked:
        linked.add(line.run_id)
        links.to_run(line.run_id)
