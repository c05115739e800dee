"""Runs: what the automations did, step by step, and why one did not start."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from db import connections, views
from db.settings import get_settings
from db.views import RunDetail
from flows import undo
from flows.automation import Automation
from ui import (
    canvas,
    frame,
    health,
    links,
    not_started,
    parts,
    place,
    run_again,
    run_filters,
    run_undo,
    runs,
    session,
    timeline,
    words,
)
from ui.session import Here
from ui.text import plain

PAGE = 50
VIEWS = ("Runs", NOT_STARTED := "Not started")


@st.fragment
def page() -> None:
    me = session.here()
    parts.live(me.workspace.id, "run", key="live_runs")
    opened, is_any = place.identity("run"), _is_any(me)
    frame.show_on_phone("pane_run" if opened else "pane_runs", among=("pane_runs", "pane_run"))
    left, right = st.columns([1, 1.7], gap="medium")
    with left, st.container(key="pane_runs"):
        view = st.segmented_control("Show", VIEWS, default=VIEWS[0], key="view", required=True, label_visibility="collapsed", on_change=_open)  # fmt: skip
        if view == NOT_STARTED:
            not_started.draw(me)
        elif is_any:
            _list(me)
        else:
            _first(me)
    with right, st.container(key="pane_run"):
        if opened:
            _run(me, opened)
        elif view == NOT_STARTED:
            not_started.explained()
        elif is_any:
            parts.empty(
                "Choose a run", "Each step shows what it got, what it gave, and how long it took.", "account_tree"
            )


def _is_any(me: Here) -> bool:
    with me.read() as tx:
        return bool(views.run_list(tx, limit=1))


def _list(me: Here) -> None:
    asked = run_filters.ask(me, place.identity("automation"))
    wanted = st.session_state.get("runs_wanted", PAGE)
    with me.read() as tx:
        found = views.run_list(tx, limit=wanted + 1, **asked)
    run_again.several(me, found[:wanted])
    parts.rows(
        [runs.item(line) for line in found[:wanted]],
        key="run_rows",
        label="Runs",
        empty={"title": "No runs fit", "text": "Choose less, or another time.", "symbol": "history"},
        selected=place.at("run"),
        tall=True,
        more="Show more" if len(found) > wanted else "",
        on_choose=_open,
        on_more=_more,
    )


def _first(me: Here) -> None:
    """Nothing ran yet: where the first one comes from."""
    with me.read() as tx:
        answers = any(line.live_version is not None and line.enabled for line in views.automation_list(tx))
        chat = health.chat_address(connections.all_connections(tx))
    parts.empty(
        "No runs yet", "Each message that starts an automation leaves a run here, with all its steps.", "history"
    )
    if answers:
        st.link_button("Write the first message in the web chat", chat, icon=":material/open_in_new:")
    else:
        st.caption("No automation is live, so nothing can start.")
        links.to("automations", "Go to the automations")


def _run(me: Here, id: UUID) -> None:
    st.container(key="narrow_back").button("Back to the list", icon=":material/arrow_back:", on_click=_open)
    with me.read() as tx:
        run = views.run(tx, id)
    if run is None:
        st.warning("This run does not exist in this workspace. Runs are removed after some weeks.")
        return
    _head(me, run)
    steps, diagram = st.tabs(["Steps", "Diagram"])
    with steps:
        timeline.draw(run, me.workspace.timezone)
    with diagram:
        states = {step.step_id: step.state for step in run.steps}
        parts.canvas(
            canvas.drawing(Automation.model_validate(run.document), states=states), key="run_canvas", on_step=_nothing
        )


def _head(me: Here, run: RunDetail) -> None:
    label, tone = words.RUN_STATES[run.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{plain(run.automation_name)}** for **{plain(run.contact_name or 'a visitor')}**", width="content"
        )
        st.badge(
            label, color="green" if tone == "good" else "red" if tone == "bad" else "blue" if tone == "info" else "gray"
        )
    spent = f" · took {words.duration(run.duration_ms)}" if run.duration_ms is not None else ""
    tries = f" · taken up {run.attempts} times" if run.attempts > 1 else ""
    st.caption(f"Version {run.version} · {words.local(run.created_at, me.workspace.timezone)}{spent}{tries}")
    if total := runs.spent(run):
        st.caption(plain(total))
    if run.outcome:
        st.markdown(plain(run.outcome))
    if run.state == "failed" and not me.may("reply"):
        st.caption(":material/lock: Your role may look at runs but not let a failed one go on.")
    with st.container(horizontal=True):
        run_again.button(me, run)
        if run.conversation_id:
            links.to_conversation(run.conversation_id)
        if run.prefect_run_id:
            st.link_button("Show in Prefect", prefect_address(run.prefect_run_id), icon=":material/open_in_new:")
    if run.outbox:
        told = [line for line in run.outbox if line.effect.get("kind") != undo.KIND]
        st.markdown("\n".join(f"- {plain(runs.left(line))}" for line in told))
        run_undo.panel(me, run)


def prefect_address(run: UUID) -> str:
    """The page of a flow run in Prefect, which listens on this machine only."""
    settings = get_settings()
    return f"http://{settings.host}:{settings.prefect_port}/runs/flow-run/{run}"


def _open(run: str = "") -> None:
    """Show a run, or none; whose runs were asked for stays."""
    wanted = {"automation": place.at("automation"), "run": run}
    place.go(**{name: id for name, id in wanted.items() if id})


def _more() -> None:
    st.session_state["runs_wanted"] = st.session_state.get("runs_wanted", PAGE) + PAGE


def _nothing(step: str) -> None:
    """The diagram of a run only shows the path that it took."""


place.arrive()
page()
