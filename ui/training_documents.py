"""The pages, files or questions of a source, each with its state and why."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import streamlit as st

from db import documents, views
from db.documents import DocumentLine
from db.views import TrainingLine
from flows import training
from ui import parts, training_passages
from ui.session import Here
from ui.text import plain
from ui.training_act import actor, attempt, refusal
from ui.training_words import COLOURS, DOCUMENT_STATES, DOCUMENT_SYMBOLS, count, place

PAGE = 50
FORM = "document"


def draw(me: Here, line: TrainingLine) -> None:
    with me.read() as tx:
        states = views.document_states(tx, line.id)
    if not states:
        _without_documents(line)
        return
    picked, search = _filters(line, states) if sum(states.values()) > 5 else ("", "")
    wanted = st.session_state.get("documents_wanted", PAGE)
    with me.read() as tx:
        found = documents.listing(tx, line.id, 0, wanted + 1, picked, search)
    parts.rows(
        [_item(document) for document in found[:wanted]],
        key=f"documents:{line.id}",
        label="Documents",
        empty={"title": "Nothing found", "text": "Choose another state or other words.", "symbol": "search_off"},
        selected=st.session_state.get("document", ""),
        more="Show more" if len(found) > wanted else "",
        on_choose=_open,
        on_more=_more,
    )
    refusal(FORM)
    asked = st.session_state.pop("document_asked", None)
    if asked:
        with me.read() as tx:
            document = documents.get(tx, UUID(asked))
        if document is not None:
            _look(me, line, document)


def _without_documents(line: TrainingLine) -> None:
    if line.passages:
        st.button("Show its passages", icon=":material/notes:", on_click=training_passages.show, args=(line.id,))
    else:
        st.caption("Nothing has been found yet.")


def _filters(line: TrainingLine, states: dict[str, int]) -> tuple[str, str]:
    """(state, words) to keep to."""
    there = [state for state in DOCUMENT_STATES if states.get(state)]
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            "Search in pages",
            key=f"document_search:{line.id}",
            live=True,
            placeholder="Title or address",
            icon=":material/search:",
            label_visibility="collapsed",
            width=260,
        )
        picked = st.pills(
            "State",
            there,
            key=f"document_state:{line.id}",
            format_func=lambda state: f"{DOCUMENT_STATES[state][0]} {states[state]:,}",
            label_visibility="collapsed",
        )
    return picked or "", search.strip()


def _item(document: DocumentLine) -> dict[str, Any]:
    label, tone = DOCUMENT_STATES[document.state]
    why = document.reason or document.note
    return {
        "id": str(document.id),
        "title": place(document.address, document.title),
        "symbol": DOCUMENT_SYMBOLS[document.state],
        "tone": tone,
        "side": count(document.passages, "passage") if document.passages else "",
        "text": why or document.address,
        "wrap": bool(why),
        "chips": [] if document.state == "indexed" else [{"text": label, "tone": tone}],
    }


@st.dialog("Document", width="large")
def _look(me: Here, line: TrainingLine, document: documents.Document) -> None:
    """What was read of it, and what can be done about it."""
    label, tone = DOCUMENT_STATES[document.state]
    st.markdown(f"**{plain(place(document.address, document.title))}** :{COLOURS[tone]}-badge[{label}]")
    if document.address.startswith(("http://", "https://")):
        st.link_button("Open the page", document.address, icon=":material/open_in_new:")
    with me.read() as tx:
        passages = views.passage_list(tx, source=line.id, document=document.address, limit=100)
    if not passages:
        st.caption("No passage was made of it.")
    for passage in passages:
        with st.container(border=True):
            st.markdown(f":small[:gray[{plain(passage.heading)}]]")
            st.text(passage.text)
    with st.container(horizontal=True):
        where = (line.id, document.address)
        if passages and st.button(
            "To its passages", icon=":material/edit:", on_click=training_passages.show, args=where
        ):
            st.rerun()
        removable = me.may("build") and line.type in ("file", "qa") and document.state != "removed"
        if removable and st.button("Remove it", icon=":material/delete:"):
            attempt(
                FORM,
                lambda me: training.remove_document(me.workspace.id, actor(me), document.id),
                done="It is removed.",
            )
            st.rerun()


def _open(document: str) -> None:
    st.session_state["document_asked"] = document


def _more() -> None:
    st.session_state["documents_wanted"] = st.session_state.get("documents_wanted", PAGE) + PAGE
