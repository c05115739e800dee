"""Passages: found by their words or by their source, corrected, switched off, and given back the text of their document."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import streamlit as st

from db import indexing, views
from db.views import PassageRow
from db.views.training import Shown
from flows import training
from ui import frame, parts
from ui.session import Here
from ui.text import plain
from ui.training_act import attempt, refusal, value
from ui.training_words import SYMBOLS, place

PAGE = 50
EXCERPT = 260
FILTERS: dict[str, Shown] = {"All": "all", "Edited": "edited", "Switched off": "off"}
SOURCE, DOCUMENT, CHOSEN = "passages:source", "passages:document", "passages:chosen"


def show(source: UUID, document: str | None = None) -> None:
    """Open this view at the passages of a source, or of one of its documents."""
    st.session_state["training_view"] = "Passages"
    st.session_state[SOURCE], st.session_state[DOCUMENT] = source, (source, document)
    st.session_state["passages:search"] = ""
    st.session_state.pop(CHOSEN, None)


def show_one(passage: UUID) -> None:
    """Open this view at one passage."""
    st.session_state["training_view"] = "Passages"
    st.session_state[CHOSEN] = str(passage)


def view(me: Here) -> None:
    chosen = st.session_state.get(CHOSEN, "")
    frame.show_on_phone("pane_passage" if chosen else "pane_passages", among=("pane_passages", "pane_passage"))
    left, right = st.columns([1, 1.5], gap="medium")
    with left, st.container(key="pane_passages"):
        _list(me)
    with right, st.container(key="pane_passage"):
        if chosen:
            _one(me, UUID(chosen))
        else:
            parts.empty(
                "Choose a passage", "A passage is a piece of a document that the AI finds and answers from.", "notes"
            )


def _list(me: Here) -> None:
    search, source, shown = _filters(me)
    of, document = st.session_state.get(DOCUMENT, (None, None))
    document = document if of == source else None
    if document is not None:
        st.button(f"Only “{place(document)[:60]}”", icon=":material/close:", on_click=_whole_source)
    wanted = st.session_state.get("passages_wanted", PAGE)
    with me.read() as tx:
        found = views.passage_list(
            tx, source=source, document=document, search=search, shown=FILTERS[shown], limit=wanted + 1
        )
    parts.rows(
        [_item(line, with_source=source is None) for line in found[:wanted]],
        key="passages",
        label="Passages",
        empty=_nothing(search, shown),
        selected=st.session_state.get(CHOSEN, ""),
        tall=True,
        more="Show more" if len(found) > wanted else "",
        on_choose=_open,
        on_more=_more,
    )


def _filters(me: Here) -> tuple[str, UUID | None, str]:
    search = st.text_input(
        "Search",
        key="passages:search",
        live=True,
        placeholder="Words of the passage",
        icon=":material/search:",
        label_visibility="collapsed",
    )
    with me.read() as tx:
        names = {line.id: line.name for line in views.training_list(tx, limit=500)}
    if st.session_state.get(SOURCE) not in names:
        st.session_state[SOURCE] = None
    source = st.selectbox(
        "Source",
        list(names),
        index=None,
        key=SOURCE,
        placeholder="All sources",
        format_func=names.__getitem__,
        label_visibility="collapsed",
    )
    shown = st.pills("Show", list(FILTERS), key="passages:shown", default="All", label_visibility="collapsed") or "All"
    return search.strip(), source, shown


def _nothing(search: str, shown: str) -> dict[str, str]:
    if search:
        return {"title": "Nothing found", "text": "No passage has all these words.", "symbol": "search_off"}
    if shown != "All":
        return {
            "title": "None",
            "text": "Passages that somebody corrected or switched off appear here.",
            "symbol": "edit",
        }
    return {"title": "No passages yet", "text": "They appear as soon as a source has been read.", "symbol": "notes"}


def _item(line: PassageRow, *, with_source: bool) -> dict[str, Any]:
    chips = [{"text": line.source_name, "tone": ""}] if with_source else []
    chips += [{"text": "Corrected", "tone": "info"}] if line.edited else []
    chips += [] if line.enabled else [{"text": "Switched off", "tone": "warn"}]
    return {
        "id": str(line.id),
        "title": line.heading or place(line.document),
        "symbol": SYMBOLS[line.source_type],
        "text": " ".join(line.text[:EXCERPT].split()),
        "wrap": True,
        "chips": chips,
    }


def _one(me: Here, id: UUID) -> None:
    st.container(key="narrow_back").button("Back to the list", icon=":material/arrow_back:", on_click=_close)
    with me.read() as tx:
        line = views.passage(tx, id)
        original = indexing.original(tx, id)
        section = indexing.section(tx, id)
    if line is None:
        st.warning("This passage does not exist any more: its document changed or was deleted.")
        return
    _head(line)
    if me.may("build"):
        _editor(line, is_edited=original is not None)
    else:
        st.text(line.text)
    if original is not None:
        with st.expander("What its document says", icon=":material/history:"):
            st.caption(plain(original[0]))
            st.text(original[1])
    if len(section) > 1:
        with st.expander(f"The whole section, {len(section)} passages", icon=":material/segment:"):
            for part in section:
                st.markdown(f":small[:gray[Passage {part.position + 1}]]")
                st.text(part.text)


def _head(line: PassageRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(line.heading or 'No heading')}**", width="content")
        if not line.enabled:
            st.badge("Switched off", color="orange")
        if line.edited:
            st.badge("Corrected", color="blue")
    where = plain(place(line.document))
    if line.document.startswith(("http://", "https://")):
        where = f"[{where}](<{line.document.replace('>', '%3E').replace('<', '%3C')}>)"
    st.markdown(f":small[:gray[{plain(line.source_name)} · {where} · passage {line.position + 1}]]")


def _editor(line: PassageRow, *, is_edited: bool) -> None:
    form = f"passage:{line.id}"
    is_pair = line.source_type == "qa"
    st.text_input("Question" if is_pair else "Heading", line.heading, key=f"{form}:heading")
    st.text_area("Answer" if is_pair else "Text", line.text, key=f"{form}:text", height=260)
    with st.container(horizontal=True):
        # With keys of this passage: a click that comes late never reaches another one.
        st.button("Save", type="primary", key=f"{form}:save", icon=":material/save:", on_click=_save, args=(line, form))
        st.button(
            "Switch off" if line.enabled else "Switch on",
            key=f"{form}:switch:{line.enabled}",
            icon=":material/visibility_off:" if line.enabled else ":material/visibility:",
            on_click=_switch,
            args=(line, form),
        )
        if is_edited:
            st.button(
                "Back to the document's text",
                key=f"{form}:restore",
                icon=":material/undo:",
                on_click=_restore,
                args=(line, form),
            )
    refusal(form)
    st.caption(
        "A correction stays as long as the document says at this place what it says now. Switched off, no search finds it."
    )


def _save(line: PassageRow, form: str) -> None:
    heading, text = value(f"{form}:heading", line.heading), value(f"{form}:text", line.text)

    def save(me: Here) -> bool:
        training.edit_passage(me.workspace.id, me.user.id, line.id, heading, text)
        return True

    attempt(form, save, done="The passage is saved.")


def _switch(line: PassageRow, form: str) -> None:
    def switch(me: Here) -> bool:
        training.disable_passage(me.workspace.id, me.user.id, line.id, enabled=not line.enabled)
        return True

    attempt(form, switch, done="No search finds it any more." if line.enabled else "Searches find it again.")


def _restore(line: PassageRow, form: str) -> None:
    def restore(me: Here) -> bool:
        training.restore_passage(me.workspace.id, me.user.id, line.id)
        return True

    if attempt(form, restore, done="It says again what its document says."):
        for field in ("heading", "text"):
            st.session_state.pop(f"{form}:{field}", None)


def _open(passage: str) -> None:
    st.session_state[CHOSEN] = passage


def _close() -> None:
    st.session_state.pop(CHOSEN, None)


def _whole_source() -> None:
    st.session_state.pop(DOCUMENT, None)


def _more() -> None:
    st.session_state["passages_wanted"] = st.session_state.get("passages_wanted", PAGE) + PAGE
