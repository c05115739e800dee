"""When a source is read again, in words: the next times appear while somebody types."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from flows.cadence import WordsUnclear, next_time, to_cron, to_words
from ui.text import plain

EXAMPLES = ("every day at 6:00", "every Monday at 6:00", "every weekday at 18:30", "on the 1st of every month at 5:00")
SHOWN = 3


def field(key: str, timezone: str) -> None:
    """A field for the words, with what they mean below. The words are in `st.session_state[key]`."""
    st.text_input(
        "Read it again",
        key=key,
        live=True,
        placeholder="every Monday at 6:00",
        help="In words, by the clocks of the workspace. Leave it empty to read it again only when somebody asks.",
    )
    st.pills("Examples", EXAMPLES, key=f"{key}:example", label_visibility="collapsed", on_change=_take, args=(key,))
    st.caption(meaning(st.session_state.get(key, ""), timezone, datetime.now(UTC)))


def meaning(words: str, timezone: str, now: datetime) -> str:
    """What the words mean, as Markdown: the next times, or what is unclear."""
    if not words.strip():
        return "Not repeated: it is read again only when somebody asks."
    try:
        cron = to_cron(words)
    except WordsUnclear as unclear:
        return f":orange[:material/help: {plain(str(unclear))}]"
    moments = upcoming(cron, timezone, now)
    if not moments:
        return ":orange[:material/help: This time never comes. Choose another day.]"
    told = " · ".join(plain(shown(moment, timezone)) for moment in moments)
    said = to_words(cron)
    return f":green[:material/event_repeat: {plain(said[:1].upper() + said[1:])}.] Next: {told}"


def upcoming(cron: str, timezone: str, now: datetime, most: int = SHOWN) -> list[datetime]:
    """The next times that a cron line names."""
    found: list[datetime] = []
    while len(found) < most and (moment := next_time(cron, timezone, found[-1] if found else now)) is not None:
        found.append(moment)
    return found


def shown(moment: datetime, timezone: str) -> str:
    """'Mon 23 Nov, 6:00'."""
    local = moment.astimezone(ZoneInfo(timezone))
    return f"{local:%a} {local.day} {local:%b}, {local.hour}:{local.minute:02d}"


def _take(key: str) -> None:
    """An example becomes the words."""
    if example := st.session_state.pop(f"{key}:example", None):
        st.session_state[key] = example
