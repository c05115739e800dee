"""A widget of Streamlit around one value, and what it has to know of its surroundings.

Streamlit calls `on_change` also without a change: a widget that has just left the page and is named once more in a report that
was under way counts as new. So only what differs from the value that was shown is handed over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from flows.editing import Reference
from flows.message_templates import SavedText
from ui.forms import FormField
from ui.pickers import Option
from ui.text import plain
from ui.whatsapp_templates import Shelf

Told = Callable[[Any], None]


@dataclass(frozen=True)
class Around:
    """What a field needs to know besides its value."""

    key: str
    disabled: bool = False
    offers: Sequence[Reference] = ()  # results of earlier steps that may stand in a text
    options: Callable[[str, Mapping[str, Any]], Sequence[Option] | None] = lambda picker, values: None
    kept: Callable[[str], Any] | None = None  # a setting as it is by now: for callbacks that change a part of it
    templates: Callable[[], Shelf] = Shelf
    saved: Callable[[], Sequence[SavedText]] = tuple
    saved_for: Collection[str] = ()  # fields beside which the saved texts are offered
    problems: Mapping[str, str] | None = None  # by path: "values", "values.0.name"

    def within(self, name: object) -> Around:
        below = {
            path.partition(".")[2]: text
            for path, text in (self.problems or {}).items()
            if path.partition(".")[0] == str(name)
        }
        return replace(self, key=f"{self.key}:{name}", problems=below)

    @property
    def problem(self) -> str:
        """What is wrong with the field itself, or anywhere in it."""
        return next(iter((self.problems or {}).values()), "")


def changed(
    widget: Callable[..., Any],
    field: FormField,
    around: Around,
    told: Told,
    now: Any,
    *,
    read: Callable[[Any], Any] = lambda new: new,
    **how: Any,
) -> None:
    """A widget of Streamlit that shows `now`; what differs from it, read by `read`, goes to `told`."""
    key = around.key

    def report() -> None:
        new = read(st.session_state[key])
        if new != now:
            told(new)

    widget(field.label, key=key, help=field.help or None, disabled=around.disabled, on_change=report, **how)


def by_now(field: FormField, around: Around, drawn: Any) -> Any:
    """A setting for a callback that changes a part of it. Two fields may report in one go, so each changes what is kept
    by then and not what it was drawn with."""
    kept = around.kept(field.name) if around.kept else None
    return drawn if kept is None else kept


def wrong(problem: str) -> None:
    """What is wrong, below the field that it is about."""
    st.markdown(f":small[:red[:material/error: {plain(problem)}]]")
