"""Settings: the accounts at providers, and who works here. Admins only."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

import streamlit as st

from db import connections, users
from db.records import Connection, Member, Role
from flows import connections as accounts
from flows import team
from flows.connections import KINDS, Kind
from ui import health, hooks, parts, session, web_hosts
from ui.connecting import shown
from ui.session import Here
from ui.team import described
from ui.text import plain

_COLOURS = {"active": "green", "paused": "orange", "error": "red"}
_STATES = {"active": "In use", "paused": "Paused", "error": "Not working"}


@st.fragment
def page() -> None:
    me = session.here("admin")
    parts.live(me.workspace.id, "connection", key="live_settings")
    st.title("Settings")
    providers, people, others = st.tabs(["Connections", "Team", "Other systems"])
    with providers:
        _connections(me)
    with people:
        _team(me)
    with others:
        web_hosts.panel(me)
        hooks.panel(me)


def _connections(me: Here) -> None:
    with me.read() as tx:
        every = connections.all_connections(tx)
    st.markdown(_answers(every))
    for connection in every:
        _connection(me, connection)
    for kind in KINDS:
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
    kind = accounts.kind_of(connection.kind)
    title = (
        kind.title
        if kind
        else {"webchat": "Web chat", "embeddings": "Embeddings", "webhook": "Address for other systems"}.get(
            connection.kind, connection.kind
        )
    )
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(title)}**  \n:small[:gray[{plain(connection.name)}]]", width="stretch")
            st.badge(_STATES[connection.state], color=_COLOURS[connection.state])  # type: ignore[arg-type]
        if connection.state_reason:
            st.markdown(plain(connection.state_reason))
        if connection.kind == "webchat":
            st.link_button("Open the web chat", health.chat_address([connection]), icon=":material/open_in_new:")
        if kind and (values := shown(kind, connection)):
            st.caption(plain(values))
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
        if kind and st.button("Test", key=f"test:{connection.id}", icon=":material/network_check:"):
            _test(connection)
    _tested(connection)
    if kind and connection.name != connections.FROM_ENVIRONMENT:
        with st.expander("Change"):
            _form(kind, connection)
    elif kind:
        st.caption("Its values come from the environment of the installation; change them there.")


def _test(connection: Connection) -> None:
    with st.spinner("Asking the provider…"):
        found = session.act("admin", lambda me: accounts.test_connection(me.workspace.id, connection.id))
    st.session_state[f"tested:{connection.id}"] = found


def _tested(connection: Connection) -> None:
    """What the last test in this window found."""
    found = st.session_state.get(f"tested:{connection.id}")
    if found == "":
        st.success("It works.", icon=":material/check:")
    elif found:
        st.error(plain(found), icon=":material/error:")


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
                lambda me: _keep(me, kind, present, values),
                done=f"{kind.title} is saved.",
            )
            if done:
                st.session_state.pop(f"tested:{done}", None)
                st.rerun(scope="fragment")


def _keep(me: Here, kind: Kind, present: Connection | None, values: dict[str, str]) -> UUID:
    if present is None:
        return accounts.add(me.workspace.id, me.user.id, kind.kind, values)
    accounts.edit(me.workspace.id, me.user.id, present.id, values)
    return present.id


def _switch(connection: UUID, on: bool) -> None:
    action = accounts.resume if on else accounts.pause
    session.act("admin", lambda me: action(me.workspace.id, me.user.id, connection))


def _team(me: Here) -> None:
    with me.read() as tx:
        members = users.members(tx)
    for member in members:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(member.user.name)}**  \n:small[:gray[{plain(member.user.email)}]]", width="stretch")
            _role(member)
            _removal(me, member)
    with st.expander("Invite a colleague", icon=":material/person_add:"):
        _invite()


def _role(member: Member) -> None:
    key = f"role:{member.user.id}"
    st.session_state[key] = member.role
    st.selectbox("Role", team.ROLES, key=key, format_func=described, label_visibility="collapsed", width=330, on_change=_change_role, args=(member.user.id, key))  # fmt: skip


def _change_role(user: UUID, key: str) -> None:
    role: Role = st.session_state[key]
    session.act(
        "admin", lambda me: team.change_role(me.workspace.id, me.user.id, user, role), done="The role is changed."
    )


def _removal(me: Here, member: Member) -> None:
    with st.popover("Remove", icon=":material/person_remove:"):
        who = "you" if member.user.id == me.user.id else plain(member.user.name)
        st.markdown(
            f"Remove **{who}** from {plain(me.workspace.name)}? Conversations in these hands wait for a colleague again."
        )
        st.button(
            "Yes, remove", key=f"remove:{member.user.id}", type="primary", on_click=_remove, args=(member.user.id,)
        )


def _remove(user: UUID) -> None:
    session.act("admin", lambda me: team.remove(me.workspace.id, me.user.id, user), done="The person is removed.")


def _invite() -> None:
    with st.form("invite", border=False):
        email = st.text_input("E-mail")
        name = st.text_input("Name")
        role = st.selectbox("Role", team.ROLES, format_func=described)
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
