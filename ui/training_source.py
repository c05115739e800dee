"""One source: how far the work is, what there is of it, what failed and what to do, its pages, schedule and history."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import streamlit as st

from db import training_jobs, views
from db.settings import get_settings
from db.views import TrainingLine
from flows import schedules, training
from ui import (
    place,
    training_continue,
    training_documents,
    training_setup,
    training_trouble,
    training_when,
    words,
)
from ui.session import Here
from ui.text import plain
from ui.training_act import actor, attempt, refusal
from ui.training_words import CAUSES, COLOURS, KINDS, UNITS, clock, count, is_open, progress, share, size, state

JOBS = 15
CRAWLED = ("website", "urls")
_LISTS = {"website": "Pages", "urls": "Pages", "file": "Files", "text": "Text", "qa": "Questions"}


def draw(me: Here, source: UUID) -> None:
    with me.read() as tx:
        line = views.training_source(tx, source)
    if line is None:
        st.warning("This source does not exist in this workspace, or it was deleted.")
        return
    _head(line)
    _work(line)
    _figures(me, line)
    if me.may("build"):
        _buttons(line)
    refusal(_form(line))
    training_trouble.draw(me, line, _form(line))
    names = [
        _LISTS[line.type],
        *(["Schedule and limits"] if line.type in CRAWLED and me.may("build") else []),
        "History",
    ]
    tabs = st.tabs(names, key=f"source_tab:{line.type}", on_change="rerun")
    draws = {"Schedule and limits": training_setup.draw, "History": _history}
    for name, tab in zip(names, tabs, strict=True):
        if tab.open:
            with tab:
                draws.get(name, training_documents.draw)(me, line)


def _head(line: TrainingLine) -> None:
    label, tone = state(line)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"### {plain(line.name)}", width="content")
        st.badge(label, color=COLOURS[tone])  # type: ignore[arg-type]
    where = f" · {plain(line.url)}" if line.url else ""
    st.caption(f"{KINDS[line.type]}{where}")


def _work(line: TrainingLine) -> None:
    """How far the work is, or how the last one ended where it did not end well."""
    if line.job and is_open(line.job):
        st.progress(share(line.job), text=progress(line.job, UNITS[line.type]))
    elif line.status == "failed" and line.status_detail:
        st.error(plain(line.status_detail), icon=":material/error:")
    elif line.status == "cancelled":
        st.info("The last work on it was cancelled; what was read before stays.", icon=":material/info:")


def _figures(me: Here, line: TrainingLine) -> None:
    zone, now = me.workspace.timezone, datetime.now(UTC)
    told = [
        (UNITS[line.type].capitalize() + "s", f"{line.documents:,}"),
        ("Passages", f"{line.passages:,}"),
        ("Size", size(line.bytes)),
        ("Last read", clock(line.last_read_at, zone) if line.last_read_at else "Not yet"),
    ]
    if line.type in CRAWLED:
        schedule = schedules.of(line, now)
        upcoming = training_when.shown(schedule.next_run, zone) if schedule and schedule.next_run else "When you ask"
        told.append(("Next", upcoming))
    with st.container(horizontal=True, key="facts"):
        for label, text in told:
            st.markdown(f":small[:gray[{label}]]  \n**{plain(text)}**", width="content")


def _buttons(line: TrainingLine) -> None:
    """With keys of this source: a click that comes late never reaches another one."""
    form = _form(line)
    with st.container(horizontal=True):
        if line.job and is_open(line.job):
            st.button("Cancel", key=f"{form}:cancel", icon=":material/stop_circle:", on_click=_cancel, args=(line,))
        elif line.type in CRAWLED:
            st.button("Read again now", key=f"{form}:crawl", icon=":material/refresh:", on_click=_crawl, args=(line,))
        if line.failed and not is_open(line.job):
            again = f"Try the {line.failed:,} failed again"
            st.button(again, key=f"{form}:retry", icon=":material/replay:", on_click=_retry, args=(line,))
        training_continue.button(line)
        with st.popover("Delete", icon=":material/delete:", key=f"{form}:ask"):
            st.markdown(
                f"Delete **{plain(line.name)}** with {count(line.passages, 'passage')}? The AI does not know any of it from then on."
            )
            st.button("Yes, delete", type="primary", key=f"{form}:delete", on_click=_delete, args=(line,))


def _history(me: Here, line: TrainingLine) -> None:
    with me.read() as tx:
        jobs = training_jobs.recent(tx, line.id, limit=JOBS)
    if not jobs:
        st.caption("Nothing has been read yet.")
    for job in jobs:
        label, tone = words.RUN_STATES["running" if job.state == "working" else job.state]
        with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"job:{job.id}"):
            told = job.outcome or progress(job, UNITS[line.type])
            st.markdown(
                f"**{clock(job.created_at, me.workspace.timezone)}** · {CAUSES[job.cause]} "
                f":{COLOURS[tone]}-badge[{label}]  \n:small[:gray[{plain(told)}]]",
                width="stretch",
            )
            if job.prefect_run_id:
                settings = get_settings()
                address = f"http://{settings.host}:{settings.prefect_port}/runs/flow-run/{job.prefect_run_id}"
                st.link_button("Prefect", address, icon=":material/open_in_new:")


def _form(line: TrainingLine) -> str:
    return f"source:{line.id}"


def _crawl(line: TrainingLine) -> None:
    attempt(_form(line), lambda me: training.crawl_now(me.workspace.id, actor(me), line.id), done="It is read again.")


def _retry(line: TrainingLine) -> None:
    attempt(_form(line), lambda me: training.retry_failed(me.workspace.id, actor(me), line.id))


def _cancel(line: TrainingLine) -> None:
    attempt(_form(line), lambda me: training.cancel(me.workspace.id, actor(me), line.id))


def _delete(line: TrainingLine) -> None:
    def delete(me: Here) -> bool:
        training.delete_source(me.workspace.id, actor(me), line.id)
        return True

    if attempt(_form(line), delete, done="The source is deleted."):
        place.go()
