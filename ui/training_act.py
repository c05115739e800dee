"""Forms that change training material: what was refused stays readable beside the button until the next try.

What a callback draws takes the place of the first elements of the page, so it only notes what is to be said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from flows.actions import ActionRefused
from ui import session
from ui.session import Here
from ui.text import plain

T = TypeVar("T")
SAID = "training:said"


def attempt(form: str, action: Callable[[Here], T], *, done: str = "") -> T | None:
    """Do it as the signed-in person; None where it was refused, and `refusal` shows why."""
    st.session_state.pop(_key(form), None)

    def guarded(me: Here) -> T | None:
        try:
            return action(me)
        except ActionRefused as refused:
            st.session_state[_key(form)] = str(refused)
            return None

    result = session.act("build", guarded)
    if result is not None and done:
        say(done)
    return result


def say(sentence: str) -> None:
    """Tell something in passing, at the next drawing of the page."""
    st.session_state[SAID] = sentence


def announce() -> None:
    """Say what was noted."""
    if sentence := st.session_state.pop(SAID, ""):
        st.toast(sentence, icon=":material/check:")


def refusal(form: str) -> None:
    """The sentence of the last try of a form, where it was refused."""
    if sentence := st.session_state.get(_key(form)):
        st.error(plain(sentence), icon=":material/error:")


def actor(me: Here) -> str:
    """Who did it, for the audit."""
    return f"user:{me.user.id}"


def value(key: str, default: T) -> T:
    """What a field of a form holds now, also before it was drawn."""
    found: T | None = st.session_state.get(key)
    return default if found is None else found


def _key(form: str) -> str:
    return f"{form}:refused"
