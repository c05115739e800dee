"""Automations: the list of them, the gallery to start one from, and the builder."""

from __future__ import annotations

import streamlit as st

from ui import builder_list, builder_page, builder_start, parts, place, session


@st.fragment
def page() -> None:
    me = session.here()
    automation = place.identity("id")
    # The list shows the last run; the builder would be drawn anew by every run for nothing.
    topics = ("automation", "run") if automation is None else ("automation", "backtest")
    parts.live(me.workspace.id, *topics, key="live_automations", patience_ms=300)
    if automation is not None:
        builder_page.draw(me, automation)
    elif place.at("new") and me.may("build"):
        builder_start.draw(me)
    else:
        builder_list.draw(me)


place.arrive()
page()
