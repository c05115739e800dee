"""The timeline of a run: each step folded up, with what it got, gave, did and cost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import streamlit as st

from db.views import RunDetail, StepLine
from flows.automation import Automation
from nodes.contract import NodeSpec
from ui import explain, runs, skipped, words
from ui.text import plain

MARKS = {
    "done": ":green[:material/check_circle:]",
    "failed": ":red[:material/error:]",
    "waiting": ":blue[:material/pause_circle:]",
}
OTHER_MARK = ":gray[:material/remove_circle:]"


def draw(run: RunDetail, timezone: str = "UTC") -> None:
    if not run.steps:
        st.info(
            "No step has been written down yet."
            if run.state in ("pending", "running")
            else "This run ended before its first step."
        )
    titles, document = runs.titles(run), Automation.model_validate(run.document)
    for step in run.steps:
        title, spec = titles.get(step.step_id, (step.step_id, None))
        _step(step, title, spec, document, timezone)


def _step(step: StepLine, title: str, spec: NodeSpec | None, document: Automation, timezone: str) -> None:
    spent = f" · {words.duration(step.duration_ms)}"
    note = step.note
    if step.state == "skipped":
        spent, note = why_skipped(document, step.step_id, step.note)
    heading = f"{MARKS.get(step.state, OTHER_MARK)} **{plain(title)}** :gray[{words.STEP_STATES[step.state]}{spent}]"
    with st.expander(heading, expanded=step.state in ("failed", "waiting")):
        if spec:
            st.caption(spec.description)
        if note:
            st.markdown(plain(note))
        if step.state == "waiting":
            _wait(step, timezone)
        if step.attempts > 1:
            st.caption(f"Tried {step.attempts} times.")
        values("Got", step.input, spec.input.model_fields if spec else {})
        values("Gave", step.output, spec.output.model_fields if spec else {})
        for effect in step.effects:
            st.markdown(f":material/bolt: {plain(words.effect(effect))}")
        if cost := runs.cost(step):
            st.caption(plain(cost))
        explain.passages(runs.found(step))
        prompt(step.detail)
        with st.expander("Raw data"):
            st.json(
                {"input": step.input, "output": step.output, "effects": step.effects, "detail": step.detail},
                expanded=False,
            )


def why_skipped(document: Automation, id: str, note: str) -> tuple[str, str]:
    """What follows "Skipped" in the folded line, and the sentence inside."""
    reason = skipped.short(document, id, note)
    return f": {plain(reason.rstrip('.'))}" if reason else "", skipped.whole(document, id, note)


def _wait(step: StepLine, timezone: str) -> None:
    if step.detail.get("until"):
        until = words.minute(datetime.fromisoformat(step.detail["until"]), timezone)
        st.caption(f"Until {until}. {plain(runs.waits_for(step))}")
    if (step.detail.get("memory") or {}).get("text"):
        st.markdown(f"> {plain(str(step.detail['memory']['text']))}")


def values(heading: str, given: Any, fields: Any) -> None:
    """What a step got or gave, line by line."""
    lines = runs.told(given, fields)
    if lines:
        st.markdown(f"**{heading}**\n" + "\n".join(f"- {plain(label)}: {plain(text)}" for label, text in lines))


def prompt(detail: Mapping[str, Any]) -> None:
    """What a model was asked and what it answered, folded up."""
    lines = runs.prompt(detail)
    if not lines:
        return
    with st.expander("What the model was asked"):
        for who, text in lines:
            st.markdown(f"**{who}**")
            st.code(text, language=None, wrap_lines=True)
        if detail.get("answer"):
            st.markdown("**What it answered**")
            st.code(str(detail["answer"]), language=None, wrap_lines=True)
