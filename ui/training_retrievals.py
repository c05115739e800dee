"""What customers really asked: every search of the automations, with what it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import streamlit as st

from db.views import retrievals
from db.views.retrievals import RetrievalDetail, RetrievalLine
from ui import links, parts
from ui.session import Here
from ui.text import plain
from ui.training_words import clock, count

PAGE = 25
FOUND = {"All": None, "Found something": True, "Found nothing": False}


def draw(me: Here) -> None:
    st.markdown("**What customers asked**  \n:small[:gray[Every search of the automations, as it was.]]")
    search = st.text_input(
        "Search in questions",
        key="records:search",
        live=True,
        placeholder="Words of the question",
        icon=":material/search:",
        label_visibility="collapsed",
    )
    shown = st.pills("Show", list(FOUND), key="records:shown", default="All", label_visibility="collapsed") or "All"
    wanted = st.session_state.get("records_wanted", PAGE)
    with me.read() as tx:
        found = retrievals.retrieval_list(tx, search=search.strip(), found=FOUND[shown], limit=wanted + 1)
    parts.rows(
        [_item(line) for line in found[:wanted]],
        key="retrievals",
        label="What customers asked",
        empty={
            "title": "Nothing here",
            "text": "As soon as a customer asks something, the search for it appears here.",
            "symbol": "manage_search",
        },
        more="Show more" if len(found) > wanted else "",
        on_choose=_open,
        on_more=_more,
    )
    asked = st.session_state.pop("records:asked", None)
    if asked is not None:
        with me.read() as tx:
            record = retrievals.retrieval(tx, *asked)
        if record is not None:
            _look(me, record)


def _item(line: RetrievalLine) -> dict[str, Any]:
    chip = {"text": count(line.found, "passage"), "tone": "good"} if line.found else {"text": "Nothing", "tone": "warn"}
    best = [{"text": f"best {line.best_score:.2f}", "tone": ""}] if line.best_score else []
    return {
        "id": f"{line.run_id}/{line.step_id}",
        "title": line.question or line.message or "No words",
        "symbol": "check" if line.found else "help",
        "tone": "good" if line.found else "warn",
        "at": line.at.isoformat(),
        "text": f"{line.contact_name or 'Visitor'} · {line.automation_name}",
        "chips": [chip, *best],
    }


@st.dialog("What was found", width="large")
def _look(me: Here, record: RetrievalDetail) -> None:
    """One search as it was, with the way to the run and to trying it again now."""
    st.markdown(f"**{plain(record.question)}**")
    if record.message and record.message != record.question:
        st.markdown(f":gray[The customer wrote:] {plain(record.message)}")
    st.caption(
        f"{plain(record.contact_name or 'Visitor')} · {plain(record.automation_name)} · "
        f"{clock(record.at, me.workspace.timezone)} · {plain(record.model)}"
    )
    with st.container(horizontal=True):
        links.to_run(record.run_id)
        if record.conversation_id:
            links.to_conversation(record.conversation_id)
        if st.button("Try it again now", icon=":material/search:", on_click=_again, args=(record.question,)):
            st.rerun()
    if not record.passages:
        st.info("Nothing fitted well enough, so nothing was handed on.", icon=":material/search_off:")
    for number, passage in enumerate(record.passages, 1):
        with st.container(border=True):
            st.markdown(_head(number, passage))
            st.text(str(passage.get("text", "")))
    handed_on = {str(passage.get("id")) for passage in record.passages}
    left_out = [score for score in record.scores if str(score.get("id")) not in handed_on]
    if left_out:
        with st.expander(f"{count(len(left_out), 'passage')} that fitted less"):
            st.markdown("\n".join(f"- {_head(None, score)}" for score in left_out))


def _head(number: int | None, passage: Mapping[str, Any]) -> str:
    lead = f"{number}. " if number else ""
    heading, source = str(passage.get("heading", "")), str(passage.get("source", ""))
    return f"{lead}**{plain(heading or source)}** :gray[{plain(source)} · {float(passage.get('score', 0)):.2f}]"


def _again(question: str) -> None:
    st.session_state["test:question"] = st.session_state["test:asked"] = question


def _open(chosen: str) -> None:
    run, _, step = chosen.partition("/")
    st.session_state["records:asked"] = (UUID(run), step)


def _more() -> None:
    st.session_state["records_wanted"] = st.session_state.get("records_wanted", PAGE) + PAGE
