"""Going on with a source that a person wrote: its form opens with what it holds now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from db import documents
from db.views import TrainingLine
from flows import schedules
from ui import place, session, training_pairs, training_text


def button(line: TrainingLine) -> None:
    """The button to change or extend a source; websites have their settings instead."""
    if line.type in _WAYS:
        label, icon, begin = _WAYS[line.type]
        st.button(label, key=f"continue:{line.id}", icon=f":material/{icon}:", on_click=_open, args=(line, begin))


def _open(line: TrainingLine, begin: Callable[[TrainingLine], None]) -> None:
    begin(line)
    place.go(add=line.type)


def _text(line: TrainingLine) -> None:
    with session.here().read() as tx:
        listed = documents.listing(tx, line.id, limit=1)
        document = documents.get(tx, listed[0].id) if listed else None
    st.session_state[f"{training_text.TEXT}:name"] = line.name
    st.session_state[f"{training_text.TEXT}:text"] = document.markdown if document else ""


def _pairs(line: TrainingLine) -> None:
    st.session_state[f"{training_pairs.FORM}:name"] = line.name


def _list(line: TrainingLine) -> None:
    schedule = schedules.of(line, datetime.now(UTC))
    st.session_state[f"{training_text.LIST}:name"] = line.name
    st.session_state[f"{training_text.LIST}:text"] = "\n".join(line.config.get("urls", []))
    st.session_state[f"{training_text.LIST}:review"] = bool(line.config.get("review"))
    st.session_state[f"{training_text.LIST}:when"] = schedule.words if schedule else ""


def _file(line: TrainingLine) -> None:
    """Files say themselves where they go."""


_WAYS: dict[str, tuple[str, str, Callable[[TrainingLine], None]]] = {
    "text": ("Change the text", "edit", _text),
    "qa": ("Add pairs", "add", _pairs),
    "urls": ("Change the list", "edit", _list),
    "file": ("Add files", "upload_file", _file),
}
