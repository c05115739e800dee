"""The list of sources beside the one that is open, the form for a new one, or the state of the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from db import views
from db.views import TrainingLine
from ui import (
    frame,
    parts,
    place,
    training_files,
    training_pairs,
    training_source,
    training_text,
    training_website,
)
from ui.session import Here
from ui.text import plain
from ui.training_words import COLOURS, KINDS, SYMBOLS, UNITS, amount, count, is_open, progress, share, state

PAGE = 50
# What can be added: the title of its form, what it is good for, and the form itself.
FORMS: dict[str, tuple[str, str, Callable[[Here], None]]] = {
    "website": ("A website", "Its pages are read, and read again on a schedule.", training_website.draw),
    "file": ("Files", "PDF, Word, PowerPoint, Excel, CSV, HTML, Markdown or text.", training_files.draw),
    "text": ("A text", "Write or paste what customers ask about.", training_text.draw_text),
    "qa": ("Questions and answers", "Found by the question, answered word for word.", training_pairs.draw),
    "urls": ("A list of addresses", "Exactly these pages, without following links.", training_text.draw_list),
}
_NAMES = {"website": "Website", "file": "Files", "text": "Text", "qa": "Q & A", "urls": "Addresses"}


def adding() -> str:
    """The kind of source whose form is open, '' = none."""
    asked = place.at("add")
    return asked if asked in FORMS else ""


def view(me: Here) -> None:
    search = st.session_state.get("source_search", "")
    wanted = st.session_state.get("sources_wanted", PAGE)
    with me.read() as tx:
        found = views.training_list(tx, search=search, limit=wanted + 1)
    if not found and not search and not adding():
        _welcome(me)
        return
    open_one = "pane_source" if adding() or place.identity("s") else "pane_sources"
    frame.show_on_phone(open_one, among=("pane_sources", "pane_source"))
    left, right = st.columns([1, 1.8], gap="medium")
    with left, st.container(key="pane_sources"):
        _list(me, found, wanted)
    with right, st.container(key="pane_source"):
        _right(me, found)


def _list(me: Here, found: list[TrainingLine], wanted: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text_input(
            "Search",
            key="source_search",
            live=True,
            placeholder="Name or address",
            icon=":material/search:",
            label_visibility="collapsed",
        )
        if me.may("build"):
            st.button("Add", type="primary", icon=":material/add:", on_click=_open_form, args=("website",))
    parts.rows(
        [_item(line) for line in found[:wanted]],
        key="sources",
        label="Sources",
        empty=_nothing(),
        selected=place.at("s"),
        tall=True,
        more="Show more" if len(found) > wanted else "",
        on_choose=_open,
        on_more=_more,
    )


def _nothing() -> dict[str, str]:
    if st.session_state.get("source_search", ""):
        return {"title": "Nothing found", "text": "No source has this in its name or address.", "symbol": "search_off"}
    return {"title": "No sources yet", "text": "What you add appears here.", "symbol": "school"}


def _item(line: TrainingLine) -> dict[str, Any]:
    label, tone = state(line)
    item: dict[str, Any] = {
        "id": str(line.id),
        "title": line.name,
        "symbol": SYMBOLS[line.type],
        "at": line.last_read_at.isoformat() if line.last_read_at else "",
        "text": amount(line),
        "chips": [{"text": label, "tone": tone}],
    }
    if line.waiting:
        item["chips"].append({"text": f"{count(line.waiting, 'change')} to approve", "tone": "warn"})
    if line.job and is_open(line.job):
        item["text"] = progress(line.job, UNITS[line.type])
        item["progress"] = share(line.job)
    return item


def _right(me: Here, found: list[TrainingLine]) -> None:
    source = place.identity("s")
    if adding() or source is not None:
        st.container(key="narrow_back").button("Back to the list", icon=":material/arrow_back:", on_click=_close)
    if adding():
        _form(me, adding())
    elif source is not None:
        training_source.draw(me, source)
    else:
        _whole(me, found)


def _form(me: Here, kind: str) -> None:
    if not me.may("build"):
        st.warning("Your role allows to look only. A builder or an admin can add training material.")
        return
    chosen_kind = st.segmented_control(
        "Add",
        list(FORMS),
        default=kind,
        key=f"add_kind:{place.steps()}",
        format_func=lambda each: f":material/{SYMBOLS[each]}: {_NAMES[each]}",
        required=True,
        label_visibility="collapsed",
    )
    title, brings, draw = FORMS[chosen_kind or kind]
    st.markdown(f"**{title}**  \n:gray[{brings}]")
    draw(me)


def _whole(me: Here, found: list[TrainingLine]) -> None:
    """Nothing is open: what there is of each kind, and what needs a person."""
    waiting = sum(line.waiting for line in found)
    if waiting:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":orange[:material/rule:] **{count(waiting, 'change')} wait{'s' if waiting == 1 else ''} for approval**  \n"
                ":small[:gray[Until then the AI answers from the former text.]]",
                width="stretch",
            )
            st.button("Look at them", on_click=_to_changes)
    for line in [line for line in found if line.failed or line.status == "failed"][:5]:
        label, tone = state(line)
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            why = line.status_detail if line.status == "failed" else f"{count(line.failed, UNITS[line.type])} failed."
            st.markdown(
                f":{COLOURS[tone]}[:material/warning:] **{plain(line.name)}**  \n:small[:gray[{plain(why) or label}]]",
                width="stretch",
            )
            st.button("Open", key=f"open:{line.id}", on_click=_open, args=(str(line.id),))
    lines = [_of_kind(kind, [line for line in found if line.type == kind]) for kind in KINDS]
    parts.empty("Choose a source", "\n\n".join(line for line in lines if line), "school")


def _of_kind(kind: str, lines: list[TrainingLine]) -> str:
    if not lines:
        return ""
    passages = count(sum(line.passages for line in lines), "passage")
    return f"{KINDS[kind]}: {count(len(lines), 'source')}, {passages}"


def _welcome(me: Here) -> None:
    if not me.may("build"):
        parts.empty(
            "Nothing has been taught yet",
            "Without documents every question waits for a person. A builder or an admin can add a website, files or a text.",
            "school",
        )
        return
    st.markdown(
        "**Teach the front desk your business.** Customers are answered from what you add here, and from nothing else. "
        "Most begin with their website."
    )
    for kind, (title, brings, _) in FORMS.items():
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/{SYMBOLS[kind]}: **{title}**  \n:small[:gray[{brings}]]",
                width="stretch",
            )
            st.button(
                "Add",
                key=f"begin:{kind}",
                type="primary" if kind == "website" else "secondary",
                on_click=_open_form,
                args=(kind,),
            )


def _open(source: str) -> None:
    place.go(s=source)


def _open_form(kind: str) -> None:
    place.go(add=kind)


def _close() -> None:
    place.go()


def _to_changes() -> None:
    st.session_state["training_view"] = "Changes"


def _more() -> None:
    st.session_state["sources_wanted"] = st.session_state.get("sources_wanted", PAGE) + PAGE
