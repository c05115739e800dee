"""What is said in passing. A callback draws over the first elements of the page, so there it is noted, and said when the page is drawn."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import RunLocation, ThreadState, get_script_run_ctx

NOTED = "said_in_passing"


def say(sentence: str, icon: str = "check") -> None:
    """Say something that disappears by itself; `icon` is a Material symbol."""
    if _in_callback():
        st.session_state.setdefault(NOTED, []).append((sentence, icon))
    else:
        st.toast(sentence, icon=f":material/{icon}:")


def announce() -> None:
    """Say what was noted, each sentence once."""
    for sentence, icon in dict.fromkeys(st.session_state.pop(NOTED, ())):
        st.toast(sentence, icon=f":material/{icon}:")


def _in_callback() -> bool:
    # Streamlit has no public word for this.
    return get_script_run_ctx() is not None and ThreadState.get().run_location is RunLocation.CALLBACK
