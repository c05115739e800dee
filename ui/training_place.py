"""What is open on the page, a source or a form: in the address, so that it can be shared and gone back from.

The session knows it; the address is read when somebody arrives. Every re-run of a live part brings the address that the browser
had when it asked, which may be one that was left a moment ago.
"""

from __future__ import annotations

import streamlit as st

KEY, STEPS, NAMES = "training:place", "training:steps", ("s", "add")


def arrive() -> None:
    """Open what the address names. For runs of the whole page: those begin with a link, a reload or the way back."""
    st.session_state[KEY] = {name: st.query_params[name] for name in NAMES if name in st.query_params}


def at(name: str) -> str:
    """The id of the open source (`s`) or the kind of the open form (`add`); '' = none."""
    place: dict[str, str] = st.session_state.get(KEY, {})
    return place.get(name, "")


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
