"""Connecting GoHighLevel: by a private token or by signing in with an app, and what is copied once it is connected."""

from __future__ import annotations

import streamlit as st

from db.connections import FROM_ENVIRONMENT
from db.records import Connection
from flows import crm_oauth, crm_setup
from flows.actions import ActionRefused
from flows.crm_setup import Tested
from ui import crm_location, session
from ui.session import Here
from ui.text import plain

REFUSED = "crm_refused"

TOKEN_STEPS = """\
1. In GoHighLevel open the sub-account, then **Settings → Private Integrations → Create new**.
2. Give it the scopes below, and copy the token that begins with `pit-`.
3. The location id is the part after `/location/` in the address of the sub-account; the whole address will do."""
TOKEN_LIMITS = (
    "With a token GoHighLevel does not tell us what happens there: we look every quarter of an hour, and what people type there is "
    "shown here but not sent from here. To hear of it at once and to answer from there, sign in with an app."
)
APP_STEPS = """\
1. In GoHighLevel's marketplace create an app (it can stay private), with the scopes below and the addresses of this page.
2. Enter its client id and client secret here, then sign in and choose the location."""


def forms(connection: Connection | None) -> None:
    if connection is not None and connection.name == FROM_ENVIRONMENT:
        st.caption("The token comes from the environment of the installation (GHL_TOKEN); change it there.")
    by_token, by_app = st.tabs(["With a token (quick)", "By signing in (full)"])
    with by_token:
        _token(connection)
    with by_app:
        _app(connection)


def _token(connection: Connection | None) -> None:
    st.markdown(TOKEN_STEPS)
    _scopes("token")
    with st.form("crm_token", border=False):
        known = str(connection.config.get("location_id") or "") if connection else ""
        location = st.text_input("Location id", value=known, placeholder="ve9EPM428h8vShlRW1KT", autocomplete="off")
        token = st.text_input("Private integration token", type="password", placeholder="pit-…", autocomplete="off")
        if st.form_submit_button("Connect", type="primary", icon=":material/link:"):
            with st.spinner("Asking GoHighLevel…"):
                found = session.act("admin", lambda me: _connect(me, location, token))
            if found is not None:
                crm_location.keep(found)
                st.rerun()
    if refused := st.session_state.get(REFUSED):
        st.error(plain(refused), icon=":material/error:")
    st.caption(TOKEN_LIMITS)


def _connect(me: Here, location: str, token: str) -> Tested | None:
    """None where it was refused: the reason stays readable below the form until the next try."""
    st.session_state.pop(REFUSED, None)
    try:
        return crm_setup.connect(me.workspace.id, me.user.id, location, token)
    except ActionRefused as refused:
        st.session_state[REFUSED] = str(refused)
        return None


def _app(connection: Connection | None) -> None:
    st.markdown(APP_STEPS)
    _scopes("app")
    config = connection.config if connection else {}
    with st.form("crm_app", border=False):
        values = {
            "client_id": st.text_input("Client id", value=str(config.get("client_id") or ""), autocomplete="off"),
            "client_secret": st.text_input(
                "Client secret",
                type="password",
                placeholder="Unchanged" if config.get("client_id") else "",
                autocomplete="off",
            ),
            "install_url": st.text_input(
                "Install link",
                value=str(config.get("install_url") or ""),
                help="From the app's page Auth; only needed for white label.",
            ),
        }
        if st.form_submit_button("Keep the app", icon=":material/save:"):
            session.act(
                "admin", lambda me: crm_setup.keep_app(me.workspace.id, me.user.id, values), done="The app is kept."
            )
    agency = st.checkbox("I sign in as an agency and choose one of its locations", key="crm_agency")
    if st.button("Sign in at GoHighLevel", type="primary", icon=":material/login:", key="crm_sign_in"):
        address = session.act("admin", lambda me: crm_oauth.begin(me.workspace.id, me.user.id, agency=agency))
        if address:
            st.link_button("Go on to GoHighLevel", address, icon=":material/open_in_new:", type="primary")


def _scopes(key: str) -> None:
    with st.expander("Scopes to allow", icon=":material/key:"):
        st.code("\n".join(crm_setup.scopes()), language=None)
        st.caption("Copy them with the button at the corner.")


def switches(connection: Connection) -> None:
    """What is copied, and the provider through which people answer from GoHighLevel."""
    config = connection.config
    for name, label, text in (
        (
            "sync_messages",
            "Messages",
            "Copy every message, of customers and of us, into the conversation in GoHighLevel.",
        ),
        (
            "sync_contacts",
            "Contacts",
            "Make contacts that GoHighLevel does not have, and pass on stop and start words.",
        ),
    ):
        key = f"crm_{name}"
        st.session_state[key] = bool(config.get(name, True))
        st.toggle(label, key=key, help=text, on_change=_switch, args=(connection, name, key))
        st.caption(text)
    with st.form("crm_provider", border=False):
        provider = st.text_input(
            "Conversation provider",
            value=str(config.get("provider_id") or ""),
            help="Its id, from the app's page Conversation providers. With it, messages that people type in GoHighLevel are sent from here.",
            autocomplete="off",
        )
        if st.form_submit_button("Save"):
            session.act(
                "admin",
                lambda me: crm_setup.switch(me.workspace.id, me.user.id, connection.id, provider_id=provider),
                done="The provider is saved.",
            )


def _switch(connection: Connection, name: str, key: str) -> None:
    on = bool(st.session_state[key])
    session.act(
        "admin",
        lambda me: crm_setup.switch(me.workspace.id, me.user.id, connection.id, **{name: on}),
    )
