"""How it stands with the CRM: what each part did last, what waits to be written there, and what was given up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from db.records import Connection
from db.views import crm as waiting_views
from db.views import crm_parts
from db.views.crm import CrmLine, CrmWaiting
from nodes.effects import CRM_KINDS
from ui import crm_told, words
from ui.session import Here
from ui.text import plain

SHOWN = 20
PARTS = (
    ("copied", "Messages copied there"),
    ("changed", "Contacts, tasks and stages changed there"),
    ("read", "Contacts read from there"),
    ("told", "Changes there told to us"),
    ("typed", "Messages typed there and sent from here"),
    ("workflow", "Calls of workflows"),
)
KINDS = {
    "copy_to_crm": "Copy a message",
    "crm_status": "Tell the status of a message",
    "crm_block": "Pass on a stop or start word",
    "copy_contact": "Copy the contact",
    "update_contact": "Change the contact",
    "change_tags": "Change tags",
    "create_task": "Write a task",
    "add_note": "Write a note",
    "move_opportunity": "Move the opportunity",
    "book_appointment": "Book an appointment",
    "undo_change": "Take a change back",
}


def draw(me: Here, connection: Connection) -> None:
    with me.read() as tx:
        standing = waiting_views.waiting(tx)
        last = crm_parts.last_worked(tx, sorted(CRM_KINDS))
        waits = waiting_views.lines(tx, "open", SHOWN)
        failed = waiting_views.lines(tx, "failed", SHOWN)
    _summary(standing, me.workspace.timezone)
    st.markdown("**When each part worked last**")
    st.markdown("\n".join(f"- {label}: {_when(last.get(name))}" for name, label in PARTS))
    _list("Waiting", waits, standing.waiting, me)
    _list("Given up within a day", failed, standing.failed, me)
    crm_told.draw(me)


def _summary(standing: CrmWaiting, timezone: str) -> None:
    if not standing.waiting:
        st.success("Nothing waits: everything that was to be written there is there.", icon=":material/check_circle:")
        return
    one = standing.waiting == 1
    text = f"**{standing.waiting}** {'change waits' if one else 'changes wait'} to be written there."
    if standing.oldest:
        text += f" The oldest is from {words.local(standing.oldest, timezone)}."
    if standing.last_error:
        text += f"  \n{plain(standing.last_error)}"
    if standing.next_try and standing.next_try > datetime.now(UTC):
        text += f"  \nNext try: {words.local(standing.next_try, timezone)}. Customers are answered all the same."
    st.warning(text, icon=":material/hourglass_top:")


def _list(title: str, lines: Sequence[CrmLine], number: int, me: Here) -> None:
    if not lines:
        return
    with st.expander(f"{title} ({number})"):
        for line in lines:
            who = f" for {plain(line.contact_name)}" if line.contact_name else ""
            tried = f" · tried {line.attempts} times" if line.attempts > 1 else ""
            error = f"  \n{plain(line.error)}" if line.error else ""
            st.markdown(
                f"{KINDS.get(line.kind, words.named(line.kind))}{who}{error}  \n"
                f":small[:gray[{words.local(line.created_at, me.workspace.timezone)}{tried}]]"
            )


def _when(at: datetime | None) -> str:
    return f"{words.ago(at, datetime.now(UTC))} ago" if at else "never yet"
