"""What is open on the page, a source or a form: in the address, so that it can be shared and gone back from.

Each re-run brings the address that the browser had when it asked. What was asked before the browser heard of the last step still
brings the former one, and must not undo the step: live parts ask at any moment.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st

KEY, NAMES = "training:step", ("s", "add")
LATE_SECONDS = 3.0


@dataclass(frozen=True)
class Step:
    """The last step: where it led to and where from."""

    now: dict[str, str]
    before: dict[str, str]
    monotonic: float


def at(name: str) -> str:
    """The id of the open source (`s`) or the kind of the open form (`add`); '' = none."""
    return _where().get(name, "")


def go(**where: str) -> None:
    """Open this and nothing else."""
    st.session_state[KEY] = Step(where, _where(), time.monotonic())
    st.query_params.from_dict(where)


def _where() -> dict[str, str]:
    told = {name: st.query_params[name] for name in NAMES if name in st.query_params}
    step: Step | None = st.session_state.get(KEY)
    is_late = step is not None and time.monotonic() - step.monotonic < LATE_SECONDS
    if step is not None and is_late and told == step.before and told != step.now:
        st.query_params.from_dict(step.now)
        return step.now
    return told
