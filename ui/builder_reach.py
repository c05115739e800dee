"""Reach: how many of last week's conversations a start or a condition would have caught, shown beside its settings."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import streamlit as st

from flows import reach
from flows.actions import ActionRefused
from flows.automation import Automation, Step
from flows.reach import Reach, ReachExample
from nodes.contract import NodeSpec
from ui import builder_desk, links, words
from ui.builder_desk import Desk
from ui.session import Here
from ui.text import plain

DAYS = 7
AT_ONCE = ("message_received", "condition")  # quick enough to be counted anew at every change
ON_REQUEST = ("gate", "hand_off", "retrieve")
KEY = "reach"


def draw(me: Here, desk: Desk, step: Step, spec: NodeSpec) -> None:
    if spec.name not in AT_ONCE + ON_REQUEST:
        return
    with st.container(border=True, gap="xsmall", key="reach"):
        if spec.name in ON_REQUEST and not st.toggle(
            "How many of last week's conversations?", key=f"reach_on:{step.id}"
        ):
            return
        problem = next((p for p in builder_desk.problems(desk) if p.step in ("", step.id)), None)
        if problem is not None:
            st.caption(":material/query_stats: Last week's conversations are counted once this step has no problem.")
            return
        _draw(me, _found(me.workspace.id, desk.automation, desk.document, step.id))


def _draw(me: Here, found: Reach | str) -> None:
    if isinstance(found, str):
        st.caption(f":material/query_stats: {plain(found)}")
        return
    if not found.conversations:
        st.markdown(f":small[:material/query_stats: {plain(found.sentence)}]")
        return
    st.markdown(
        f":material/query_stats: Would have caught **{found.caught}** of last week's **{found.conversations}** conversations."
        + (f" :small[:gray[{plain(found.note)}]]" if found.note else "")
    )
    if found.examples or found.missed:
        with st.expander("Examples"):
            _examples(me, "Caught", found.examples)
            _examples(me, "Not caught", found.missed)


def _examples(me: Here, heading: str, examples: Sequence[ReachExample]) -> None:
    if not examples:
        return
    st.markdown(f":small[**{heading}**]")
    for example in examples:
        when = words.minute(example.at, me.workspace.timezone)
        reason = f" {plain(example.reason)}" if example.reason else ""
        st.markdown(
            f":small[“{plain(example.text)}”]  \n:small[:gray[{plain(example.contact or 'Visitor')}, {when}.{reason}]]"
        )
        links.to_conversation(example.conversation_id, "Open")


def _found(workspace: UUID, automation: UUID, document: Automation, step: str) -> Reach | str:
    """Counted once for each state of the document; a sentence where it cannot be told."""
    asked = (automation, document, step)
    held = st.session_state.get(KEY)
    if held is None or held[0] != asked:
        first = document.steps[0].id
        try:
            counted: Reach | str = reach.reach(workspace, document, step_id=None if step == first else step, days=DAYS)
        except ActionRefused as refusal:
            counted = str(refusal)
        held = st.session_state[KEY] = (asked, counted)
    found: Reach | str = held[1]
    return found
