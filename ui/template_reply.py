"""Below a WhatsApp conversation that takes no free text any more: choose an approved template, fill it in, read it, send it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid4

import streamlit as st

from db.views import ConversationDetail
from flows import message_templates
from flows.template_reply import reply_with_template
from nodes.clients.twilio_content import ContentTemplate
from nodes.message_template import Blank
from ui import passing, session, whatsapp_templates
from ui.session import Here
from ui.text import plain
from ui.whatsapp_templates import Shelf

OPEN = "template_reply"
LABEL = "Send an approved template"
SHOWN = 3  # templates that cannot be sent
# What the thread leaves free below it, in pixels: for the button, for the menu, and for a template with its blanks.
BUTTON, MENU, WHOLE = 56, 210, 440
UNFILLED = "Fill in every blank first: WhatsApp refuses a template with an empty one."


def height(conversation: ConversationDetail) -> int:
    """How much room is needed below the thread."""
    key = _key(conversation.id)
    if not key:
        return BUTTON
    return WHOLE if st.session_state.get(_menu(key)) else MENU


def draw(me: Here, conversation: ConversationDetail) -> None:
    """The button, and what it opens."""
    key = _key(conversation.id)
    if not key:
        st.button(
            LABEL, type="primary", icon=":material/schedule_send:", key=f"approved_open:{conversation.id}",
            on_click=_begin, args=(conversation.id,),
        )  # fmt: skip
        return
    with st.container(border=True, key="approved_reply"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{LABEL}**", width="stretch")
            st.button("Close", type="tertiary", icon=":material/close:", key=f"approved_close:{key}", on_click=_end)
        with st.spinner("Asking Twilio for your templates"):
            shelf = whatsapp_templates.shelf(me.workspace.id).of(conversation.connection_name)
        if shelf.approved:
            _form(conversation.id, shelf, key)
        else:
            _nothing(shelf)


def _nothing(shelf: Shelf) -> None:
    st.markdown(f":orange[:material/info:] {plain(shelf.trouble or whatsapp_templates.NONE_APPROVED)}")
    if not shelf.trouble:
        whatsapp_templates.list_others(shelf, SHOWN)


def _form(conversation: UUID, shelf: Shelf, key: str) -> None:
    approved = shelf.approved
    id = st.selectbox(
        "Template", list(approved), key=_menu(key), placeholder="Choose", label_visibility="collapsed",
        index=None, format_func=lambda id: _named(approved[id]),
    )  # fmt: skip
    template = approved.get(id or "")
    if template is None:
        st.caption("Choose what WhatsApp has approved. You see the whole message before it leaves.")
        return
    values = _values(template, key)
    with st.container(border=True, gap="xsmall", key="approved_preview"):
        st.markdown(":small[:gray[What the customer gets]]")
        st.markdown(whatsapp_templates.preview(template.text, values))
    st.button(
        "Send it", type="primary", icon=":material/send:", key=f"approved_send:{key}",
        on_click=_send, args=(conversation, template, key),
    )  # fmt: skip


def _values(template: ContentTemplate, key: str) -> Mapping[str, str]:
    """A field for each blank, two beside each other; returns what is in them now."""
    for place, blank in enumerate(template.blanks):
        if place % 2 == 0:  # a row for every two, so that a narrow screen keeps their order
            columns = st.columns(2) if len(template.blanks) > 1 else [st.container()]
        sample, stands = template.samples.get(blank, ""), whatsapp_templates.where(template.text, blank)
        columns[place % 2].text_input(
            f"Blank {blank}", key=_field(template, blank, key), placeholder=f"For example {sample}" if sample else None,
            help=f"In “{stands}”" if stands else "Part of a button or a picture of the template.", live=True,
        )  # fmt: skip
    return _filled(template, key)


def _send(conversation: UUID, template: ContentTemplate, key: str) -> None:
    values = _filled(template, key)
    if not all(values.values()):
        passing.say(UNFILLED, "edit")
        return
    blanks = [Blank(name=name, value=value) for name, value in values.items()]
    whole = message_templates.chosen(template).model_copy(update={"blanks": blanks})
    sent = session.act(
        "reply",
        lambda me: reply_with_template(me.workspace.id, conversation, me.user.id, whole, key),
        done="The template is on its way.",
    )
    if sent is not None:
        _end()


def _filled(template: ContentTemplate, key: str) -> Mapping[str, str]:
    fields = {blank: st.session_state.get(_field(template, blank, key)) for blank in template.blanks}
    return {blank: str(value or "").strip() for blank, value in fields.items()}


def _menu(key: str) -> str:
    return f"approved_which:{key}"


def _field(template: ContentTemplate, blank: str, key: str) -> str:
    return f"approved_blank:{key}:{template.id}:{blank}"


def _named(template: ContentTemplate) -> str:
    return whatsapp_templates.name_of(template.name, template.language)


def _key(conversation: UUID) -> str:
    """What makes the message of this open form go once, however often it is sent; '' = the form is not open."""
    held: tuple[UUID, str] | None = st.session_state.get(OPEN)
    return held[1] if held is not None and held[0] == conversation else ""


def _begin(conversation: UUID) -> None:
    st.session_state[OPEN] = (conversation, str(uuid4()))


def _end() -> None:
    st.session_state.pop(OPEN, None)
