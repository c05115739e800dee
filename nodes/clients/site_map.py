"""What a site says to crawlers: robots.txt and its sitemaps."""

from __future__ import annotations

import html
import re
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from protego import Protego

from nodes.clients.web import Web
from nodes.errors import ClientError, OutcomeUnknown, Rejected, Throttled

MOST_ROBOTS_BYTES = 500_000  # as much as search engines read; what follows is not looked at
MOST_SITEMAP_BYTES = 50_000_000  # the limit of the sitemap protocol, unpacked
MOST_SITEMAPS = 50
SITEMAP_SECONDS = 180.0  # for all of them
LONGEST_PAUSE_SECONDS = 10.0
# No two parts of a pattern can take the same characters: a hostile file must not keep it busy.
_LOCATION = re.compile(rb"<loc>(\s{0,100}<!\[CDATA\[[^\]<>]{1,2100}\]\]>|[^<]{1,2100})")
_LINE = re.compile(rb"^https?://\S{1,2100}", re.MULTILINE)


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
        address = f"{parts.scheme}://{parts.netloc}/robots.txt"
        answer = web.fetch(address, most_bytes=MOST_ROBOTS_BYTES, may_cut=True)
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


class Sitemaps:
    """Page addresses of these sitemaps and of those that they name, at most `most`; read while they are asked for.

    `unread`: those that are not simply missing, but could not be read now.
    """

    def __init__(self, web: Web, sitemaps: Sequence[str], most: int, *, seconds: float = SITEMAP_SECONDS) -> None:
        self.unread: list[str] = []
        self._web, self._most, self._seconds = web, most, seconds
        self._waiting = deque(dict.fromkeys(sitemaps))
        self._known = set(self._waiting)

    def __iter__(self) -> Iterator[str]:
        given, read, until = 0, 0, time.monotonic() + self._seconds
        while self._waiting and given < self._most:
            url = self._waiting.popleft()
            read += 1
            if read > MOST_SITEMAPS or time.monotonic() > until:
                self.unread.append(url)
                return
            index, found = self._read(url)
            if index:
                self._add(islice(found, MOST_SITEMAPS))
                continue
            for address in islice(found, self._most - given):
                given += 1
                yield address

    def _read(self, url: str) -> tuple[bool, Iterator[str]]:
        try:
            return _parse(_unpacked(self._web.fetch(url, most_bytes=MOST_SITEMAP_BYTES).content))
        except Rejected:
            pass  # a sitemap is a hint: the links of the pages lead to the same places
        except ClientError:
            self.unread.append(url)
        return False, iter(())

    def _add(self, sitemaps: Iterable[str]) -> None:
        for url in sitemaps:
            if url not in self._known:
                self._known.add(url)
                self._waiting.append(url)


def _parse(content: bytes) -> tuple[bool, Iterator[str]]:
    """(whether it is a list of sitemaps, addresses); a plain list of lines is a sitemap too. Needs no XML parser: broken files are common."""
    if content[:100].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        return b"<sitemapindex" in content[:5000], (_text(match.group(1)) for match in _LOCATION.finditer(content))
    return False, (_text(match.group()) for match in _LINE.finditer(content))


def _text(found: bytes) -> str:
    text = found.decode("utf-8", "replace").strip()
    return html.unescape(text.removeprefix("<![CDATA[").removesuffix("]]>").strip())


def _unpacked(content: bytes) -> bytes:
    """A sitemap that is a .gz file, unpacked up to the limit."""
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        return zlib.decompressobj(47).decompress(content, MOST_SITEMAP_BYTES)
    except zlib.error:
        return b""
