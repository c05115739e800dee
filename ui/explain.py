"""Two questions about a message, answered in a side panel: why this answer, and why no answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import streamlit as st

from db import views
from db.views import RunDetail, ThreadLine
from ui import links, why, words
from ui.session import Here
from ui.text import plain


def message(me: Here, message: ThreadLine) -> None:
    """Open the panel for a message."""
    if message.direction == "out":
        _answer(me, message)
    else:
        _arrival(me, message)


@st.dialog("Why this answer?", width="medium")
def _answer(me: Here, message: ThreadLine) -> None:
    with me.read() as tx:
        found = views.run(tx, message.run_id) if message.run_id else None
    explanation: Mapping[str, Any] = message.metadata.get("explanation") or {}
    st.markdown(f"> {plain(message.content)}")
    st.markdown(written_by(explanation, found))
    if told := template_told(explanation):
        st.markdown(told)
    passages(_used(found) or explanation.get("passages") or [])  # the run has their text, unless it aged out
    if found is not None:
        st.caption(
            f"{found.automation_name}, version {found.version} · {words.minute(found.created_at, me.workspace.timezone)}"
        )
        links.to_run(found.id)


@st.dialog("What happened with this message?", width="medium")
def _arrival(me: Here, message: ThreadLine) -> None:
    st.markdown(f"> {plain(message.content) or 'No text'}")
    why.panel(me, message.id)


def written_by(explanation: Mapping[str, Any], run: RunDetail | None) -> str:
    """Who wrote an answer: a model by name, or the documents themselves."""
    model = explanation.get("model") or _output(run, "used_model")
    if model:
        return f":material/auto_awesome: Written by **{plain(str(model))}** from the passages below."
    if explanation.get("quoted") or _output(run, "quoted"):
        return ":material/format_quote: **Quoted from your documents.** No language model is connected, so nothing was invented or rephrased."
    return ":material/edit_note: A fixed text of the automation."


def template_told(explanation: Mapping[str, Any]) -> str:
    """That a template left, or why the chosen one could not stand by; '' where none was chosen."""
    if name := explanation.get("template"):
        return f":material/verified: Sent as the template **{plain(str(name))}**, which WhatsApp approved."
    if why := explanation.get("template_missing"):
        return f":material/info: The text went without a template to stand by. {plain(str(why))}"
    return ""


def passages(found: Sequence[Mapping[str, Any]]) -> None:
    if not found:
        return
    st.markdown("**Passages it rests on**")
    for passage in found:
        title = " · ".join(str(passage[name]) for name in ("source", "heading") if passage.get(name)) or "Passage"
        with st.container(border=True):
            st.markdown(f"**{plain(title)}**")
            if passage.get("text"):
                st.markdown(plain(str(passage["text"])))
            if passage.get("score"):
                st.caption(f"Fits to {float(passage['score']):.0%}")


def _used(run: RunDetail | None) -> Sequence[Mapping[str, Any]]:
    return _output(run, "used_passages") or []


def _output(run: RunDetail | None, name: str) -> Any:
    """The last value of this name that a step of the run gave."""
    values = [step.output.get(name) for step in run.steps if step.output.get(name)] if run else []
    return values[-1] if values else None


def find(messages: Sequence[ThreadLine], message_id: str) -> ThreadLine | None:
    return next((line for line in messages if line.id == UUID(message_id)), None)
