"""Addresses that other systems call to start automations: made here, shown once, each with where its contact stands."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import streamlit as st

from db import connections
from db.records import Connection
from flows import hooks
from ui import session
from ui.session import Here
from ui.text import plain

LABELS = {
    "phone_field": "Field with the phone number",
    "email_field": "Field with the e-mail",
    "name_field": "Field with the name",
}
USUAL = {"phone_field": "phone", "email_field": "email", "name_field": "name"}


def panel(me: Here) -> None:
    st.subheader("Addresses that start automations")
    st.markdown(
        "A form, a shop or a telephone system calls such an address with JSON or a form. "
        "Automations that begin with **Address called** start."
    )
    with me.read() as tx:
        present = connections.of_kind(tx, hooks.KIND)
    _shown_once()
    for connection in present:
        with st.expander(plain(connection.name), icon=":material/webhook:"):
            _one(connection)
    with st.expander("Make an address", icon=":material/add_link:"), st.form("hook_new", border=False):
        st.text_input(
            "Name", placeholder="Contact form", key="hook_name", help="Automations choose the address by this name."
        )
        _fields("new", {})
        st.form_submit_button("Make the address", type="primary", on_click=_make)


def _one(connection: Connection) -> None:
    if connection.state != "active":
        st.caption("Paused: calls are refused. Use it again under Connections.")
    with st.form(f"hook:{connection.id}", border=False):
        fields = _fields(str(connection.id), connection.config)
        if st.form_submit_button("Save"):
            session.act(
                "admin",
                lambda me: hooks.set_fields(me.workspace.id, me.user.id, connection.id, fields),
                done="Saved.",
            )
    st.button(
        "Make a new address",
        key=f"hook_again:{connection.id}",
        help="The old one stops working at once.",
        on_click=_make_again,
        args=(connection.id,),
    )


def _fields(key: str, config: Mapping[str, object]) -> dict[str, str]:
    return {
        name: st.text_input(
            label,
            str(config.get(name) or ""),
            placeholder=USUAL[name],
            key=f"hook_{name}:{key}",
            help="A field inside another is written with a dot: customer.phone.",
        )
        for name, label in LABELS.items()
    }


def _make() -> None:
    name = str(st.session_state["hook_name"])
    fields = {field: str(st.session_state[f"hook_{field}:new"]) for field in LABELS}
    _keep(session.act("admin", lambda me: hooks.add(me.workspace.id, me.user.id, name, fields)))


def _make_again(connection: UUID) -> None:
    _keep(session.act("admin", lambda me: hooks.new_address(me.workspace.id, me.user.id, connection)))


def _keep(made: hooks.Made | None) -> None:
    if made is not None:
        st.session_state["hook_made"] = made


def _shown_once() -> None:
    """Until the person says so, because the page draws itself anew at any time."""
    made: hooks.Made | None = st.session_state.get("hook_made")
    if made is not None:
        st.success("Copy what you need now: it is not shown again.", icon=":material/key:")
        st.code(made.address, language=None, wrap_lines=True)
        st.markdown("To ask the AI a question and get its answer at once, the same system calls:")
        st.code(made.questions, language=None, wrap_lines=True)
        st.button("I have copied it", key="hook_copied", on_click=lambda: st.session_state.pop("hook_made", None))
