"""Settings: the accounts at providers, and who works here. Admins only."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

import streamlit as st

from db import connections, users
from db.records import Connection, Member, Role
from ui import connecting, health, parts, session, team
from ui.connecting import Kind
from ui.session import Here
from ui.text import plain

_COLOURS = {"active": "green", "paused": "orange", "error": "red"}
_STATES = {"active": "In use", "paused": "Paused", "error": "Not working"}


@st.fragment
def page() -> None:
    me = session.here("admin")
    parts.live(me.workspace.id, "connection", key="live_settings")
    st.title("Settings")
    accounts, people = st.tabs(["Connections", "Team"])
    with accounts:
        _connections(me)
    with people:
        _team(me)


def _connections(me: Here) -> None:
    with me.read() as tx:
        every = connections.all_connections(tx)
    st.markdown(_answers(every))
    for connection in every:
        _connection(me, connection)
    for kind in connecting.KINDS:
        if not health.is_ready(every, kind.kind):
            with st.expander(f"Connect: {kind.title}", icon=f":material/{kind.symbol}:"):
                st.caption(kind.brings)
                _form(kind, None)


def _answers(every: list[Connection]) -> str:
    """Which model answers now."""
    model = next((item for item in every if item.kind == "llm" and item.state == "active" and item.is_default), None)
    if model is None:
        return "**Answers now:** quoted from your documents, word for word. No language model is connected."
    return f"**Answers now:** {plain(str(model.config.get('model') or 'the model of the connection'))}."


def _connection(me: Here, connection: Connection) -> None:
    kind = next((kind for kind in connecting.KINDS if kind.kind == connection.kind), None)
    title = (
        kind.title
        if kind
        else {"webchat": "Web chat", "embeddings": "Embeddings"}.get(connection.kind, connection.kind)
    )
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(title)}**  \n:small[:gray[{plain(connection.name)}]]", width="stretch")
            st.badge(_STATES[connection.state], color=_COLOURS[connection.state])  # type: ignore[arg-type]
        if connection.state_reason:
            st.markdown(plain(connection.state_reason))
        if connection.kind == "webchat":
            st.link_button("Open the web chat", health.chat_address([connection]), icon=":material/open_in_new:")
        if kind and (shown := connecting.shown(kind, connection)):
            st.caption(plain(shown))
        _change(kind, connection)


def _change(kind: Kind | None, connection: Connection) -> None:
    with st.container(horizontal=True):
        on = connection.state != "active"
        st.button(
            "Use again" if on else "Pause",
            key=f"switch:{connection.id}",
            icon=":material/play_arrow:" if on else ":material/pause:",
            on_click=_switch,
            args=(connection.id, on),
        )
    if kind and connection.name != connections.FROM_ENVIRONMENT:
        with st.expander("Change"):
            _form(kind, connection)
    elif kind:
        st.caption("Its values come from the environment of the installation; change them there.")


def _form(kind: Kind, present: Connection | None) -> None:
    with st.form(f"form:{present.id if present else kind.kind}", border=False):
        values = {
            field.name: st.text_input(
                field.label + (" (required)" if field.required else ""),
                value="" if field.secret or present is None else str(present.config.get(field.name) or ""),
                type="password" if field.secret else "default",
                help=field.help,
                placeholder="Unchanged" if field.secret and present else field.placeholder,
                autocomplete="off",
            )
            for field in kind.fields
        }
        if st.form_submit_button("Save", type="primary"):
            done = session.act(
                "admin",
                lambda me: connecting.keep(me.workspace.id, me.user.id, kind, present, values),
                done=f"{kind.title} is saved.",
            )
            if done:
                st.rerun(scope="fragment")


def _switch(connection: UUID, on: bool) -> None:
    session.act("admin", lambda me: connecting.switch(me.workspace.id, me.user.id, connection, on=on))


def _team(me: Here) -> None:
    with me.read() as tx:
        members = users.members(tx)
    for member in members:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(member.user.name)}**  \n:small[:gray[{plain(member.user.email)}]]", width="stretch")
            _role(member)
    with st.expander("Invite a colleague", icon=":material/person_add:"):
        _invite()


def _role(member: Member) -> None:
    key = f"role:{member.user.id}"
    st.session_state[key] = member.role
    st.selectbox("Role", team.ROLES, key=key, format_func=team.described, label_visibility="collapsed", width=330, on_change=_change_role, args=(member.user.id, key))  # fmt: skip


def _change_role(user: UUID, key: str) -> None:
    role: Role = st.session_state[key]
    session.act(
        "admin", lambda me: team.change_role(me.workspace.id, me.user.id, user, role), done="The role is changed."
    )


def _invite() -> None:
    with st.form("invite", border=False):
        email = st.text_input("E-mail")
        name = st.text_input("Name")
        role = st.selectbox("Role", team.ROLES, format_func=team.described)
        sent = st.form_submit_button("Make the link", type="primary")
    link = (
        session.act("admin", lambda me: team.invite(me.workspace.id, me.user.id, email, name, role)) if sent else None
    )
    if link:
        st.success("Send this link to your colleague. It works once, within three days.", icon=":material/link:")
        st.code(_absolute(link), language=None)
    elif link == "":
        st.success("Added. This person has an account already and signs in as usual.", icon=":material/check:")


def _absolute(path: str) -> str:
    """The address that a colleague can open: this site as the browser knows it."""
    site = urlsplit(st.context.url or "")
    return f"{site.scheme}://{site.netloc}{path}" if site.netloc else path


page()
