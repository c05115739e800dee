"""The tabs of the builder, and the way to one of them from elsewhere on the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import streamlit as st

from ui import builder_canvas

Tab = Literal["build", "test", "backtest", "versions"]
LABELS: dict[Tab, str] = {
    "build": ":material/edit: Build",
    "test": ":material/science: Test",
    "backtest": ":material/compare_arrows: Backtest",
    "versions": ":material/history: Versions",
}


def draw(automation: UUID) -> Sequence[Any]:
    """The four tabs, in order."""
    return st.tabs(list(LABELS.values()), on_change="rerun", key=_key(automation))


def show(automation: UUID, tab: Tab) -> None:
    """For callbacks."""
    st.session_state[_key(automation)] = LABELS[tab]


def show_step(automation: UUID, step: str) -> None:
    """The settings of a step, whichever tab is open. For callbacks."""
    builder_canvas.select(step)
    show(automation, "build")


def _key(automation: UUID) -> str:
    return f"tab:{automation}"
