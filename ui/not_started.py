"""Messages that started nothing: what stood in the way, one card for each message."""

from __future__ import annotations

from itertools import groupby

import streamlit as st

from db import views
from db.views import DecisionLine
from ui import parts, why, words
from ui.session import Here
from ui.text import plain

READ = 200
SHOWN = 50


def draw(me: Here) -> None:
    with me.read() as tx:
        lines = [line for line in views.decision_list(tx, limit=READ) if not line.fired]
    why.parked(me)
    if not lines:
        parts.empty("Nothing was left out", "When a message starts no automation, the reason appears here.", "task_alt")
    cards = [list(group) for _, group in groupby(lines, key=lambda line: line.message_id or line.id)]
    for card in cards[:SHOWN]:
        _card(me, card)


def explained() -> None:
    """What stands beside the list."""
    parts.empty(
        "Why did nothing happen?",
        "Each message that an automation did not take is listed here, with the reason. "
        "“Every reason” shows all that was on its way.",
        "help",
    )


def _card(me: Here, lines: list[DecisionLine]) -> None:
    first = lines[0]
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(first.contact_name or 'Visitor')}**", width="stretch")
            st.caption(words.minute(first.at, me.workspace.timezone), width="content")
        st.markdown(f"“{plain(first.text)}”")
        reasons = [f"- :gray[{plain(_about(line))}:] {plain(line.reason)}" for line in lines]
        st.markdown("\n".join(reasons))
        if first.message_id and st.button("Every reason", key=f"why:{first.id}", icon=":material/help:"):
            why.dialog(me, first.message_id, first.text)


def _about(line: DecisionLine) -> str:
    return line.automation_name or "Before any automation"
