"""What went wrong with a source and what to do about it: documents that failed, and a site of which most is gone at once."""

from __future__ import annotations

import streamlit as st

from db import views
from db.views import TrainingLine
from flows import training
from ui.session import Here
from ui.text import plain
from ui.training_act import attempt, say
from ui.training_words import UNITS, count


def draw(me: Here, line: TrainingLine, form: str) -> None:
    _vanished(me, line, form)
    _failures(me, line)


def _vanished(me: Here, line: TrainingLine, form: str) -> None:
    """Most of a site was not found any more, so nothing was forgotten before a person looks."""
    vanished = line.config.get("vanished")
    if not vanished:
        return
    with st.container(border=True, key=f"vanished:{line.id}"):
        st.markdown(
            f":orange[:material/warning:] **{vanished['gone']:,} of {count(vanished['of'], 'page')} are gone**  \n"
            "That is most of the site, so nothing was forgotten. A site that is down or being rebuilt looks like this: open it and see."
        )
        if me.may("build"):
            with st.container(horizontal=True):
                st.button("Keep them for now", type="primary", key=f"{form}:keep", on_click=_settle, args=(line, form, False))  # fmt: skip
                st.button("They may go", key=f"{form}:gone", on_click=_settle, args=(line, form, True))


def _failures(me: Here, line: TrainingLine) -> None:
    if not line.failed:
        return
    with me.read() as tx:
        found = views.failures(tx, line.id)
    with st.container(border=True, key=f"failures:{line.id}"):
        st.markdown(f":red[:material/error:] **{count(line.failed, UNITS[line.type])} failed**")
        for failure in found:
            often = f":gray[{failure.documents:,} ×] " if failure.documents > 1 else ""
            st.markdown(f"{often}{plain(failure.reason)}  \n:small[:gray[{plain(failure.example)}]]")


def _settle(line: TrainingLine, form: str, gone: bool) -> None:
    decide = training.approve_removals if gone else training.keep_removed
    number = attempt(form, lambda me: decide(me.workspace.id, me.user.id, line.id))
    if number is not None:
        say(f"{count(number, 'page')} {'forgotten' if gone else 'kept'}.")
