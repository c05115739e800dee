"""What of the runs to list: by automation, state, time, contact, result, and the words of the customer."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from db import views
from db.views.runs import RunState
from ui import words
from ui.session import Here

STATES: tuple[RunState, ...] = ("done", "failed", "running", "waiting", "pending", "superseded", "cancelled")
SPANS = {
    "The last hour": timedelta(hours=1),
    "The last 24 hours": timedelta(days=1),
    "The last 7 days": timedelta(days=7),
    "The last 30 days": timedelta(days=30),
}
DAYS = "Chosen days"
FOLDING = ("runs_state", "runs_time", "runs_said", "runs_outcome")  # the fields that a phone shows when asked for
UNFOLDED = "runs_filters_unfolded"


def ask(me: Here, automation_id: UUID | None = None) -> dict[str, Any]:
    """Draws the fields; returns what they say as the arguments of views.run_list. `automation_id`: the one to begin with."""
    with me.read() as tx:
        automations = views.automation_list(tx)
    first = next((number for number, line in enumerate(automations) if line.id == automation_id), None)
    automation = _pick("Automation", automations, "Any automation", lambda line: line.name, first)
    with _folding("when"):
        with st.container(horizontal=True):
            state = _pick("State", STATES, "Any state", lambda name: words.RUN_STATES[name][0], key="runs_state")
            span = _pick("Time", (*SPANS, DAYS), "Any time", str, key="runs_time")
        begin, end = _chosen_days(me) if span == DAYS else (_since(span), None)
    contact = _type("Contact", icon=":material/search:")
    with _folding("words"), st.container(horizontal=True):
        said = _type("Message", key="runs_said", help="Words that the customer wrote, among the newest 5,000 runs that fit the rest.")  # fmt: skip
        outcome = _type("Result", key="runs_outcome", help="Words of the sentence that says how a run ended.")
    _fold()
    return {
        "automation_id": automation.id if automation else None,
        "state": state,
        "search": contact,
        "text": said,
        "outcome": outcome,
        "since": begin,
        "until": end,
    }


def span_of(days: Any, timezone: str) -> tuple[datetime | None, datetime | None]:
    """(begin, end) of days as a date field gives them, one or two of them, by the clocks of the business."""
    if not days:
        return None, None
    first, last = (days[0], days[-1]) if isinstance(days, (list, tuple)) else (days, days)
    zone = ZoneInfo(timezone)
    return (
        datetime.combine(first, time.min, zone),
        datetime.combine(last + timedelta(days=1), time.min, zone),
    )


def _folding(name: str) -> DeltaGenerator:
    """Where fields stand that come before the list on a phone only when asked for, or when one of them is set."""
    is_shown = _is_set() or st.session_state.get(UNFOLDED, False)
    return st.container(key=f"filters_{name}" if is_shown else f"folded_{name}")


def _fold() -> None:
    if not _is_set():
        unfolded = st.session_state.get(UNFOLDED, False)
        label, icon = ("Fewer filters", "expand_less") if unfolded else ("More filters", "tune")
        st.container(key="narrow_filters").button(
            label, icon=f":material/{icon}:", type="tertiary", on_click=_turn, key="runs_fold"
        )


def _turn() -> None:
    st.session_state[UNFOLDED] = not st.session_state.get(UNFOLDED, False)


def _is_set() -> bool:
    return any(st.session_state.get(field) for field in FOLDING)


def _since(span: str | None) -> datetime | None:
    # To the minute: the same question within it is the same question.
    now = datetime.now(ZoneInfo("UTC")).replace(second=0, microsecond=0)
    return now - SPANS[span] if span else None


def _chosen_days(me: Here) -> tuple[datetime | None, datetime | None]:
    today = datetime.now(ZoneInfo(me.workspace.timezone)).date()
    days = st.date_input("Days", (today - timedelta(days=1), today), max_value=today, label_visibility="collapsed")
    return span_of(days, me.workspace.timezone)


def _pick(label: str, options: Any, placeholder: str, shown: Any, first: int | None = None, **more: Any) -> Any:
    return st.selectbox(
        label, options, index=first, placeholder=placeholder, format_func=shown, label_visibility="collapsed", **more
    )


def _type(label: str, **options: Any) -> str:
    return str(st.text_input(label, placeholder=label, label_visibility="collapsed", **options))
