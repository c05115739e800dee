"""The pages' own components. No build step: each is a file of JavaScript and one of CSS in `ui/static`, put behind the shared ones.

A component gets data and gives back what a person did; it holds no rules. Its script inserts every text as text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import streamlit as st

STATIC = Path(__file__).parent / "static"
ROOT = "<div data-root></div>"


def _text(*names: str) -> str:
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def _packed(data: Mapping[str, Any]) -> bytes:
    # As bytes, because Streamlit imports pandas and pyarrow (90 MB of memory) to look for tables in anything else.
    return json.dumps(data, ensure_ascii=False).encode()


def _component(name: str, **extra: Any) -> Any:
    return st.components.v2.component(
        f"frontdesk_{name}",
        html=ROOT,
        js=_text("shared.js", f"{name}.js"),
        css=_text("shared.css", f"{name}.css"),
        **extra,
    )


_rows = _component("rows")
_thread = _component("thread")
_canvas = _component("canvas")
_live = st.components.v2.component("frontdesk_live", js=_text("shared.js", "live.js"))
_go = st.components.v2.component("frontdesk_go", js=_text("shared.js", "go.js"))


def _nothing() -> None:
    """A trigger is only reported where it has a callback."""


def live(workspace: UUID, *topics: str, key: str) -> None:
    """Re-run the fragment that calls this whenever something about the topics changes in the workspace."""
    _live(key=key, data=_packed({"workspace": str(workspace), "topics": topics}), on_notice_change=_nothing, height=1)


def rows(
    items: Sequence[Mapping[str, Any]],
    *,
    key: str,
    label: str,
    empty: Mapping[str, str],
    selected: str | None = None,
    tall: bool = False,
    more: str = "",
) -> tuple[str | None, bool]:
    """A list to choose from: the id that was just clicked, and whether more rows were asked for. `tall` fills the window."""
    data = {"items": list(items), "label": label, "empty": empty, "selected": selected, "tall": tall, "more": more}
    result = _rows(key=key, data=_packed(data), on_chosen_change=_nothing, on_more_change=_nothing)
    return result.chosen, bool(result.more)


def thread(data: Mapping[str, Any], *, key: str) -> Any:
    """A conversation with the field to answer; the result has `reply`, `why` and `older` at the moment they happen."""
    return _thread(
        key=key, data=_packed(data), on_reply_change=_nothing, on_why_change=_nothing, on_older_change=_nothing
    )


def canvas(data: Mapping[str, Any], *, key: str) -> str | None:
    """A diagram of an automation; gives the id of the step that was just tapped."""
    step: str | None = _canvas(key=key, data=_packed(data), on_step_change=_nothing).step
    return step


def go(address: str) -> None:
    """Lead the browser to an address of this site that is no page of Streamlit."""
    _go(key="go", data=_packed({"to": address}), height=1)
