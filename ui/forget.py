"""Forgetting a contact from the conversation page: admins only, and only with the word typed."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from db.views import ConversationDetail
from flows.forgetting import forget_contact
from ui import passing, place, session
from ui.text import plain

WORD = "forget"


def offer(conversation: ConversationDetail) -> None:
    """What will go, a field for the word, and the button."""
    who = plain(conversation.contact_name or "this visitor")
    with st.expander("Forget this contact", icon=":material/person_remove:", key=f"forgetting:{conversation.id}"):
        st.caption(
            f"Removes **{who}** for good: every message on every channel, addresses, requests for a person, what automations did "
            "and what still waits to be sent. Your phone provider and your backups keep what they have, and so does GoHighLevel: remove "
            "the person there first, or the next change there brings the name back."
        )
        field = f"forget_word:{conversation.id}"
        st.text_input(f"Type {WORD} to confirm", key=field, autocomplete="off")
        st.button(
            "Forget for good",
            icon=":material/delete_forever:",
            key=f"forget:{conversation.id}",
            on_click=_forget,
            args=(conversation.contact_id, field),
        )


def _forget(contact: UUID, field: str) -> None:
    if str(st.session_state.get(field, "")).strip().lower() != WORD:
        passing.say(f"Nothing was removed. Type {WORD} into the field first.", "info")
        return
    done = session.act(
        "admin",
        lambda me: forget_contact(me.workspace.id, contact, f"user:{me.user.id}"),
        done="The contact is forgotten.",
    )
    if done is not None:
        place.go()
