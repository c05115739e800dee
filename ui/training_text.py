"""A text by hand with the passages that it becomes, and a list of addresses."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from flows import schedules, training
from flows.training import Added
from nodes.chunk import Chunk
from ui import place, training_when
from ui.session import Here
from ui.text import plain
from ui.training_act import actor, attempt, refusal, value
from ui.training_words import count

TEXT, LIST = "add_text", "add_urls"
SHOWN = 20


def draw_text(me: Here) -> None:
    st.text_input("Name", key=f"{TEXT}:name", placeholder="Opening hours and holidays")
    text = st.text_area(
        "Text",
        key=f"{TEXT}:text",
        height=260,
        placeholder="## Opening hours\nMonday to Friday from 9:00 to 18:00.\n\n## Holidays\nClosed on public holidays.",
        help="Lines that begin with ## are headings: they help finding.",
    )
    st.button("Save the text", type="primary", icon=":material/save:", on_click=_save_text)
    refusal(TEXT)
    if text.strip():
        preview(training.preview_text(text, value(f"{TEXT}:name", "")))
    else:
        st.caption("Click outside the text to see the passages that it becomes.")


def preview(chunks: list[Chunk]) -> None:
    """Passages before they are learned."""
    st.markdown(f"**{count(len(chunks), 'passage')}** that the AI will find one by one:")
    for chunk in chunks[:SHOWN]:
        with st.container(border=True):
            st.markdown(f":small[:gray[{plain(chunk.heading) or 'No heading'} · {len(chunk.text)} characters]]")
            st.text(chunk.text)
    if len(chunks) > SHOWN:
        st.caption(f"And {count(len(chunks) - SHOWN, 'more passage')}.")


def draw_list(me: Here) -> None:
    st.text_input("Name", key=f"{LIST}:name", placeholder="Pages of our suppliers")
    text = st.text_area(
        "Addresses, one on each line",
        key=f"{LIST}:text",
        height=200,
        placeholder="https://www.example.com/prices\nhttps://www.example.com/delivery",
        help="Exactly these pages are read; their links are not followed.",
    )
    if addresses := _addresses(text):
        st.caption(f"{len(addresses):,} to read.")
    st.toggle("Changes wait for my approval", key=f"{LIST}:review")
    training_when.field(f"{LIST}:when", me.workspace.timezone)
    st.button("Start reading", type="primary", icon=":material/play_arrow:", on_click=_save_list)
    refusal(LIST)


def _addresses(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _save_text() -> None:
    name, text = value(f"{TEXT}:name", ""), value(f"{TEXT}:text", "")
    _open(
        TEXT,
        attempt(
            TEXT,
            lambda me: training.add_text(me.workspace.id, actor(me), name, text),
            done="The text is being learned.",
        ),
    )


def _save_list() -> None:
    name, addresses = value(f"{LIST}:name", ""), _addresses(value(f"{LIST}:text", ""))
    words, review = value(f"{LIST}:when", "").strip(), value(f"{LIST}:review", False)

    def add(me: Here) -> Added:
        if words:
            schedules.cron_of(words)  # before anything is made
        added = training.add_urls(me.workspace.id, actor(me), name, addresses, review)
        if words:
            schedules.set_schedule(me.workspace.id, actor(me), added.source, words, datetime.now(UTC))
        return added

    _open(LIST, attempt(LIST, add, done="The addresses are being read."))


def _open(form: str, added: Added | None) -> None:
    """Show what was added; the next one begins with empty fields."""
    if added is None:
        return
    for key in [key for key in st.session_state if str(key).startswith(f"{form}:")]:
        del st.session_state[key]
    place.go(s=str(added.source))
