"""Buttons that let runs go on that failed or were stopped: one on its own page; those that failed also from the list."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import streamlit as st

from db.views import RunDetail, RunLine
from flows import rerun
from ui import session, words
from ui.session import Here
from ui.text import plain

LABELS = {"failed": "Go on from the failed step", "cancelled": "Go on where it was stopped"}


def button(me: Here, run: RunDetail) -> None:
    """Nothing where the run neither failed nor was stopped. Whether it may go on is decided when it is asked for."""
    if run.state not in LABELS or not me.may("reply"):
        return
    st.button(
        LABELS[run.state],
        icon=":material/replay:",
        key=f"rerun:{run.id}",
        help="With the same version and what it has found out so far. Nothing that was done is done again.",
        on_click=_one,
        args=(run.id,),
    )


def several(me: Here, lines: Sequence[RunLine]) -> None:
    """A choice among the failed runs of a list; nothing where there are fewer than two."""
    if told := st.session_state.pop("rerun_told", ""):
        st.info(told)
    failed = [line for line in lines if line.state == "failed"]
    if len(failed) < 2 or not me.may("reply"):
        return
    with st.popover(f"Let failed runs go on ({len(failed)})", icon=":material/replay:"):
        chosen = st.multiselect(
            "Runs",
            failed,
            default=failed,
            format_func=lambda line: _named(line, me.workspace.timezone),
            key=f"rerun_many:{failed[0].id}:{len(failed)}",
        )
        st.caption("Each goes on from the step that failed. Where a person has the conversation by now, it does not.")
        ids = [line.id for line in chosen]
        st.button(f"Let {len(ids)} go on", type="primary", disabled=not ids, on_click=_many, args=(ids,))


def _named(line: RunLine, timezone: str) -> str:
    return f"{line.contact_name or 'Visitor'}, {line.automation_name}, {words.local(line.created_at, timezone)}"


def _one(run: UUID) -> None:
    session.act("reply", lambda me: rerun.rerun(me.workspace.id, me.user.id, run), done="It goes on.")


def _many(runs: list[UUID]) -> None:
    told = session.act("reply", lambda me: rerun.rerun_many(me.workspace.id, me.user.id, runs))
    if told is not None:
        st.session_state["rerun_told"] = plain(told.sentence)
