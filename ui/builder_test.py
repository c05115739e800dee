"""The tab to test a draft: with a sample, a typed message or a past one. Every step shows what it got, gave and would do."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from db.views.past_messages import PastMessageLine, past_messages
from flows.check import Problem
from flows.trial import PastMessage, Sample, Typed
from ui import builder_steps, builder_trial, builder_trial_step, canvas, parts, words
from ui.builder_desk import Desk
from ui.builder_trial import Bench
from ui.session import Here
from ui.text import plain

WAYS = ("I type a message", "A past message", "The sample")
SAFE = ":material/shield: Nothing leaves: a test only says what would happen."
PAST = 40


def draw(me: Here, desk: Desk, problems: list[Problem]) -> None:
    if not me.may("build"):
        parts.empty("Only builders can test", "Your role may look at automations but not run them.", "lock")
        return
    if not desk.document.steps:
        parts.empty("Nothing to test yet", "Choose what starts it and add a step first.", "science")
        return
    held = builder_trial.bench(desk.automation)
    left, right = st.columns([1, 1.6], gap="medium")
    with left:
        _given(me, desk)
        if held.found is not None and held.document is not None:
            states = {step.step_id: step.state for step in held.found.steps}
            parts.canvas(canvas.drawing(held.document, states=states, compact=True), key="trial_canvas", on_step=_shown)
    with right:
        if problems:
            st.info("Finish the draft first: what still has a problem cannot be tested.", icon=":material/error:")
        _found(me, desk, held)


def _given(me: Here, desk: Desk) -> None:
    way = st.segmented_control("Test it with", WAYS, default=WAYS[0], required=True, key=f"way:{desk.automation}")
    if way == WAYS[0]:
        _typed(me, desk)
    elif way == WAYS[1]:
        _past(me, desk)
    else:
        st.caption("The example that each step brings along.")
        st.button("Run the test", type="primary", icon=":material/play_arrow:", key="run_sample", on_click=builder_trial.run, args=(Sample(),))  # fmt: skip


def _typed(me: Here, desk: Desk) -> None:
    text, channel = f"typed:{desk.automation}", f"channel:{desk.automation}"
    st.text_area("What the customer writes", key=text, height=90, placeholder="Do you have time on Saturday?")
    st.selectbox("Arrives by", list(words.CHANNELS), key=channel, format_func=words.CHANNELS.__getitem__)

    def run() -> None:
        builder_trial.run(Typed(st.session_state[text].strip(), st.session_state[channel]))

    st.button("Run the test", type="primary", icon=":material/play_arrow:", key="run_typed", on_click=run)


def _past(me: Here, desk: Desk) -> None:
    search = st.text_input("Search", key="past_search", placeholder="Name or words", icon=":material/search:", live=True, label_visibility="collapsed")  # fmt: skip
    with me.read() as tx:
        lines = past_messages(tx, search or "", PAST)
    given = builder_trial.bench(desk.automation).given
    parts.rows(
        [_item(line) for line in lines],
        key="past_rows",
        label="Past messages",
        empty={"title": "No message found", "text": "Messages of customers appear here.", "symbol": "inbox"},
        selected=str(given.message_id) if isinstance(given, PastMessage) else "",
        on_choose=lambda id: builder_trial.run(PastMessage(UUID(id))),
    )


def _item(line: PastMessageLine) -> dict[str, object]:
    return {
        "id": str(line.id),
        "title": line.contact_name or "Visitor",
        "initials": words.initials(line.contact_name),
        "symbol": "" if words.initials(line.contact_name) else "person",
        "corner": words.CHANNEL_ICONS.get(line.channel, "chat"),
        "at": line.at.isoformat(),
        "text": line.text,
    }


def _found(me: Here, desk: Desk, held: Bench) -> None:
    if held.found is None:
        parts.empty("Run a test", "Each step then shows what it got, what it gave, and what it would do.", "science")
        st.caption(SAFE)
        return
    with st.container(border=True):
        st.markdown(f"**{plain(held.found.sentence)}**")
        for would in held.found.would:
            st.markdown(f":green[:material/bolt:] {plain(would.sentence)}")
        st.caption(SAFE)
        if held.document != desk.document:
            st.markdown(":orange[:material/update: The draft was changed since this test.]")
        with st.container(horizontal=True):
            st.button("Run it again", icon=":material/replay:", on_click=builder_trial.run, args=(held.given,))
            if held.pins:
                st.button(f"Release {len(held.pins)} kept", icon=":material/keep_off:", on_click=held.pins.clear)
    titles = {step.id: builder_steps.title_of(step) for step in (held.document or desk.document).steps}
    nodes = {step.id: builder_steps.spec_of(step.node) for step in (held.document or desk.document).steps}
    for step in held.found.steps:
        builder_trial_step.draw(held, step, titles.get(step.step_id, step.title), nodes.get(step.step_id))


def _shown(step: str) -> None:
    """The diagram of a test only shows the path that it took."""
