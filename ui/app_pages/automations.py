"""Automations: the list of them, the gallery to start one from, and the builder."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from ui import builder_list, builder_page, builder_start, parts, session


def chosen() -> UUID | None:
    """The automation that the address names."""
    try:
        return UUID(st.query_params.get("id", ""))
    except ValueError:
        return None


@st.fragment
def page() -> None:
    me = session.here()
    automation = chosen()
    # The list shows the last run; the builder would be drawn anew by every run for nothing.
    topics = ("automation", "run") if automation is None else ("automation", "backtest")
    parts.live(me.workspace.id, *topics, key="live_automations", patience_ms=300)
    if automation is not None:
        builder_page.draw(me, automation)
    elif "new" in st.query_params and me.may("build"):
        builder_start.draw(me)
    else:
        builder_list.draw(me)


page()
