"""The map of passages: what is near each other says similar things. Beside it, how much is of which source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import streamlit as st

from db import views
from db.views import SourceCount
from ui import parts
from ui.session import Here
from ui.text import plain
from ui.training_words import SYMBOLS, count, place

MOST = 2000  # passages that are drawn
COLOURED = 9  # sources with a colour of their own; the smaller ones share one
OTHERS = "Other sources"
LABEL = 40


def view(me: Here) -> None:
    with me.read() as tx:
        counts = views.passage_counts(tx)
    total = sum(each.passages for each in counts)
    if total < 3:
        parts.empty("Nothing to map yet", "Add a website, files or a text under Sources first.", "scatter_plot")
        return
    left, right = st.columns([2.2, 1], gap="medium")
    with left:
        sample = f"A fair sample of {MOST:,} of {total:,} passages" if total > MOST else count(total, "passage")
        st.caption(f"{sample}. Near each other: similar in meaning. Point at one to see its heading.")
        with st.spinner("Drawing the map…"):
            st.vega_lite_chart(_drawn(me, counts), _SPEC, key="map", height=520)
    with right:
        _counts(counts, total)


def _drawn(me: Here, counts: Sequence[SourceCount]) -> list[dict[str, Any]]:
    """The points, made anew only when something was learned or forgotten."""
    from ui.training_projection import points  # numpy is loaded for who looks at the map

    key = (me.workspace.id, tuple((each.id, each.name, each.passages) for each in counts))
    known = st.session_state.get("map:drawn")
    if known is not None and known[0] == key:
        return list(known[1])
    with me.read() as tx:
        sample = views.sample_points(tx, MOST)
    names = _names(counts)
    drawn = [
        {
            "x": round(x, 4),
            "y": round(y, 4),
            "Source": names.get(point.source_id, OTHERS),
            "Heading": point.heading or place(point.document),
            "Document": place(point.document),
        }
        for point, (x, y) in zip(sample, points([each.vector for each in sample]), strict=True)
    ]
    st.session_state["map:drawn"] = (key, drawn)
    return drawn


def _names(counts: Sequence[SourceCount]) -> dict[UUID, str]:
    """The sources that have a colour of their own, by name."""
    return {
        each.id: each.name if len(each.name) <= LABEL else f"{each.name[: LABEL - 1]}…" for each in counts[:COLOURED]
    }


_BARE = {"axis": None, "scale": {"domain": [-1.08, 1.08]}}
_SPEC: dict[str, Any] = {
    "mark": {"type": "circle", "size": 46, "opacity": 0.7},
    "encoding": {
        "x": {"field": "x", "type": "quantitative", **_BARE},
        "y": {"field": "y", "type": "quantitative", **_BARE},
        "color": {
            "field": "Source",
            "type": "nominal",
            "scale": {"scheme": "tableau10"},
            "legend": {"orient": "bottom", "columns": 2, "title": None, "labelLimit": 230},
        },
        "tooltip": [{"field": name, "type": "nominal"} for name in ("Heading", "Document", "Source")],
    },
    "params": [{"name": "pan", "select": "interval", "bind": "scales"}],
}


def _counts(counts: Sequence[SourceCount], total: int) -> None:
    st.markdown(f"**{count(total, 'passage')} of {count(len(counts), 'source')}**")
    for each in counts[:30]:
        with st.container(key=f"share:{each.id}", gap="xsmall"):
            st.progress(
                each.passages / total, text=f":material/{SYMBOLS[each.type]}: {plain(each.name)} · {each.passages:,}"
            )
    if len(counts) > 30:
        st.caption(f"And {count(len(counts) - 30, 'smaller source')}.")
    st.button("Show the passages", icon=":material/notes:", on_click=_to_passages)


def _to_passages() -> None:
    st.session_state["training_view"] = "Passages"
