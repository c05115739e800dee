"""What is said in passing. A callback draws over the first elements of the page, so there it is noted, and said when the page is drawn."""

from __future__ import annotations

import streamlit as st

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
    """Whether a callback runs; True also where this Streamlit does not tell, for a note is only said later, never lost.

    Streamlit 1.67 has no public word for it: its own `st.rerun` asks the same private state. A mark of ours would not do, since
    nothing of ours runs between the end of one drawing and the callbacks before the next.
    """
    try:
        from streamlit.runtime.scriptrunner_utils.script_run_context import RunLocation, ThreadState

        return ThreadState.get().run_location is RunLocation.CALLBACK
    except (ImportError, AttributeError, RuntimeError):
        return True
