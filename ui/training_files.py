"""Files by drag and drop: each is taken up as soon as it is there, and says what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import streamlit as st

from db import views
from db.documents import DocumentLine
from flows import training
from flows.training import Added
from nodes.extract import READABLE
from ui.session import Here
from ui.text import plain
from ui.training_act import actor, attempt
from ui.training_words import COLOURS, DOCUMENT_STATES, DOCUMENT_SYMBOLS, count, size

TAKEN = "files:taken"
ROUND = "files:round"  # a new number is an empty field


@dataclass(frozen=True)
class Taken:
    """A file that somebody dropped: the source that it is in, or the sentence why it is in none."""

    name: str
    bytes: int
    source: UUID | None
    refused: str = ""


def draw(me: Here) -> None:
    with me.read() as tx:
        homes = views.training_list(tx, type="file", limit=200)
    if homes:
        st.selectbox(
            "Put them into",
            homes,
            index=None,
            key="files:home",
            placeholder="A source for each file",
            format_func=lambda line: line.name,
        )
    key = f"files:drop:{st.session_state.get(ROUND, 0)}"
    most = training.MOST_FILE_BYTES // 1_000_000
    st.file_uploader(
        f"Drop files here, up to {most} MB each",
        accept_multiple_files=True,
        key=key,
        max_upload_size=most,
        on_change=_take,
        args=(key,),
    )
    st.caption(f"{READABLE} A file of the same name takes the place of the former one.")
    _results(me)


def _take(key: str) -> None:
    """Hand every dropped file over, note what was said, and empty the field: its files would stay in memory."""
    taken: list[Taken] = st.session_state.get(TAKEN, [])
    seen: set[str] = st.session_state.setdefault("files:seen", set())
    home = st.session_state.get("files:home")
    for file in st.session_state[key] or []:
        if file.file_id in seen:  # told again while the field is on its way out
            continue
        seen.add(file.file_id)
        added = attempt("files", _adding(file.name, file.getvalue(), home.id if home else None))
        refused = "" if added else st.session_state.get("files:refused", "Your role does not allow this.")
        taken = [Taken(file.name, file.size, added.source if added else None, refused), *taken]
    st.session_state[TAKEN] = taken[:50]
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1


def _adding(name: str, content: bytes, home: UUID | None) -> Callable[[Here], Added]:
    return lambda me: training.add_file(me.workspace.id, actor(me), name, content, home)


def _results(me: Here) -> None:
    """What became of each file of this visit; it changes by itself while they are read."""
    taken: list[Taken] = st.session_state.get(TAKEN, [])
    if not taken:
        return
    with me.read() as tx:
        known = views.documents_at(tx, [(each.source, each.name) for each in taken if each.source])
    for number, each in enumerate(taken):
        with st.container(border=True, key=f"taken:{number}"):
            document = known.get((each.source, each.name)) if each.source else None
            st.markdown(_told(each, document))


def _told(each: Taken, document: DocumentLine | None) -> str:
    head = f"**{plain(each.name)}** :gray[{size(each.bytes)}]"
    if each.refused:
        return f":red[:material/block:] {head}  \n{plain(each.refused)}"
    if document is None:
        return f":gray[:material/delete:] {head}  \nIts source was deleted."
    label, tone = DOCUMENT_STATES[document.state]
    learned = f": {count(document.passages, 'passage')}" if document.state == "indexed" else ""
    why = "  \n".join(plain(sentence) for sentence in (document.reason, document.note) if sentence)
    mark = f":{COLOURS[tone]}[:material/{DOCUMENT_SYMBOLS[document.state]}:]"
    return f"{mark} {head} · {label}{learned}" + (f"  \n{why}" if why else "")
