"""When a website is read again, how far the crawl goes, and whether changes wait for a person."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import streamlit as st

from db.views import TrainingLine
from flows import schedules, training
from ui import training_website, training_when
from ui.session import Here
from ui.text import plain
from ui.training_act import actor, attempt, refusal, value


def draw(me: Here, line: TrainingLine) -> None:
    _schedule(me, line)
    if line.type == "website":
        with st.expander("Address and limits", icon=":material/tune:"):
            _limits(line)


def _schedule(me: Here, line: TrainingLine) -> None:
    form = f"when:{line.id}"
    now = schedules.of(line, datetime.now(UTC))
    st.session_state.setdefault(form, now.words if now else "")
    training_when.field(form, me.workspace.timezone)
    with st.container(horizontal=True):
        st.button(
            "Save the schedule",
            type="primary",
            key=f"{form}:save",
            icon=":material/event_repeat:",
            on_click=_set,
            args=(line.id, form),
        )
        if now:
            st.button("No schedule", key=f"{form}:clear", icon=":material/event_busy:", on_click=_clear, args=(line.id, form))  # fmt: skip
    refusal(form)
    if now and not now.active:
        st.caption(":material/hourglass_top: Saved. Prefect gets it in a moment, and runs it from then on.")
    elif now:
        st.caption(f":material/check: It is a schedule of Prefect: {plain(now.words)} ({plain(now.timezone)}).")


def _limits(line: TrainingLine) -> None:
    form = f"limits:{line.id}"
    st.text_input("Address of the website", line.url, key=f"{form}:url")
    training_website.limits(form, line)
    st.button("Save the limits", key=f"{form}:save", icon=":material/save:", on_click=_change, args=(line, form))
    refusal(form)
    st.caption("They hold from the next time it is read.")


def _set(source: UUID, form: str) -> None:
    words = value(form, "").strip()
    if not words:
        _clear(source, form)
        return
    made = attempt(
        form,
        lambda me: schedules.set_schedule(me.workspace.id, actor(me), source, words, datetime.now(UTC)),
        done="The schedule is saved.",
    )
    if made is not None:
        st.session_state[form] = made.words


def _clear(source: UUID, form: str) -> None:
    def clear(me: Here) -> bool:
        schedules.clear_schedule(me.workspace.id, actor(me), source)
        return True

    if attempt(form, clear, done="It is not repeated any more."):
        st.session_state[form] = ""


def _change(line: TrainingLine, form: str) -> None:
    site = training_website.read(form, value(f"{form}:url", line.url), line.name, dict(line.config))

    def change(me: Here) -> bool:
        training.change_website(me.workspace.id, actor(me), line.id, site)
        return True

    attempt(form, change, done="The limits are saved.")
