"""The connected location as a card: its name, whether it works, the test, and choosing another one."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import streamlit as st

from db.records import Connection
from flows import connections as accounts
from flows import crm_oauth, crm_setup
from flows.actions import ActionRefused
from flows.crm_setup import Tested
from nodes.errors import ClientError
from ui import session
from ui.session import Here
from ui.text import plain

_COLOURS = {"active": "green", "paused": "orange", "error": "red"}
_STATES = {"active": "In use", "paused": "Paused", "error": "Not working"}
_TESTED = "crm_tested"


def card(connection: Connection) -> None:
    config = connection.config
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            name = str(config.get("location_name") or "The location")
            details = [str(config[each]) for each in ("location_id", "timezone", "country") if config.get(each)]
            st.markdown(f"**{plain(name)}**  \n:small[:gray[{plain(' · '.join(details))}]]", width="stretch")
            st.badge(_STATES[connection.state], color=_COLOURS[connection.state])  # type: ignore[arg-type]
        if connection.state_reason:
            st.markdown(plain(connection.state_reason))
        with st.container(horizontal=True):
            if st.button("Test", icon=":material/network_check:", key="crm_test"):
                with st.spinner("Asking GoHighLevel…"):
                    found = session.act("admin", lambda me: crm_setup.test(me.workspace.id, connection.id))
                if found is not None:
                    keep(found)
            on = connection.state != "active"
            st.button(
                "Use again" if on else "Pause",
                icon=":material/play_arrow:" if on else ":material/pause:",
                key="crm_switch",
                on_click=_pause,
                args=(connection.id, on),
            )
        _result()


def keep(found: Tested) -> None:
    """What a test found is shown until the next one."""
    st.session_state[_TESTED] = found


def _result() -> None:
    found: Tested | None = st.session_state.get(_TESTED)
    if found is None:
        return
    if found.works:
        st.success(f"It works: {plain(found.location) or 'the location'} can be read, and no scope is missing.")
    if found.trouble:
        st.error(plain(found.trouble), icon=":material/error:")
    if found.missing:
        names = "\n".join(f"- `{scope}`" for scope in found.missing)
        st.error(
            f"These scopes are missing. Add them to the token or the app, then connect again:\n{names}",
            icon=":material/key_off:",
        )


def to_choose(connection: Connection) -> bool:
    """Whether an agency has signed in and the location of this workspace is still open."""
    config = connection.config
    return config.get("auth") == "oauth" and bool(config.get("company_id")) and not config.get("location_id")


def first_choice(connection: Connection) -> None:
    st.info(
        "Your agency has signed in. One step is left: choose the location of this workspace.",
        icon=":material/apartment:",
    )
    choose(connection)


def choose(connection: Connection) -> None:
    """The locations of an agency that signed in."""
    if connection.config.get("auth") != "oauth" or not connection.config.get("company_id"):
        return
    kind: Literal["primary", "secondary"] = "primary" if to_choose(connection) else "secondary"
    if st.button("Show the locations of the agency", key="crm_locations", icon=":material/apartment:", type=kind):
        st.session_state["crm_found"] = session.act("admin", lambda me: _locations(me, connection.id))
    found: list[tuple[str, str]] | None = st.session_state.get("crm_found")
    if not found:
        return
    chosen = st.selectbox("Location", found, format_func=lambda each: each[1], key="crm_location")
    if st.button("Use this location", type="primary", key="crm_choose"):
        done = session.act("admin", lambda me: _choose(me, connection.id, chosen[0]), done="The location is connected.")
        if done:
            st.session_state.pop("crm_found", None)
            st.rerun()


def _locations(me: Here, connection: UUID) -> list[tuple[str, str]]:
    try:
        return crm_oauth.locations(me.workspace.id, connection)
    except ClientError as error:
        raise ActionRefused(error.reason) from error


def _choose(me: Here, connection: UUID, location: str) -> bool:
    try:
        crm_oauth.choose_location(me.workspace.id, me.user.id, connection, location)
    except ClientError as error:
        raise ActionRefused(error.reason) from error
    return True


def _pause(connection: UUID, on: bool) -> None:
    action = accounts.resume if on else accounts.pause
    session.act("admin", lambda me: action(me.workspace.id, me.user.id, connection))
