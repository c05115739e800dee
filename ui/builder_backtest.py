"""The tab to compare the draft with the live version over past conversations, before anybody notices."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from db.views import backtests as views
from db.views.backtests import BacktestLine
from flows import backtest, drafts
from flows.drafts import Draft
from ui import builder_backtest_results, builder_desk, parts, session, words
from ui.builder_desk import Desk
from ui.session import Here
from ui.text import plain

DAYS = {1: "1 day", 7: "7 days", 30: "30 days"}
CONVERSATIONS = {20: "20 conversations", 50: "50 conversations", 200: "200 conversations"}
STATES = {
    "pending": "Waits to begin",
    "working": "Comparing",
    "done": "Done",
    "failed": "Failed",
    "cancelled": "Stopped",
}


def draw(me: Here, desk: Desk, draft: Draft) -> None:
    if draft.live_version is None:
        parts.empty(
            "Nothing to compare with yet",
            "A backtest shows what the draft would answer differently from the live version. Publish a first version before.",
            "compare_arrows",
        )
        return
    with me.read() as tx:
        lines = views.backtest_list(tx, desk.automation)
    running = next((line for line in lines if line.state in ("pending", "working")), None)
    if me.may("build"):
        _start(desk, draft, running)
    if running is not None:
        _progress(running, may_stop=me.may("build"))
    done = [line for line in lines if line.state not in ("pending", "working")]
    if not lines:
        told = "Pick how far back, and every difference is listed here."
        if not me.may("build"):
            told = "Once a builder compares the draft with the live version, every difference is listed here."
        parts.empty("No comparison yet", told, "compare_arrows")
    if done:
        _chosen(me, desk, done)


def _start(desk: Desk, draft: Draft, running: BacktestLine | None) -> None:
    with st.container(border=True, key="backtest_start"):
        st.markdown(
            "The draft and the live version answer the same past messages again. Nothing is sent; a connected model is asked."
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            by = st.segmented_control(
                "Compare over", ("Days", "Conversations"), default="Days", required=True, key="bt_by"
            )
            choices = DAYS if by == "Days" else CONVERSATIONS
            amount = st.selectbox(
                "The last", list(choices), index=1, format_func=choices.__getitem__, key=f"bt_{by}", width=220
            )
            st.button(
                "Compare", type="primary", icon=":material/play_arrow:", disabled=running is not None, on_click=_begin,
                args=(by == "Days", amount),
            )  # fmt: skip
        st.toggle(
            "Publish only when nothing is worse, or a person has looked at it",
            value=draft.needs_review,
            key=f"gate:{desk.automation}:{draft.needs_review}",
            on_change=_gate,
            args=(f"gate:{desk.automation}:{draft.needs_review}", draft.needs_review),
        )


def _begin(by_days: bool, amount: int) -> None:
    """Put the comparison into the queue; the process that serves the schedules takes it up at once."""
    desk = builder_desk.here()
    days, conversations = (amount, None) if by_days else (None, amount)
    session.act(
        "build",
        lambda me: backtest.start(me.workspace.id, me.user.id, desk.automation, days=days, conversations=conversations),
    )


def _gate(key: str, was: bool) -> None:
    desk, needed = builder_desk.here(), bool(st.session_state[key])
    if needed == was:
        return
    session.act("build", lambda me: drafts.set_needs_review(me.workspace.id, me.user.id, desk.automation, needed))


def _progress(line: BacktestLine, *, may_stop: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        share = line.compared / line.found if line.found else 0.0
        told = f"{STATES[line.state]}: {line.compared} of {line.found or '…'}"
        st.progress(min(share, 1.0), text=told)
        if may_stop:
            st.button("Stop", icon=":material/stop:", on_click=_stop, args=(line.id,))


def _stop(id: UUID) -> None:
    session.act("build", lambda me: backtest.cancel(me.workspace.id, id))


def _chosen(me: Here, desk: Desk, lines: list[BacktestLine]) -> None:
    picked = st.selectbox(
        "Comparison",
        [line.id for line in lines],
        key=f"bt_chosen:{lines[0].id}",
        format_func=lambda id: _named(me, next(line for line in lines if line.id == id)),
        label_visibility="collapsed",
    )
    line = next(line for line in lines if line.id == picked)
    if line.outcome:
        st.markdown(plain(line.outcome))
    if line.draft_revision != desk.revision:
        st.markdown(":orange[:material/update: The draft was changed since this comparison.]")
    builder_backtest_results.draw(me, line)


def _named(me: Here, line: BacktestLine) -> str:
    over = f"{line.days} days" if line.days else f"{line.conversations} conversations"
    when = words.minute(line.created_at, me.workspace.timezone)
    return f"{when} · last {over} · {STATES[line.state].lower()}"
