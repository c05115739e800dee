"""What is open on the page (a conversation, a run, an automation, a source, a form): in the address, to be shared and gone back from.

The session knows it; the address is read when somebody arrives. Every re-run of a live part brings the address that the browser
had when it asked, which may be one that was left a moment ago: what was just opened would be closed again.
"""

from __future__ import annotations

from uuid import UUID

import streamlit as st

KEY, STEPS = "place", "place:steps"


def arrive() -> None:
    """Open what the address names. For runs of the whole page: those begin with a link, a reload or the way back."""
    st.session_state[KEY] = st.query_params.to_dict()


def at(name: str) -> str:
    """What the address names so, an id or a kind of form; '' = none."""
    place: dict[str, str] = st.session_state.get(KEY, {})
    return place.get(name, "")


def identity(name: str) -> UUID | None:
    """The id that the address names so; None where there is none, or something else stands there."""
    try:
        return UUID(at(name))
    except ValueError:
        return None


def go(**where: str) -> None:
    """Open this and nothing else."""
    st.session_state[KEY] = where
    st.session_state[STEPS] = steps() + 1
    st.query_params.from_dict(where)


def steps() -> int:
    """How often something was opened: for the keys of fields that begin anew each time. One that comes back under its
    old key brings what was chosen in it before."""
    made: int = st.session_state.get(STEPS, 0)
    return made
