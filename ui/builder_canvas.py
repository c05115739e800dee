"""The right side of the builder: the live diagram, with the path of a run or of the last test highlighted."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from db import views
from db.views import RunLine
from flows.check import check
from ui import builder_desk, canvas, parts, words
from ui.builder_desk import Desk
from ui.session import Here

RUNS = 10


def draw(me: Here, desk: Desk) -> None:
    if not desk.document.steps:
        return
    states = _states(me, desk)
    wrong = {problem.step for problem in check(desk.document)}
    drawn = canvas.drawing(desk.document, states=states, selected=desk.selected, compact=True, wrong=wrong)
    parts.canvas(drawn, key="builder_canvas", on_step=select)


def select(step: str) -> None:
    """Show the settings of a step; '' shows none."""
    builder_desk.here().selected = step


def _states(me: Here, desk: Desk) -> Mapping[str, str] | None:
    """What became of each step in the run that was picked; None where none was."""
    with me.read() as tx:
        lines = {str(line.id): line for line in views.run_list(tx, automation_id=desk.automation, limit=RUNS)}
        if not lines:
            return None
        picked = st.selectbox(
            "Path of a run",
            list(lines),
            index=None,
            key=f"path:{desk.automation}",
            placeholder="Highlight a run",
            format_func=lambda id: _named(me, lines[id]),
            label_visibility="collapsed",
        )
        run = views.run(tx, lines[picked].id) if picked in lines else None
    return {step.step_id: step.state for step in run.steps} if run else None


def _named(me: Here, line: RunLine) -> str:
    who = line.contact_name or "Visitor"
    return f"{who}, {words.local(line.created_at, me.workspace.timezone)}: {words.RUN_STATES[line.state][0].lower()}"
