"""Links from one page to another: they open in place, without loading the site anew."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from uuid import UUID

import streamlit as st

PAGES = Path(__file__).parent / "app_pages"
Page = Literal["home", "conversations", "handoffs", "runs", "automations", "training", "crm", "settings"]
ICONS: dict[Page, str] = {
    "home": "home",
    "conversations": "forum",
    "handoffs": "support_agent",
    "runs": "history",
    "automations": "account_tree",
    "training": "school",
    "crm": "hub",
    "settings": "settings",
}


def to(page: Page, label: str, **query: str) -> None:
    """A link to a page of this site."""
    icon = f":material/{ICONS[page]}:"
    st.page_link(PAGES / f"{page}.py", label=label, icon=icon, query_params=query or None, width="content")


def to_conversation(conversation: UUID, label: str = "Open conversation") -> None:
    to("conversations", label, c=str(conversation))


def to_run(run: UUID) -> None:
    to("runs", "Every step of this run", run=str(run))
