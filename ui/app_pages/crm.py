"""CRM: connecting GoHighLevel, what goes back and forth, and how it stands. Admins only."""

from __future__ import annotations

import streamlit as st

from flows import crm_setup
from ui import crm_addresses, crm_connect, crm_location, crm_state, parts, session


@st.fragment
def page() -> None:
    me = session.here("admin")
    parts.live(me.workspace.id, "connection", key="live_crm")
    st.subheader("GoHighLevel")
    with me.read() as tx:
        connection = crm_setup.present(tx)
    if connection is not None and crm_location.to_choose(connection):
        crm_location.first_choice(connection)
        with st.expander("Connect in another way"):
            crm_connect.forms(connection)
        return
    if connection is None or not connection.config.get("location_id"):
        st.markdown(
            "Every conversation appears in your CRM, people answer from there, and your automations read and change it."
        )
        crm_connect.forms(connection)
        with st.expander("Addresses to paste in GoHighLevel", icon=":material/content_paste:"):
            crm_addresses.draw(connection)
        return
    crm_location.card(connection)
    state, synced, pasted, change = st.tabs(["How it stands", "What is synced", "Addresses to paste", "Change"])
    with state:
        crm_state.draw(me, connection)
    with synced:
        crm_connect.switches(connection)
    with pasted:
        crm_addresses.draw(connection)
    with change:
        crm_location.choose(connection)
        crm_connect.forms(connection)


page()
