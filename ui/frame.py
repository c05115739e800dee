"""What surrounds every page: style, navigation with what waits, the workspace switcher and the person's own menu."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ui import session
from ui.session import Here

PAGES = Path(__file__).parent / "app_pages"
STYLE = (Path(__file__).parent / "static" / "pages.css").read_text(encoding="utf-8")


def style() -> None:
    st.html(f"<style>{STYLE}</style>")


def navigation(person: Here) -> st.navigation:
    """The pages that the person's role may see, in two groups."""
    return st.navigation(
        {
            "": [
                _page("home", "Home", "home", default=True),
                _page("conversations", "Conversations", "forum"),
                _page("handoffs", "Handoffs", "support_agent"),
            ],
        }
    )


def _page(name: str, title: str, icon: str, *, default: bool = False) -> st.Page:
    return st.Page(PAGES / f"{name}.py", title=title, icon=f":material/{icon}:", url_path=name, default=default)
