"""The addresses to paste in GoHighLevel, each with a button that copies it and the place where it belongs."""

from __future__ import annotations

from uuid import UUID

import streamlit as st

from db.records import Connection
from flows import crm_setup
from ui import session


def draw(connection: Connection | None) -> None:
    if not crm_setup.is_reachable():
        st.warning(
            "GoHighLevel cannot reach this installation yet: its public address is this machine. "
            "Set FRONTDESK_PUBLIC_URL to an https:// address that leads here."
        )
    for address in crm_setup.addresses(connection):
        st.markdown(f"**{address.name}**  \n:small[:gray[{address.where}]]")
        st.code(address.url, language=None, wrap_lines=True)
    if connection is None:
        return
    has_one = bool(connection.config.get("workflow_token"))
    st.button(
        "Make a new address for workflows" if has_one else "Make an address for workflows",
        icon=":material/add_link:",
        key="crm_workflow_address",
        help="The old one stops working." if has_one else "Workflows need no marketplace app to call it.",
        on_click=_new,
        args=(connection.id,),
    )


def _new(connection: UUID) -> None:
    session.act(
        "admin",
        lambda me: crm_setup.new_workflow_address(me.workspace.id, me.user.id, connection),
    )
