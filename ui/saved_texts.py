"""Saved texts of GoHighLevel, to be copied into a text that a customer reads."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import streamlit as st

from flows import crm
from flows.message_templates import SavedText
from nodes.contract import NodeSpec
from ui import merge_fields, passing
from ui.builder_widget import Around, Told
from ui.merge_fields import Turned
from ui.text import plain
from ui.whatsapp_templates import with_chips

# The settings of a step that the customer reads word by word.
READ_BY_CUSTOMERS = {"send_message": ("text",), "ask": ("question", "reminder")}
KINDS = {"sms": "SMS", "email": "E-mail"}
NONE = "GoHighLevel has no saved texts (it keeps them under Marketing, Templates), or does not answer just now."


def fields(workspace: UUID, spec: NodeSpec) -> Collection[str]:
    """The settings of a step beside which saved texts are offered: none without a CRM that has some."""
    return READ_BY_CUSTOMERS.get(spec.name, ()) if crm.is_connected(workspace) else ()


def offer(around: Around, told: Told) -> None:
    """The button below a text. GoHighLevel is asked only once it is pressed."""
    with st.popover(
        "Saved texts", icon=":material/content_paste_go:", type="tertiary", on_change="rerun",
        key=f"{around.key}:saved:{_taken(around)}",
    ) as opened:  # fmt: skip
        if opened.open:
            _choose(around, told)


def _choose(around: Around, told: Told) -> None:
    texts = around.saved()
    if not texts:
        st.caption(NONE)
        return
    chosen = st.selectbox(
        "Saved text of GoHighLevel", texts, index=None, format_func=_named, placeholder="Choose",
        key=f"{around.key}:saved:which",
    )  # fmt: skip
    if chosen is None:
        return
    made = merge_fields.turned(chosen.text, around.offers)
    names = {offer.ref: offer.label for offer in around.offers}
    with st.container(border=True, height=180 if len(made.text) > 300 else "content"):
        st.markdown(with_chips(made.text, lambda ref: names.get(ref, ref)))
    if made.missing:
        st.markdown(f":small[:orange[:material/edit: {_to_fill_in(made)}]]")
    st.button(
        "Copy it into the field", type="primary", icon=":material/content_copy:", key=f"{around.key}:saved:take",
        on_click=_copy, args=(made, around, told),
    )  # fmt: skip


def _copy(made: Turned, around: Around, told: Told) -> None:
    told(made.text)
    # A new one takes the place of the open one: what closes it by its state gets lost where the next run overtakes this one.
    st.session_state[f"{around.key}:taken"] = _taken(around) + 1
    passing.say(_to_fill_in(made) if made.missing else "The text is in the field.", "edit" if made.missing else "check")


def _taken(around: Around) -> int:
    """How often a text was taken over into this field, in this window."""
    taken: int = st.session_state.get(f"{around.key}:taken", 0)
    return taken


def _to_fill_in(made: Turned) -> str:
    names = ", ".join(plain(f"[{name}]") for name in made.missing)
    return f"No earlier step gives {names}: write your own words there."


def _named(saved: SavedText) -> str:
    return f"{saved.name} · {KINDS[saved.kind]}"
