"""The pages' own components. No build step: each is a file of JavaScript and one of CSS in `ui/static`, put behind the shared ones.

A component gets data and gives back what a person did; it holds no rules. Its script inserts every text as text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import streamlit as st

STATIC = Path(__file__).parent / "static"
ROOT = "<div data-root></div>"


def _text(*names: str) -> str:
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def packed(data: Mapping[str, Any]) -> bytes:
    """What a component gets, and unpacks with `unpacked` of shared.js."""
    # As bytes, because Streamlit imports pandas and pyarrow (90 MB of memory) to look for tables in anything else.
    return json.dumps(data, ensure_ascii=False).encode()


def component(name: str, *scripts: str) -> Any:
    """A component from `static/<name>.js` and `.css`; `scripts` are other files that its own script uses."""
    return st.components.v2.component(
        f"frontdesk_{name}",
        html=ROOT,
        js=_text("shared.js", *scripts, f"{name}.js"),
        css=_text("shared.css", f"{name}.css"),
    )


_rows = component("rows")
_thread = component("thread")
_canvas = component("canvas")
_live = st.components.v2.component("frontdesk_live", js=_text("shared.js", "live.js"))
_go = st.components.v2.component("frontdesk_go", js=_text("shared.js", "go.js"))


def _nothing() -> None:
    """A trigger is only reported where it has a callback."""


def live(workspace: UUID, *topics: str, key: str, patience_ms: int = 0) -> None:
    """Re-run the fragment that calls this whenever something about the topics changes in the workspace.

    Two live parts of one page report one after the other: the less important one has `patience_ms`.
    """
    data = {
        "workspace": str(workspace),
        "topics": topics,
        "patience_ms": patience_ms,
        "seen": st.session_state.get(f"{key}:seen", 0),
    }
    _live(key=key, data=packed(data), on_notice_change=reported(key, "notice", _note_seen(key)), height=1)


def _note_seen(key: str) -> Callable[[dict[str, int]], None]:
    """Confirms a notice: the component tells it again until its time comes back."""

    def note(notice: dict[str, int]) -> None:
        st.session_state[f"{key}:seen"] = notice["at"]

    return note


def rows(
    items: Sequence[Mapping[str, Any]],
    *,
    key: str,
    label: str,
    empty: Mapping[str, str],
    on_choose: Callable[[str], None],
    selected: str = "",
    tall: bool = False,
    more: str = "",
    on_more: Callable[[], None] = _nothing,
) -> None:
    """A list to choose from; `on_choose` gets the id that was clicked. `tall` fills the window, `more` names the last row."""
    data = {
        "items": list(items),
        "label": label,
        "empty": dict(empty),
        "selected": selected,
        "tall": tall,
        "more": more,
    }
    _rows(key=key, data=packed(data), on_chosen_change=reported(key, "chosen", on_choose), on_more_change=on_more)


def thread(
    data: Mapping[str, Any],
    *,
    key: str,
    on_reply: Callable[[dict[str, str]], None],
    on_why: Callable[[str], None],
    on_older: Callable[[], None],
) -> None:
    """A conversation with the field to answer. A reply is {conversation, text, key}; `on_why` gets a message's id."""
    _thread(
        key=key,
        data=packed(data),
        on_reply_change=reported(key, "reply", on_reply),
        on_why_change=reported(key, "why", on_why),
        on_older_change=on_older,
    )


def canvas(data: Mapping[str, Any], *, key: str, on_step: Callable[[str], None]) -> None:
    """A diagram of an automation; `on_step` gets the id of the step that was tapped."""
    _canvas(key=key, data=packed(data), on_step_change=reported(key, "step", on_step))


def reported(key: str, name: str, told: Callable[[Any], None]) -> Callable[[], None]:
    """A callback that hands over what the component just reported under `name`."""

    def report() -> None:
        told(st.session_state[key][name])

    return report


def empty(title: str, text: str, symbol: str) -> None:
    """An empty state: what is not here, and what to do next."""
    with st.container(border=True, horizontal_alignment="center", key=f"empty_{symbol}"):
        st.markdown(f":material/{symbol}: **{title}**", text_alignment="center", width="content")
        st.caption(text, text_alignment="center")


def go(address: str) -> None:
    """Lead the browser to an address of this site that is no page of Streamlit."""
    _go(key="go", data=packed({"to": address}), height=1)
