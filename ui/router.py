"""The script of every page: the frame around it (navigation, workspace, person) and which page is asked for."""

from __future__ import annotations

import streamlit as st

from ui import frame, session

st.set_page_config(page_title="Frontdesk", page_icon=":material/support_agent:", layout="wide")
frame.style()
person = session.here()
page = frame.navigation(person)
page.run()
