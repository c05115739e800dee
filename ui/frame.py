"""What surrounds every page: style, navigation, what waits right now, the workspace switcher and the person's own menu."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from db import views
from db.records import Membership
from ui import links, parts, session
from ui.session import Here

STATIC = Path(__file__).parent / "static"
ICON = str(STATIC / "icon.svg")
_STYLE = (STATIC / "pages.css").read_text(encoding="utf-8")
_links = st.components.v2.component("frontdesk_links", js=(STATIC / "links.js").read_text(encoding="utf-8"))


def begin() -> None:
    """The settings of the browser tab, before anything is drawn."""
    st.set_page_config(page_title="Frontdesk", page_icon=ICON, layout="wide")
    with st.container(key="style"):
        st.html(_beside(_STYLE))
    st.logo(ICON, size="large")


def show_on_phone(*panes: str, among: tuple[str, ...]) -> None:
    """Of several panes beside each other (columns with keyed containers) a narrow screen shows these only."""
    hidden = ", ".join(f".stColumn:has(.st-key-{other})" for other in among if other not in panes)
    with st.container(key="style_panes"):
        st.html(_beside(f"@media (max-width: 640px) {{ {hidden} {{ display: none; }} }}"))


def _beside(style: str) -> str:
    """A style that stays. Streamlit puts a style alone where toasts go, and the first toast of a fragment took its place."""
    return f"<i></i><style>{style}</style>"


def navigation(person: Here) -> Any:
    """The pages that the role may see; returns the one that was asked for."""
    work = [
        _page("home", "Home", default=True),
        _page("conversations", "Conversations"),
        _page("handoffs", "Handoffs"),
    ]
    machine = [_page("automations", "Automations"), _page("training", "Training"), _page("runs", "Runs")]
    if person.may("admin"):
        machine += [_page("crm", "CRM"), _page("settings", "Settings")]
    return st.navigation({"Customers": work, "Front desk": machine})


def sidebar(person: Here) -> None:
    with st.sidebar:
        _links(key="live_links", height=1)
        _waiting()
        if len(person.memberships) > 1:
            _switcher(person)
        _person(person)


@st.fragment
def _waiting() -> None:
    """What waits for people, kept up to date on every page."""
    person = session.here()
    parts.live(
        person.workspace.id, "message", "conversation", "handoff", "approval", key="live_sidebar", patience_ms=400
    )
    with person.read() as tx:
        counts = views.counts(tx)
    if counts.pending_handoffs:
        st.page_link(
            links.PAGES / "handoffs.py", label=_waits(counts.pending_handoffs), icon=":material/notifications_active:"
        )
    if counts.waiting_approvals:
        label = f"**{counts.waiting_approvals}** waiting for approval"
        st.page_link(links.PAGES / "handoffs.py", label=label, icon=":material/approval:")
    if counts.unread_conversations:
        label = f"**{counts.unread_conversations}** unread"
        st.page_link(links.PAGES / "conversations.py", label=label, icon=":material/mark_chat_unread:")


def _waits(number: int) -> str:
    return f"**{number}** waiting for a person"


def _switcher(person: Here) -> None:
    current = next(item for item in person.memberships if item.workspace.id == person.workspace.id)
    chosen = st.selectbox("Workspace", person.memberships, index=person.memberships.index(current), format_func=_name)
    if chosen.workspace.id != person.workspace.id:
        session.switch_workspace(chosen.workspace.id)
        st.query_params.clear()
        st.rerun()


def _person(person: Here) -> None:
    with st.popover(person.user.name, icon=":material/account_circle:", width="stretch"):
        st.markdown(f"**{person.user.name}**  \n{person.user.email}")
        st.caption(f"{person.role.capitalize()} of {person.workspace.name}")
        if st.button("Sign out", icon=":material/logout:", width="stretch"):
            session.sign_out()
            st.rerun()


def _name(membership: Membership) -> str:
    return membership.workspace.name


def _page(name: links.Page, title: str, *, default: bool = False) -> Any:
    path, icon = links.PAGES / f"{name}.py", f":material/{links.ICONS[name]}:"
    return st.Page(path, title=title, icon=icon, url_path=name, default=default)
