"""A question tried out: what a search finds and how well it fits, beside what customers really asked."""

from __future__ import annotations

import streamlit as st

from db import views
from flows.retrieval_test import Tried, try_retrieval
from nodes.errors import ClientError
from nodes.search import PRODUCTION, Hit, SearchSettings
from ui import parts, training_passages, training_retrievals, words
from ui.session import Here
from ui.text import plain
from ui.training_act import value
from ui.training_words import KINDS, SYMBOLS, count, place, rank

QUESTION, ASKED = "test:question", "test:asked"
MODES = {
    "hybrid": "Meaning and words",
    "vector": "Meaning only",
    "lexical": "Words only",
}
MOST_HITS, MOST_NEIGHBOURS = 20, 5


def view(me: Here) -> None:
    left, right = st.columns([1.5, 1], gap="medium")
    with left, st.container(key="pane_test"):
        _form(me)
        _result(me)
    with right, st.container(key="pane_records"):
        training_retrievals.draw(me)


def _form(me: Here) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Question, as a customer would ask it",
            key=QUESTION,
            persist_state="page",
            placeholder="Can I bring my dog along?",
            on_change=_ask,
        )
        st.button("Search", type="primary", icon=":material/search:", on_click=_ask)
    with st.expander("Settings of the search", icon=":material/tune:"):
        _settings_fields(me)


def _settings_fields(me: Here) -> None:
    with me.read() as tx:
        names = {line.id: line.name for line in views.training_list(tx, limit=500)}
    st.segmented_control("Look for", list(MODES), key="test:mode", default=PRODUCTION.mode, format_func=MODES.__getitem__, required=True)  # fmt: skip
    first, second, third = st.columns(3)
    first.number_input("Most passages", 1, MOST_HITS, PRODUCTION.limit, key="test:limit")
    second.number_input(
        "Least score", 0.0, 1.0, PRODUCTION.minimum_score, 0.05, key="test:minimum", help="What fits less is left out."
    )
    third.text_input(
        "Language", key="test:language", placeholder="all", max_chars=5, help="Two letters, like en or de; empty = all."
    )
    st.multiselect("Sources", list(names), key="test:sources", format_func=names.__getitem__, placeholder="All sources")
    st.multiselect("Kinds", list(KINDS), key="test:types", format_func=KINDS.__getitem__, placeholder="All kinds")
    first, second, third = st.columns(3, vertical_alignment="bottom")
    first.number_input(
        "Passages around", 0, MOST_NEIGHBOURS, 0, key="test:neighbours", help="So many before and after each hit."
    )
    second.toggle("Whole section", key="test:parent", help="What stands under the same heading comes along.")
    third.toggle("Sort once more", key="test:rerank", help="A second look at the best ones, slower and more exact.")
    st.button("As customers are answered", icon=":material/restart_alt:", on_click=_reset)


def settings() -> SearchSettings:
    """What the fields say, the production settings where they were not touched."""
    return SearchSettings(
        mode=value("test:mode", PRODUCTION.mode),
        limit=int(value("test:limit", PRODUCTION.limit)),
        language=value("test:language", "").strip().lower(),
        sources=tuple(value("test:sources", [])),
        source_types=tuple(value("test:types", [])),
        minimum_score=float(value("test:minimum", PRODUCTION.minimum_score)),
        neighbours=int(value("test:neighbours", 0)),
        parent=value("test:parent", False),
        rerank=value("test:rerank", False),
    )


def _result(me: Here) -> None:
    question = st.session_state.get(ASKED, "")
    if not question:
        parts.empty(
            "Try what a customer would ask",
            "The passages that the AI would answer from appear here, with how well they fit.",
            "quiz",
        )
        return
    with st.spinner("Searching…"):
        try:
            tried = try_retrieval(me.workspace.id, question, settings())
        except ClientError as error:
            st.error(f"The embedding model did not answer. {plain(error.reason)}", icon=":material/error:")
            return
    _told(question, tried)
    for number, hit in enumerate(tried.hits, 1):
        _hit(number, hit)


def _told(question: str, tried: Tried) -> None:
    how = f"{words.duration(tried.took_ms)} with {plain(tried.embedder_model)}"
    if not tried.hits:
        parts.empty(
            "Nothing fits well enough",
            f"For “{plain(question)}” a customer would be told that a colleague looks into it. Add a text or a question with its answer.",
            "search_off",
        )
    st.caption(f"{count(len(tried.hits), 'passage')} for “{plain(question)}” · {how}")


def _hit(number: int, hit: Hit) -> None:
    with st.container(border=True, key=f"hit:{number}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{number}. {plain(hit.heading or place(hit.document))}**", width="stretch")
            st.badge(f"{hit.score:.2f}", color=strength(hit.score), help="How well it fits, from 0 to 1.")  # type: ignore[arg-type]
        st.markdown(f":small[:gray[{why(hit)}]]")
        st.text(hit.text)
        if hit.context and hit.context != hit.text:
            with st.expander("With what stands around it"):
                st.text(hit.context)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":small[:gray[:material/{SYMBOLS[hit.source_type]}: {plain(hit.source_name)} · {plain(place(hit.document))}]]",
                width="stretch",
            )
            st.button("Open", key=f"open_hit:{number}", icon=":material/edit:", on_click=training_passages.show_one, args=(hit.id,))  # fmt: skip


def strength(score: float) -> str:
    return "green" if score >= 0.6 else "orange" if score >= 0.35 else "gray"


def why(hit: Hit) -> str:
    """How each half of the search judged a hit, in words."""
    return " · ".join(
        (
            _half("meaning", hit.vector_rank, hit.vector_score),
            _half("words", hit.lexical_rank, hit.lexical_score),
        )
    )


def _half(name: str, place_there: int | None, score: float | None) -> str:
    if place_there is None or score is None:
        return f"By {name}: not among the candidates"
    return f"By {name}: {rank(place_there)}, {score:.2f}"


def _ask() -> None:
    if question := value(QUESTION, "").strip():  # a field that comes back empty asks nothing
        st.session_state[ASKED] = question


def _reset() -> None:
    for key in [key for key in st.session_state if str(key).startswith("test:") and key not in (QUESTION, ASKED)]:
        del st.session_state[key]
