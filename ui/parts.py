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

from ui import place

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
    """What a list does whose last row is not there."""


def show(
    widget: Any, key: str, data: Mapping[str, Any], *, height: int | None = None, **on: Callable[[Any], None]
) -> None:
    """Draw a component. Each name of `on` is something that it tells, once, however often the browser repeats it.

    `reports` of shared.js repeats what is not confirmed; the newest number that was heard goes back with the data.
    """
    told = {f"on_{name}_change": _once(key, name, act) for name, act in on.items()}
    size = {} if height is None else {"height": height}
    widget(key=key, data=packed({**data, "heard": st.session_state.get(f"{key}:heard", 0)}), **told, **size)


def _once(key: str, name: str, act: Callable[[Any], None]) -> Callable[[], None]:
    heard = f"{key}:heard"

    def report() -> None:
        # A component that left the page a moment ago may repeat itself once more; its value is gone with it.
        said = (st.session_state.get(key) or {}).get(name)
        if said and said["id"] > st.session_state.get(heard, 0):
            st.session_state[heard] = said["id"]
            act(said["what"])

    return report


def live(workspace: UUID, *topics: str, key: str, patience_ms: int = 0) -> None:
    """Re-run the fragment that calls this whenever something about the topics changes in the workspace. What was just opened
    (`place.go`) begins at its top.

    Two live parts of one page report one after the other: the less important one has `patience_ms`.
    """
    data = {"workspace": str(workspace), "topics": topics, "patience_ms": patience_ms, "place": place.steps()}
    show(_live, key, data, height=1, notice=lambda _: None)


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
    show(_rows, key, data, chosen=on_choose, more=lambda _: on_more())


def thread(
    data: Mapping[str, Any],
    *,
    key: str,
    on_reply: Callable[[dict[str, str]], None],
    on_why: Callable[[str], None],
    on_older: Callable[[], None],
) -> None:
    """A conversation with the field to answer. A reply is {conversation, text, key}; `on_why` gets a message's id."""
    show(_thread, key, data, reply=on_reply, why=on_why, older=lambda _: on_older())


def canvas(data: Mapping[str, Any], *, key: str, on_step: Callable[[str], None]) -> None:
    """A diagram of an automation; `on_step` gets the id of the step that was tapped."""
    show(_canvas, key, data, step=on_step)


def reported(key: str, name: str, told: Callable[[Any], None]) -> Callable[[], None]:
    """A callback that hands over what a component now holds under `name`; nothing where it has left the page."""

    def report() -> None:
        held = st.session_state.get(key)
        if held is not None and name in held:
            told(held[name])

    return report


def slot(name: str) -> Any:
    """A place for what is there now and then. Without one everything below it is made anew when it comes or goes, and the
    field in which somebody types would lose the cursor and what is typed just then."""
    return st.container(key=f"slot_{name}")


def empty(title: str, text: str, symbol: str) -> None:
    """An empty state: what is not here, and what to do next."""
    with st.container(border=True, horizontal_alignment="center", key=f"empty_{symbol}"):
        st.markdown(f":material/{symbol}: **{title}**", text_alignment="center", width="content")
        st.caption(text, text_alignment="center")


def go(address: str) -> None:
    """Lead the browser to an address of this site that is no page of Streamlit."""
    _go(key="go", data=packed({"to": address}), height=1)
