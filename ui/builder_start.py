"""A new automation: from a template, from nothing, from a copy, from a sentence, or from a file."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import streamlit as st

from db import connections, views
from flows import drafts, from_sentence, history
from flows.templates import TEMPLATES, Template
from ui import builder_list, health, links, place, session
from ui.session import Here
from ui.text import plain

EXAMPLE = "When somebody asks for a price, answer from our documents and tag them as a lead."
WAYS = ("Templates", "Describe it", "Copy", "File")


def draw(me: Here) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("All automations", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    st.subheader("New automation")
    templates, sentence, copy, file = st.tabs(WAYS, on_change="rerun", key="new_way")
    with templates:
        _gallery()
    with sentence:
        _sentence(me)
    with copy:
        _copy(me)
    with file:
        _file()


def _gallery() -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(":material/edit_square: **Start from nothing**  \n:small[:gray[Choose what starts it, then add step by step.]]", width="stretch")  # fmt: skip
        st.button("Start", key="blank", type="primary", on_click=_make, args=(lambda me: _created(me, None),))
    for group in dict.fromkeys(template.group for template in TEMPLATES):
        st.markdown(f"**{group}**")
        with st.container(horizontal=True, gap="small", key=f"gallery_{group}"):
            for template in TEMPLATES:
                if template.group == group:
                    _template(template)


def _template(template: Template) -> None:
    with st.container(border=True, width=300, height="stretch", gap="xsmall", key=f"template_{template.key}"):
        st.markdown(f":material/{template.icon}: **{plain(template.title)}**")
        st.container(height="stretch").markdown(f":small[{plain(template.description)}]")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{len(template.document.steps)} steps", width="stretch")
            st.button(
                "Use this", key=f"use:{template.key}", on_click=_make, args=(lambda me: _created(me, template),),
                help=f"A draft from the template “{template.title}”",
            )  # fmt: skip


def _created(me: Here, template: Template | None) -> UUID:
    if template is None:
        return drafts.create(me.workspace.id, me.user.id, name="New automation")
    return drafts.create(me.workspace.id, me.user.id, name=template.title, document=template.document)


def _sentence(me: Here) -> None:
    with me.read() as tx:
        has_model = health.is_ready(connections.all_connections(tx), "llm")
    if not has_model:
        st.info(
            "For this a language model must be connected: it turns your sentence into steps that you then check. "
            "An admin connects one under Settings, “Language model”. Templates need none.",
            icon=":material/auto_awesome:",
        )
        if me.may("admin"):
            links.to("settings", "Connect a model")
        return
    text = st.text_area("What should happen?", key="new_sentence", placeholder=EXAMPLE, max_chars=1000)
    # Never disabled: what is typed arrives with the click.
    if st.button("Write a draft", type="primary", icon=":material/auto_awesome:"):
        with st.spinner("The model writes the steps. This takes some seconds."):
            made = session.act("build", lambda me: _from_sentence(me, text.strip()))
        if made is not None:
            _open(made)
            st.rerun(scope="fragment")


def _from_sentence(me: Here, text: str) -> UUID:
    document = from_sentence.draft_from(me.workspace.id, text)
    return drafts.create(me.workspace.id, me.user.id, name=document.name, document=document)


def _copy(me: Here) -> None:
    with me.read() as tx:
        lines = views.automation_list(tx)
    if not lines:
        st.caption("There is no automation to copy yet.")
    for line in lines:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(line.name)}**  \n:small[:gray[{plain(line.description)}]]", width="stretch")
            st.button("Copy this", key=f"new_copy:{line.id}", on_click=builder_list.copy, args=(line.id,))


def _file() -> None:
    file = st.file_uploader("A file that was exported from Frontdesk", type="json", key="new_file", max_upload_size=2)
    if file is not None and st.button("Make an automation of it", type="primary", icon=":material/upload_file:"):
        data = file.getvalue()
        made = session.act("build", lambda me: history.import_file(me.workspace.id, me.user.id, data))
        if made is not None:
            _open(made)
            st.rerun(scope="fragment")


def _make(create: Callable[[Here], UUID]) -> None:
    made = session.act("build", create)
    if made is not None:
        _open(made)


def _open(automation: UUID) -> None:
    place.go(id=str(automation))


def _back() -> None:
    place.go()
