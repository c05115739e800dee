"""A website to learn from: its address, how far to go, what would be read, and when it is read again."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from db.views import TrainingLine
from flows import schedules, training
from flows.actions import ActionRefused
from flows.borders import MOST_DEPTH, MOST_PAGES
from flows.training import Added, Preview, Website
from ui import place, training_when
from ui.session import Here
from ui.text import plain
from ui.training_act import actor, attempt, refusal, value
from ui.training_words import count

FORM = "site"
AHEAD = "site:ahead"
LISTED = 30


def draw(me: Here) -> None:
    st.text_input("Address of the website", key=f"{FORM}:url", placeholder="https://www.example.com")
    st.text_input("Name (optional)", key=f"{FORM}:name", placeholder="Taken from the address")
    with st.expander("How far to go", icon=":material/tune:"):
        limits(FORM)
    training_when.field(f"{FORM}:when", me.workspace.timezone)
    with st.container(horizontal=True):
        st.button("Show what would be read", icon=":material/visibility:", on_click=_ask)
        st.button("Start reading", type="primary", icon=":material/play_arrow:", on_click=_start)
    refusal(FORM)
    _ahead(me)


def limits(form: str, line: TrainingLine | None = None) -> None:
    """The fields for how far a crawl goes; those of `line` to begin with."""
    config = line.config if line else {}
    left, right = st.columns(2)
    left.number_input(
        "Most pages",
        1,
        training.MOST_PAGES,
        int(config.get("max_pages") or MOST_PAGES),
        key=f"{form}:pages",
        help="The crawl stops there, however large the site is.",
    )
    right.number_input(
        "Most clicks from the start page",
        0,
        training.MOST_DEPTH,
        int(config.get("max_depth", MOST_DEPTH)),
        key=f"{form}:depth",
        help="0 reads the start page and what its sitemap names.",
    )
    st.text_input(
        "Only pages under",
        str(config.get("prefix", "")),
        key=f"{form}:prefix",
        placeholder="/docs/",
        help="Leave it empty for the whole site.",
    )
    st.toggle(
        "Changes wait for my approval",
        bool(config.get("review", False)),
        key=f"{form}:review",
        help="When a page says something else later, the AI answers from its former text until somebody approves.",
    )
    st.toggle(
        "Keep out of what robots.txt forbids",
        bool(config.get("obey_robots", True)),
        key=f"{form}:robots",
        help="Switch it off for a site of your own only.",
    )


def read(form: str, url: str, name: str = "", config: dict[str, object] | None = None) -> Website:
    """What the fields of a form say."""
    pause = (config or {}).get("pause_seconds")
    return Website(
        url=url,
        name=name,
        max_pages=value(f"{form}:pages", MOST_PAGES),
        max_depth=value(f"{form}:depth", MOST_DEPTH),
        prefix=value(f"{form}:prefix", "").strip(),
        review=value(f"{form}:review", False),
        pause_seconds=float(str(pause)) if pause is not None else None,
        obey_robots=value(f"{form}:robots", True),
    )


def _site() -> Website:
    return read(FORM, value(f"{FORM}:url", ""), value(f"{FORM}:name", ""))


def _ask() -> None:
    """The look ahead takes some seconds, so it is done where the page can say so."""
    st.session_state[AHEAD] = (_site(), None)


def _start() -> None:
    words = value(f"{FORM}:when", "").strip()

    def add(me: Here) -> Added:
        if words:
            schedules.cron_of(words)  # before anything is made
        added = training.add_website(me.workspace.id, actor(me), _site())
        if words:
            schedules.set_schedule(me.workspace.id, actor(me), added.source, words, datetime.now(UTC))
        return added

    added = attempt(FORM, add, done="The website is being read.")
    if added is not None:
        st.session_state.pop(AHEAD, None)
        place.go(s=str(added.source))


def _ahead(me: Here) -> None:
    """What a crawl of the site in the form would read."""
    site, found = st.session_state.get(AHEAD, (None, None))
    if site is None or site != _site():
        return
    if found is None:
        with st.spinner("Looking at the site…"):
            try:
                found = training.preview_website(me.workspace.id, site)
            except ActionRefused as refused:
                found = str(refused)
        st.session_state[AHEAD] = (site, found)
    if isinstance(found, str):
        st.error(plain(found), icon=":material/error:")
    else:
        _preview(found)


def _preview(found: Preview) -> None:
    known = len(found.addresses) + found.more
    origin = "its sitemap and its start page name" if found.has_sitemap else "its start page leads to"
    with st.container(border=True):
        st.markdown(
            f":material/travel_explore: **{plain(found.title or found.start)}**  \n{count(known, 'page')} that {origin}."
            " Links on those pages may lead to more."
        )
        if found.text:
            with st.expander("How the start page begins, as the AI reads it"):
                st.text(found.text)
        _addresses(f"The first {min(LISTED, known):,} of them" if known > LISTED else "All of them", found.addresses)
        if found.forbidden:
            _addresses(f"{count(len(found.forbidden), 'page')} that robots.txt keeps out", found.forbidden)


def _addresses(title: str, addresses: list[str]) -> None:
    with st.expander(title):
        st.markdown("\n".join(f"- {plain(address)}" for address in addresses[:LISTED]))
