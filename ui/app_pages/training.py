"""Training: what the AI knows, where it is from, what changed, and what it finds for a question."""

from __future__ import annotations

import streamlit as st

from ui import (
    parts,
    place,
    session,
    training_act,
    training_changes,
    training_map,
    training_passages,
    training_sources,
    training_test,
)

VIEWS = {
    "Sources": training_sources.view,
    "Passages": training_passages.view,
    "Changes": training_changes.view,
    "Map": training_map.view,
    "Test a question": training_test.view,
}


@st.fragment
def page() -> None:
    me = session.here()
    training_act.announce()
    view = st.session_state.get("training_view", "Sources")
    # Sources are listened to in every view: what is told while the topics change would be lost.
    topics = ("source", "run") if view == "Test a question" else ("source",)
    parts.live(me.workspace.id, *topics, key="live_training", patience_ms=300)
    st.subheader("Training")
    tabs = st.tabs(list(VIEWS), key="training_view", on_change="rerun")
    for tab, draw in zip(tabs, VIEWS.values(), strict=True):
        if tab.open:
            with tab:
                draw(me)


place.arrive()
page()
