"""Training: what the AI knows, where it is from, what changed, and what it finds for a question."""

from __future__ import annotations

import streamlit as st

from ui import (
    parts,
    session,
    training_act,
    training_changes,
    training_map,
    training_passages,
    training_sources,
    training_test,
)

# What is shown under each name, and what it must hear about while it is open.
VIEWS = {
    "Sources": (training_sources.view, ("source",)),
    "Passages": (training_passages.view, ("source",)),
    "Changes": (training_changes.view, ("source",)),
    "Map": (training_map.view, ()),
    "Test a question": (training_test.view, ("run",)),
}


@st.fragment
def page() -> None:
    me = session.here()
    training_act.announce()
    view = st.session_state.get("training_view", "Sources")
    st.subheader("Training")
    tabs = st.tabs(list(VIEWS), key="training_view", on_change="rerun", default=view)
    for tab, (name, (draw, topics)) in zip(tabs, VIEWS.items(), strict=True):
        if tab.open:
            if topics and not (name == "Sources" and training_sources.is_form()):
                parts.live(me.workspace.id, *topics, key="live_training", patience_ms=300)
            with tab:
                draw(me)


page()
