"""What a crawl of a website would read, without reading it: the start page, robots.txt, the sitemaps, and one page's links."""

from __future__ import annotations

from dataclasses import dataclass

from db.settings import get_settings
from db.sources import SourceSetup
from flows.actions import ActionRefused
from flows.borders import Borders, CrawlRefused, limits_of, start_of
from nodes.addresses import normal
from nodes.clients.network import Resolver, anywhere, is_public, resolve
from nodes.clients.site_map import Sitemaps
from nodes.clients.web import Web
from nodes.errors import ClientError
from nodes.extract import kind_of
from nodes.extract_process import PAGE_SECONDS, Extractor
from nodes.reading import CannotRead

SHOWN = 100
CHARACTERS = 1500
SITEMAP_SECONDS = 15.0


@dataclass(frozen=True)
class Preview:
    """The first addresses of a crawl. `more`: how many the sitemap names beyond those shown; links may lead to others."""

    start: str
    title: str
    text: str  # how the start page begins, as the AI would read it
    addresses: list[str]
    more: int
    forbidden: list[str]  # that robots.txt keeps out
    has_sitemap: bool


def look_ahead(source: SourceSetup, resolver: Resolver = resolve) -> Preview:
    """Some requests to the site, a few seconds. Raises ActionRefused where the site cannot be read."""
    settings = get_settings()
    web = Web(
        contact=settings.public_url,
        may_connect=anywhere if settings.allow_private_addresses else is_public,
        resolver=resolver,
        pause_seconds=0.05,
        whole_seconds=15.0,
    )
    limits = limits_of(source)
    try:
        with web:
            start = start_of(web, source.url)
            borders = Borders(web, start, limits)
            title, text, links = _start_page(web, start)
            named = [
                *borders.robots(start).sitemaps,
                start.partition("://")[0] + "://" + start.split("/")[2] + "/sitemap.xml",
            ]
            mapped = list(Sitemaps(web, named, limits.pages, seconds=SITEMAP_SECONDS))
            wanted = dict.fromkeys(
                url for each in [start, *mapped, *links] if (url := normal(each)) and borders.belongs(url)
            )
            allowed = {url: borders.is_allowed(url) for url in list(wanted)[: limits.pages]}
    except CrawlRefused as error:
        raise ActionRefused(str(error)) from error
    except ClientError as error:
        raise ActionRefused(f"The site cannot be read. {error.reason}") from error
    readable = [url for url, fine in allowed.items() if fine]
    forbidden = [url for url, fine in allowed.items() if not fine]
    return Preview(start, title, text, readable[:SHOWN], max(0, len(readable) - SHOWN), forbidden[:SHOWN], bool(mapped))


def _start_page(web: Web, start: str) -> tuple[str, str, tuple[str, ...]]:
    answer = web.fetch(start)
    kind = kind_of(start, answer.content_type) or "html"
    try:
        with Extractor() as extractor:
            reading = extractor.extract(answer.content, kind, start, answer.charset, PAGE_SECONDS)
    except CannotRead as error:
        return "", str(error), ()
    return reading.title, reading.markdown[:CHARACTERS], reading.links
