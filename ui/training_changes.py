"""What crawls found to be different, as facts to read at a glance; approved or rejected where the owner asked for that."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import streamlit as st

from db import views
from db.views import ChangeRow
from flows import training
from ui import parts
from ui.session import Here
from ui.text import plain
from ui.training_act import attempt, refusal, say
from ui.training_words import FACTS, clock, count, place

PAGE = 20
FACTS_SHOWN = 6
FORM = "changes"
_KINDS = {
    "added": ("add_circle", "New page"),
    "changed": ("change_circle", "Changed"),
    "removed": ("cancel", "Page gone"),
}
_STATES = {"waiting": ("Waits for approval", "orange"), "approved": ("Approved", "green"), "rejected": ("Rejected", "gray"), "applied": ("In use", "blue")}  # fmt: skip


def view(me: Here) -> None:
    with me.read() as tx:
        waiting = views.waiting_changes(tx)
        names = {line.id: line.name for line in views.training_list(tx, limit=500)}
    only, source = _filters(names, waiting)
    wanted = st.session_state.get("changes_wanted", PAGE)
    with me.read() as tx:
        found = views.change_list(tx, source=source, waiting=only, limit=wanted + 1)
    if any(line.state == "waiting" for line in found) and me.may("build"):
        _all_at_once(source, names)
    refusal(FORM)
    if not found:
        _nothing(only)
    for line in found[:wanted]:
        _change(me, line)
    if len(found) > wanted:
        st.button("Show more", on_click=_more)


def _filters(names: Mapping[UUID, str], waiting: int) -> tuple[bool, UUID | None]:
    with st.container(horizontal=True, vertical_alignment="center"):
        picked = st.pills(
            "Show",
            ("waiting", "all"),
            key="changes:shown",
            default="waiting" if waiting else "all",
            format_func=lambda each: f"Wait for approval · {waiting:,}" if each == "waiting" else "All changes",
            label_visibility="collapsed",
        )
        source = st.selectbox(
            "Source",
            list(names),
            index=None,
            key="changes:source",
            placeholder="All sources",
            format_func=names.__getitem__,
            label_visibility="collapsed",
            width=280,
        )
    return picked == "waiting", source


def _nothing(only_waiting: bool) -> None:
    if only_waiting:
        parts.empty("Nothing waits for approval", "Changes wait here where a website is set up so.", "task_alt")
    else:
        parts.empty(
            "No changes yet",
            "When a website is read again and says something else, the difference appears here: prices, times and dates first.",
            "difference",
        )


def _all_at_once(source: UUID | None, names: Mapping[UUID, str]) -> None:
    where = f" of {plain(names[source])}" if source else ""
    with st.container(horizontal=True):
        for approve, label, icon in ((True, "Approve all", "done_all"), (False, "Reject all", "block")):
            with st.popover(label, icon=f":material/{icon}:"):
                st.markdown(f"{label[:-4]} every change{where} that waits?")
                st.button(f"Yes, {label.lower()}", type="primary", on_click=_decide_all, args=(approve, source))


def _change(me: Here, line: ChangeRow) -> None:
    symbol, kind = _KINDS[line.kind]
    label, colour = _STATES[line.state]
    with st.container(border=True, key=f"change:{line.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/{symbol}: **{plain(place(line.address, line.title or line.document_title))}**",
                width="content",
            )
            st.badge(kind, color="gray")
            st.badge(label, color=colour)  # type: ignore[arg-type]
        by = f" by {plain(line.decided_by_name)}" if line.decided_by_name else ""
        st.caption(
            f"{plain(line.source_name)} · {plain(line.address)} · found {clock(line.created_at, me.workspace.timezone)}{by}"
        )
        _facts(line)
        if line.state == "waiting" and me.may("build"):
            with st.container(horizontal=True):
                st.button("Approve", type="primary", icon=":material/check:", key=f"yes:{line.id}", on_click=_decide, args=(line.id, True))  # fmt: skip
                st.button("Reject", icon=":material/close:", key=f"no:{line.id}", on_click=_decide, args=(line.id, False))  # fmt: skip


def _facts(line: ChangeRow) -> None:
    if line.kind == "removed":
        st.markdown("The page is not there any more, or nothing leads to it.")
    if not line.items and line.kind == "changed":
        st.markdown("Only the form of the page is different.")
    st.markdown("\n".join(f"- {fact(item)}" for item in line.items[:FACTS_SHOWN]))
    if len(line.items) > FACTS_SHOWN:
        with st.expander(f"{count(len(line.items) - FACTS_SHOWN, 'more difference')}"):
            st.markdown("\n".join(f"- {fact(item)}" for item in line.items[FACTS_SHOWN:]))


def fact(item: Mapping[str, str]) -> str:
    """One difference as Markdown: what kind of fact, where it stands, what it was and what it is."""
    symbol, name = FACTS.get(item["kind"], FACTS["text"])
    where = f" :gray[{plain(item['where'])}]" if item.get("where") else ""
    before, after = _line(item.get("before", "")), _line(item.get("after", ""))
    if before and after:
        told = f":red[~~{plain(before)}~~] → :green[**{plain(after)}**]"
    else:
        told = f"gone: :red[~~{plain(before)}~~]" if before else f"new: :green[**{plain(after)}**]"
    sentence = _line(item.get("sentence_after") or "")
    whole = f"  \n:small[:gray[{plain(sentence)}]]" if before and after and sentence and sentence != after else ""
    return f":material/{symbol}: {name}{where}: {told}{whole}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _decide(change: UUID, approve: bool) -> None:
    def decide(me: Here) -> bool:
        (training.approve_change if approve else training.reject_change)(me.workspace.id, me.user.id, change)
        return True

    attempt(FORM, decide, done="Approved: the AI learns it now." if approve else "Rejected: the former text stays.")


def _decide_all(approve: bool, source: UUID | None) -> None:
    decided = attempt(
        FORM, lambda me: training.decide_waiting(me.workspace.id, me.user.id, approve=approve, source=source)
    )
    if decided is not None:
        say(f"{count(decided, 'change')} {'approved' if approve else 'rejected'}.")


def _more() -> None:
    st.session_state["changes_wanted"] = st.session_state.get("changes_wanted", PAGE) + PAGE
