"""What a site says to crawlers: robots.txt and its sitemaps."""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from protego import Protego

from nodes.clients.web import Web
from nodes.errors import ClientError, OutcomeUnknown, Rejected, Throttled

MOST_ROBOTS_BYTES = 500_000  # as much as search engines read
MOST_SITEMAP_BYTES = 50_000_000  # the limit of the sitemap protocol, unpacked
MOST_SITEMAPS = 50
LONGEST_PAUSE_SECONDS = 10.0
_LOCATION = re.compile(r"<loc>\s*([^<]{1,2100}|<!\[CDATA\[.{1,2100}?\]\]>)\s*</loc>")


@dataclass(frozen=True)
class Robots:
    """The rules of one host for us."""

    rules: Protego
    agent: str

    def allow(self, url: str) -> bool:
        return bool(self.rules.can_fetch(url, self.agent))

    @property
    def pause_seconds(self) -> float:
        return min(float(self.rules.crawl_delay(self.agent) or 0.0), LONGEST_PAUSE_SECONDS)

    @property
    def sitemaps(self) -> list[str]:
        return list(self.rules.sitemaps)


def read_robots(web: Web, url: str) -> Robots:
    """robots.txt of the host of `url`; a host without one allows everything.

    Raises OutcomeUnknown where the host is in trouble: then nothing may be fetched (RFC 9309, 2.3.1.4). Rejected for a
    private address.
    """
    parts = urlsplit(url)
    try:
        answer = web.fetch(f"{parts.scheme}://{parts.netloc}/robots.txt", most_bytes=MOST_ROBOTS_BYTES)
    except Rejected as error:
        if error.code in ("private_address", "bad_address"):
            raise
        return Robots(Protego.parse(""), web.agent)
    except Throttled as error:
        raise OutcomeUnknown(
            f"robots.txt of {parts.netloc} cannot be read now, so nothing else was: {error.reason}"
        ) from error
    robots = Robots(Protego.parse(answer.content.decode("utf-8", "replace")), web.agent)
    web.pauses[parts.hostname or ""] = robots.pause_seconds
    return robots


def addresses(web: Web, sitemaps: list[str], most: int) -> Iterator[str]:
    """Page addresses of these sitemaps and of those that they name; what cannot be read is left out. At most `most`."""
    waiting, read, given = list(dict.fromkeys(sitemaps)), set[str](), 0
    while waiting and len(read) < MOST_SITEMAPS and given < most:
        url = waiting.pop(0)
        read.add(url)
        try:
            content = _unpacked(web.fetch(url, most_bytes=MOST_SITEMAP_BYTES).content)
        except ClientError:
            continue  # a sitemap is a hint: the links of the pages lead to the same places
        index, found = _parse(content)
        if index:
            waiting += [each for each in found if each not in read and each not in waiting]
            continue
        for address in found[: most - given]:
            given += 1
            yield address


def _parse(content: bytes) -> tuple[bool, list[str]]:
    """(whether it is a list of sitemaps, addresses); a plain list of lines is a sitemap too. Needs no XML parser: broken files are common."""
    text = content.decode("utf-8", "replace")
    if not text.lstrip("\ufeff \r\n\t").startswith("<"):
        return False, [line.strip() for line in text.split("\n") if line.startswith("http")]
    found = [
        html.unescape(each.removeprefix("<![CDATA[").removesuffix("]]>").strip()) for each in _LOCATION.findall(text)
    ]
    return "<sitemapindex" in text[:5000], found


def _unpacked(content: bytes) -> bytes:
    """A sitemap that is a .gz file, unpacked up to the limit."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return zlib.decompressobj(47).decompress(content, MOST_SITEMAP_BYTES)
    except zlib.error:
        return b""
