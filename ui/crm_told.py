"""What GoHighLevel told lately, call by call, with the reason where nothing came of it."""

from __future__ import annotations

import re

import streamlit as st

from db.views.crm_told import Told, told
from ui import words
from ui.session import Here
from ui.text import plain

SHOWN = 30
KINDS = {
    "outgoing": "A message typed there",
    "workflow": "A call of a workflow",
    "InboundMessage": "A message came in there",
    "OutboundMessage": "A message went out there",
    "ContactDndUpdate": "Do-not-disturb of a contact",
    "ConversationUnreadUpdate": "A conversation was read there",
    "LCEmailStats": "Figures of a mail",
    "CampaignStatusUpdate": "A campaign",
    "INSTALL": "The app was installed",
    "UNINSTALL": "The app was taken out",
    "PLAN_CHANGE": "The plan of the app changed",
}
_HAPPENED = {"Create": "made", "Update": "changed", "Delete": "deleted", "Complete": "done"}
_WORD = re.compile(r"[A-Z][a-z]*|[a-z]+")
_IGNORED = "Ignored: "


def draw(me: Here) -> None:
    with me.read() as tx:
        lines = told(tx, SHOWN)
    if not lines:
        return
    with st.expander("What GoHighLevel told lately"):
        for line in lines:
            st.markdown(
                f"{plain(named(line.kind))} · {plain(outcome(line))}  \n"
                f":small[:gray[{words.local(line.received_at, me.workspace.timezone)}]]"
            )


def named(kind: str) -> str:
    """Its word for an event as words: ContactTagUpdate -> Contact tag changed."""
    found = [_HAPPENED.get(word, word) for word in _WORD.findall(kind)]
    return KINDS.get(kind) or " ".join(found).capitalize() or kind


def outcome(line: Told) -> str:
    """What became of it, as a sentence."""
    note = line.note.removeprefix(_IGNORED)
    match line.state:
        case "parked":
            return f"It could not be worked off: {note}"
        case "pending" | "processing":
            return f"It waits to be worked off. {note}".strip()
        case "ignored":
            return f"Nothing came of it: {note[:1].lower()}{note[1:]}"
        case "done":
            return note or "Taken over."
