"""What an owner says about a website that is to be read, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from db.settings import get_settings
from flows.actions import ActionRefused
from nodes.addresses import normal

MOST_PAGES = 20_000  # of one source
MOST_DEPTH = 50
LONGEST_PAUSE_SECONDS = 60


@dataclass(frozen=True)
class Website:
    """What an owner says about a website; None and "" leave the usual."""

    url: str
    name: str = ""
    max_pages: int | None = None
    max_depth: int | None = None
    prefix: str = ""
    review: bool = False  # changes wait for approval
    pause_seconds: float | None = None  # between two requests
    obey_robots: bool = True  # a business may read its own site whatever its robots.txt says


def web_address(text: str) -> str:
    """The address in our spelling; a bare name is taken for https."""
    text = text.strip()
    url = normal(text if "://" in text else f"https://{text}")
    if url is None or "." not in (urlsplit(url).hostname or "") and not get_settings().allow_private_addresses:
        raise ActionRefused(f"'{text[:100]}' is not a web address. Write it like https://www.example.com.")
    return url


def crawl_config(site: Website) -> dict[str, Any]:
    """The settings that differ from the usual. Raises ActionRefused."""
    if site.max_pages is not None and not 1 <= site.max_pages <= MOST_PAGES:
        raise ActionRefused(f"The number of pages must be between 1 and {MOST_PAGES}.")
    if site.max_depth is not None and not 0 <= site.max_depth <= MOST_DEPTH:
        raise ActionRefused(f"The depth must be between 0 and {MOST_DEPTH} clicks.")
    if site.prefix and not site.prefix.startswith("/"):
        raise ActionRefused("The part of the site must begin with a slash, like /docs/.")
    if site.pause_seconds is not None and not 0 <= site.pause_seconds <= LONGEST_PAUSE_SECONDS:
        raise ActionRefused(f"The pause between two requests must be between 0 and {LONGEST_PAUSE_SECONDS} seconds.")
    chosen: dict[str, Any] = {
        "max_pages": site.max_pages,
        "max_depth": site.max_depth,
        "prefix": site.prefix or None,
        "review": site.review or None,
        "pause_seconds": site.pause_seconds,
        "obey_robots": None if site.obey_robots else False,
    }
    return {name: value for name, value in chosen.items() if value is not None}
