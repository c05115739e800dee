"""Home: what is going on, what is wrong and what to do about it, and the first steps."""

from __future__ import annotations

import streamlit as st

from db import connections, views
from db.views import Counts
from ui import health, links, parts, session
from ui.health import Task, Trouble
from ui.session import Here
from ui.text import plain


@st.fragment
def page() -> None:
    me = session.here()
    parts.live(me.workspace.id, "message", "conversation", "handoff", "run", "connection", key="live_home")
    with me.read() as tx:
        counts = views.counts(tx)
        troubles = health.troubles(tx, counts)
        tasks = health.tasks(tx)
        has_model = health.is_ready(connections.all_connections(tx), "llm")
    st.title(plain(me.workspace.name))
    _now(counts)
    for trouble in troubles:
        _trouble(trouble)
    if not has_model:
        st.info(
            "**No language model is connected.** Customers are answered with quotations from your documents. "
            "Connect a model under Settings for answers in full sentences.",
            icon=":material/format_quote:",
        )
    if not all(task.done for task in tasks):
        _first_steps(tasks, me)


def _now(counts: Counts) -> None:
    with st.container(horizontal=True):
        _figure("Waiting for a person", counts.pending_handoffs, "handoffs", "Handoffs")
        _figure("Unread conversations", counts.unread_conversations, "conversations", "Conversations")
        _figure("Failed runs today", counts.failed_runs_today, "runs", "Runs")


def _figure(label: str, number: int, page: links.Page, title: str) -> None:
    with st.container(border=True, width=220, gap="xsmall"):
        st.markdown(f":small[:gray[{label}]]")
        st.markdown(f"## {number}")
        links.to(page, title)


def _trouble(trouble: Trouble) -> None:
    with st.container(border=True):
        st.markdown(f":orange[:material/warning:] **{plain(trouble.title)}**  \n{plain(trouble.remedy)}")
        if trouble.lines:
            st.markdown("\n".join(f"- {plain(line)}" for line in trouble.lines))
        if trouble.page:
            links.to(trouble.page, trouble.action)


def _first_steps(tasks: list[Task], me: Here) -> None:
    done = sum(task.done for task in tasks)
    st.subheader(f"First steps · {done} of {len(tasks)}")
    for task in tasks:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            mark = ":green[:material/check_circle:]" if task.done else ":gray[:material/radio_button_unchecked:]"
            st.markdown(f"{mark} **{task.title}**  \n:small[:gray[{task.text}]]", width="stretch")
            _action(task, me)


def _action(task: Task, me: Here) -> None:
    if task.address:
        st.link_button(task.action, task.address, icon=":material/open_in_new:")
    elif task.page and not task.done and (task.page != "settings" or me.may("admin")):
        links.to(task.page, task.action)


page()
