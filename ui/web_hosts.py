"""Which other systems automations may call: the list of allowed hosts, kept by admins."""

from __future__ import annotations

import streamlit as st

from flows import web_reader
from ui import session
from ui.forms import lines
from ui.session import Here


def panel(me: Here) -> None:
    st.markdown("The step **HTTP request** calls only hosts that stand here, one per line.")
    with st.form("allowed_hosts", border=False):
        written = st.text_area(
            "Allowed hosts",
            value="\n".join(web_reader.hosts_of(me.workspace.settings)),
            placeholder="api.example.com\n*.example.com",
            help="*.example.com means every name below example.com. Private networks are never called.",
        )
        if st.form_submit_button("Save", type="primary"):
            session.act(
                "admin",
                lambda here: web_reader.set_hosts(here.workspace.id, here.user.id, lines(written)),
                done="The list is saved.",
            )
