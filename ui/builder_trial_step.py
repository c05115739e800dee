"""One step of a test: what it got, gave and would do; its input can be changed by hand, its result kept for later tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from flows.trial import TrialStep
from nodes.contract import NodeSpec
from ui import builder_fields, builder_trial, explain, forms, timeline, words
from ui.builder_trial import Bench
from ui.builder_widget import Around
from ui.text import plain


def draw(held: Bench, step: TrialStep, title: str, spec: NodeSpec | None) -> None:
    pinned = step.step_id in held.pins
    mark = timeline.MARKS.get(step.state, timeline.OTHER_MARK)
    spent = f" · {words.duration(step.ms)}" if step.ms and step.state == "done" else ""
    note = step.note
    if step.state == "skipped" and held.document is not None:
        spent, note = timeline.why_skipped(held.document, step.step_id, step.note)
    keep = " · :material/keep: kept" if pinned else ""
    state = words.STEP_STATES.get(step.state, step.state)
    heading = f"{mark} **{plain(title)}** :gray[{state}{spent}{keep}]"
    with st.expander(heading, expanded=step.state == "failed" or bool(step.would)):
        if note:
            st.markdown(plain(note))
        timeline.values("Got", step.input, spec.input.model_fields if spec else {})
        timeline.values("Gave", step.output, spec.output.model_fields if spec else {})
        for would in step.would:
            _would(would.sentence, would.before, would.after)
        explain.passages(_passages(step))
        timeline.prompt(step.detail)
        if spec is not None and step.state != "skipped":
            _by_hand(held, step, spec, pinned)


def _would(sentence: str, before: str, after: str) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(f":material/bolt: **{plain(sentence)}**")
        if before:
            st.markdown(f":small[:gray[Before:] {plain(before)}]  \n:small[:gray[After:] {plain(after) or '—'}]")
        elif after and after not in sentence:  # something new, too long for the sentence
            st.markdown(f":small[{plain(after)}]")


def _passages(step: TrialStep) -> list[Mapping[str, Any]]:
    return next((list(step.output[name]) for name in ("used_passages", "passages") if step.output.get(name)), [])


def _by_hand(held: Bench, step: TrialStep, spec: NodeSpec, pinned: bool) -> None:
    """Change what the step got and run on from here, or keep what it gave."""
    with st.container(horizontal=True):
        if pinned:
            st.button("Run this step again", key=f"pin:{step.step_id}", icon=":material/keep_off:", on_click=_release, args=(step.step_id,))  # fmt: skip
        elif step.state == "done":
            st.button(
                "Keep this result", key=f"pin:{step.step_id}", icon=":material/keep:", on_click=builder_trial.pin,
                args=(step.step_id, step.output), help="Later tests use it instead of running the step.",
            )  # fmt: skip
        if fields := forms.fields_of(spec.input):
            with st.popover(
                "Change what it got", icon=":material/edit:", key=f"hand:{step.step_id}", on_change="rerun"
            ) as opened:
                if opened.open:
                    _values(held, step, fields)
        st.button("Run on from here", key=f"again:{step.step_id}", icon=":material/play_arrow:", on_click=builder_trial.again_from, args=(step.step_id, None))  # fmt: skip


def _values(held: Bench, step: TrialStep, fields: tuple[forms.FormField, ...]) -> None:
    key = f"given:{step.step_id}:{held.number}"
    values = st.session_state.setdefault(key, dict(step.input))

    def put(name: str, value: Any) -> None:
        st.session_state[key] = {**st.session_state[key], name: value}

    builder_fields.draw_all(fields, values, Around(key=f"{key}:field"), put)
    st.button(
        "Run on from here with this", key=f"{key}:run", type="primary", on_click=_with_values, args=(step.step_id, key)
    )


def _with_values(step: str, key: str) -> None:
    builder_trial.again_from(step, st.session_state[key])


def _release(step: str) -> None:
    builder_trial.pin(step, None)
    builder_trial.again_from(step, None)
