"""What a comparison found: how many turns came out how, and each difference with both answers; a person says what they think."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

import streamlit as st

from db.backtests import Verdict
from db.views import backtests as views
from db.views.backtests import BacktestLine, ResultLine
from flows import backtest
from ui import links, parts, passing, session, words
from ui.session import Here
from ui.text import plain

PAGE = 20
SHORT = 24  # characters
VERDICTS: dict[Verdict, tuple[str, Literal["green", "red", "orange", "gray"]]] = {
    "worse": ("Worse", "red"),
    "look": ("Look at it", "orange"),
    "better": ("Better", "green"),
    "same": ("Same", "gray"),
}
OPINIONS: tuple[Literal["better", "same", "worse"], ...] = ("better", "same", "worse")
ALL = "All"


def draw(me: Here, line: BacktestLine) -> None:
    counts: dict[Verdict, int] = {"worse": line.worse, "look": line.look, "better": line.better, "same": line.same}
    labels: dict[str, Verdict | None] = {f"{VERDICTS[name][0]} ({count})": name for name, count in counts.items()}
    labels[ALL] = None
    st.caption(_figures(line))
    with st.container(horizontal=True, vertical_alignment="center"):
        first = next((label for label, name in labels.items() if name and counts[name]), ALL)
        picked = st.pills(
            "Show", list(labels), default=first, required=True, key=f"verdict:{line.id}", label_visibility="collapsed"
        )
        unseen = st.toggle("Not reviewed yet", key=f"unseen:{line.id}")
    wanted = st.session_state.get(f"results:{line.id}", PAGE)
    with me.read() as tx:
        found = views.results(tx, line.id, labels[picked or ALL], unreviewed=unseen, limit=wanted + 1)
    if not found:
        parts.empty("Nothing here", "No conversation came out like this.", "task_alt")
    for result in found[:wanted]:
        if result.verdict is not None:
            _result(me, result)
    if len(found) > wanted:
        st.button("Show more", key=f"more_results:{line.id}", on_click=_more, args=(line.id, wanted))


def _figures(line: BacktestLine) -> str:
    cost = ""
    if line.live_cost_usd or line.draft_cost_usd:
        cost = f" · cost {line.live_cost_usd:.4f} → {line.draft_cost_usd:.4f} USD"
    time = f" · time per turn {words.duration(line.live_ms)} → {words.duration(line.draft_ms)}" if line.compared else ""
    return f"Live version {line.live_version} → draft{time}{cost}"


def _result(me: Here, result: ResultLine) -> None:
    assert result.verdict is not None
    label, colour = VERDICTS[result.verdict]
    with st.container(border=True, key=f"result_{result.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(label, color=colour)
            if result.review:
                st.badge(f"Reviewed: {result.review}", color="blue", icon=":material/check:")
            st.caption(
                f"{plain(result.contact_name or 'Visitor')} · {words.minute(result.at, me.workspace.timezone)}",
                width="stretch",
            )
            links.to_conversation(result.conversation_id, "Open")
        st.markdown(f"“{plain(result.text)}”")
        if result.reasons:
            st.markdown("\n".join(f"- {plain(reason)}" for reason in result.reasons))
        if result.differences:
            _differences(result)
        if me.may("build"):
            _opinion(result)


def _differences(result: ResultLine) -> None:
    """What reads differently stands side by side; of the route, the cost and the time the sentence says enough."""
    for change in result.differences:
        both = max(len(str(change.get(name) or "")) for name in ("before", "after"))
        if both > SHORT:
            st.markdown(f"**{plain(str(change.get('sentence', '')))}**")
            _side_by_side(change)
    short = [c for c in result.differences if max(len(str(c.get(n) or "")) for n in ("before", "after")) <= SHORT]
    if short:
        st.markdown("\n".join(f"- :small[{plain(str(change.get('sentence', '')))}]" for change in short))


def _side_by_side(change: Mapping[str, Any]) -> None:
    live, draft = st.columns(2, gap="small")
    for column, title, name in ((live, "Live", "before"), (draft, "Draft", "after")):
        with column, st.container(border=True, gap="xsmall"):
            st.markdown(f":small[:gray[{title}]]  \n{plain(words.value(change.get(name)))}")


def _opinion(result: ResultLine) -> None:
    """A person's own judgement, with a note; it counts instead of ours."""
    title = "Change the review" if result.review else "Review"
    with st.popover(title, icon=":material/rate_review:", key=f"review:{result.id}"):
        verdict, note = f"opinion:{result.id}", f"note:{result.id}"
        st.segmented_control("The draft is", OPINIONS, default=result.review or None, key=verdict, format_func=str.capitalize)  # fmt: skip
        st.text_area("Note (optional)", value=result.review_note, key=note, height=80)
        if result.review:
            st.caption(f"By {plain(result.reviewed_by or 'a colleague')}")
        st.button("Keep", key=f"keep:{result.id}", type="primary", on_click=_keep, args=(result.id, verdict, note))


def _keep(result: UUID, verdict: str, note: str) -> None:
    said, text = st.session_state[verdict], st.session_state[note] or ""
    if said is None:
        passing.say("Say first whether the draft is better, the same or worse.", "info")
        return
    session.act("build", lambda me: backtest.review(me.workspace.id, me.user.id, result, said, text), done="Noted.")


def _more(id: UUID, wanted: int) -> None:
    st.session_state[f"results:{id}"] = wanted + PAGE
