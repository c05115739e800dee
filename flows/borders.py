"""How far a crawl goes: which addresses belong to it, which are forbidden, and with which it begins."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from db.sources import SourceSetup
from nodes.addresses import may_hold_text, normal, site
from nodes.clients.site_map import Robots, Sitemaps, read_robots
from nodes.clients.web import Web
from nodes.errors import ClientError

MOST_PAGES, MOST_DEPTH = 500, 10  # where the owner says nothing


class CrawlRefused(Exception):
    """Nothing of the site can be read; the message is a sentence with the remedy."""


@dataclass(frozen=True)
class Limits:
    """How far a crawl goes."""

    pages: int
    depth: int
    page_bytes: int
    prefix: str  # of the path: "/docs/" stays within the documentation
    obey_robots: bool


def limits_of(source: SourceSetup) -> Limits:
    config = source.config
    return Limits(
        int(config.get("max_pages") or MOST_PAGES),
        int(config["max_depth"]) if config.get("max_depth") is not None else MOST_DEPTH,
        int(config.get("max_page_bytes") or 10_000_000),
        str(config.get("prefix") or ""),
        bool(config.get("obey_robots", True)),
    )


class Borders:
    """Which addresses belong to a crawl, and why one does not."""

    def __init__(self, web: Web, start: str, limits: Limits, *, one_site: bool = True) -> None:
        self._web, self.start, self._limits, self._one_site = web, start, limits, one_site
        self._robots: dict[str, Robots] = {}

    def belongs(self, url: str) -> bool:
        """Same site, under the chosen path, and of a kind that may hold text."""
        return not self._one_site or (
            site(url) == site(self.start) and urlsplit(url).path.startswith(self._limits.prefix) and may_hold_text(url)
        )

    def robots(self, url: str) -> Robots:
        """robots.txt of the host, read once. Raises ClientError where it cannot be known."""
        host = urlsplit(url).netloc
        if host not in self._robots:
            self._robots[host] = read_robots(self._web, url)
        return self._robots[host]

    def is_allowed(self, url: str) -> bool:
        return not self._limits.obey_robots or self.robots(url).allow(url)


def first_addresses(web: Web, borders: Borders, most: int) -> tuple[list[str], bool]:
    """The start page, then what the sitemaps name, each once and in the one spelling, at most `most`.

    With False where a sitemap that should be there could not be read, so that pages may be missing.
    """
    parts = urlsplit(borders.start)
    named = [*borders.robots(borders.start).sitemaps, f"{parts.scheme}://{parts.netloc}/sitemap.xml"]
    sitemaps = Sitemaps(web, named, 4 * most)
    found = dict.fromkeys([borders.start])
    for address in sitemaps:
        if (url := normal(address)) and borders.belongs(url):
            found.setdefault(url)
        if len(found) >= most:
            break
    return list(found)[:most], not sitemaps.unread


def start_of(web: Web, address: str) -> str:
    """Where the address of a site really leads: http to https, or to www. Raises CrawlRefused."""
    url = normal(address)
    if url is None:
        raise CrawlRefused(f"'{address}' is not a web address. Write it like https://www.example.com.")
    try:
        return normal(web.fetch(url).url) or url
    except ClientError as error:
        raise CrawlRefused(f"{url} cannot be read. {error.reason}") from error
