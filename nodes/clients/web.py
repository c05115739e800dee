"""Pages of strangers: fetched politely, within limits of time and size, and never from a private network.

Every name is resolved here, the address that was looked at is the one that is connected to, and each redirect is looked at
anew: a name that changes its address between look and connection (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

from nodes.clients.http import CONNECT_SECONDS, OWN_MACHINE, retry_after_seconds, translated
from nodes.clients.network import Resolver, checked_address, is_public, resolve
from nodes.clients.unpacking import Unpacking
from nodes.errors import NotSent, OutcomeUnknown, Rejected, Throttled

READ_SECONDS = 15.0
WHOLE_SECONDS = 60.0  # of one answer, however slowly it drips
MOST_BYTES = 20_000_000
MOST_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class WebAnswer:
    """What an address gave. `url` is where the redirects ended; `content` is unpacked and complete."""

    url: str
    status: int
    content: bytes
    content_type: str
    charset: str
    etag: str
    last_modified: str
    robots: str  # the header X-Robots-Tag

    @property
    def not_modified(self) -> bool:
        return self.status == 304


@dataclass(frozen=True)
class Room:
    """How much of an answer is taken."""

    most_bytes: int
    may_cut: bool

    def too_large(self) -> Rejected:
        size = f"{self.most_bytes / 1_000_000:.0f} MB"
        return Rejected("too_large", f"It is larger than {size} and was not read to the end.")


class Web:
    """Fetches for one crawl. `pause_seconds` is kept between two requests to one host. For one thread."""

    def __init__(
        self,
        *,
        contact: str,
        may_connect: Callable[[str], bool] = is_public,
        pause_seconds: float = 0.2,
        resolver: Resolver = resolve,
        whole_seconds: float = WHOLE_SECONDS,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.agent = f"Frontdesk/1.0 (+{contact})"
        self.pauses: dict[str, float] = {}  # host -> seconds that its robots.txt asks for
        self._may_connect, self._pause, self._resolver = may_connect, pause_seconds, resolver
        self._whole, self._sleep = whole_seconds, sleep
        self._clients: dict[str, httpx.Client] = {}  # one each, so that no TLS connection is used for another name
        self._asked: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def fetch(
        self,
        url: str,
        *,
        etag: str = "",
        last_modified: str = "",
        most_bytes: int = MOST_BYTES,
        may_cut: bool = False,
        may_follow: Callable[[str], bool] = lambda url: True,
    ) -> WebAnswer:
        """The answer of an address, after redirects that `may_follow` allows. `may_cut`: of a larger one the beginning is enough.

        Raises Rejected for what will not change by itself (code: not_found, private_address, too_large, ...), Throttled,
        and NotSent or OutcomeUnknown where a later try may help.
        """
        headers = {name: value for name, value in _conditions(etag, last_modified).items() if value}
        for _ in range(MOST_REDIRECTS + 1):
            answer, leads_to = self._once(url, headers, Room(most_bytes, may_cut))
            if leads_to is None:
                return answer
            if not may_follow(leads_to):
                raise Rejected("elsewhere", f"It leads to {leads_to}, which does not belong to this crawl.")
            url, headers = leads_to, {}
        raise Rejected("too_many_redirects", f"It leads from address to address, more than {MOST_REDIRECTS} times.")

    def _once(self, url: str, headers: Mapping[str, str], room: Room) -> tuple[WebAnswer, str | None]:
        """One request; with the address of a redirect, where it is one."""
        host = urlsplit(url).hostname or ""
        request = self._request(url, host, headers)
        self._wait_turn(host)
        client = self._client(host)
        clock = threading.Timer(
            self._whole, client.close
        )  # a header that drips byte by byte passes every timeout of httpx
        clock.daemon = True
        clock.start()
        began = time.monotonic()
        try:
            with (
                translated(host),
                client.stream(
                    request.method, request.url, headers=request.headers, extensions=request.extensions
                ) as got,
            ):
                return self._take(url, got, room, began)
        except (NotSent, OutcomeUnknown, RuntimeError) as error:
            if time.monotonic() - began >= self._whole:
                raise OutcomeUnknown(f"{host} did not finish its answer within {self._whole:.0f} seconds.") from error
            raise
        finally:
            clock.cancel()
            if client.is_closed:
                self._clients.pop(host, None)

    def _request(self, url: str, host: str, headers: Mapping[str, str]) -> httpx.Request:
        """The request goes to the address that was checked; the name stays in Host, and in the certificate that must be shown."""
        with translated(host):
            wanted = httpx.URL(url)
        if wanted.scheme not in ("http", "https") or not host:
            raise Rejected("bad_address", f"{url} is not an address that begins with http:// or https://.")
        address = checked_address(
            host, wanted.port or (443 if wanted.scheme == "https" else 80), self._resolver, self._may_connect
        )
        ours = {"Host": wanted.netloc.decode("ascii"), "User-Agent": self.agent, "Accept-Encoding": "gzip, deflate"}
        ours["Accept"] = "text/html,application/xhtml+xml,application/pdf;q=0.9,text/plain;q=0.9,*/*;q=0.5"
        return httpx.Request(
            "GET", wanted.copy_with(host=address), headers=ours | dict(headers), extensions={"sni_hostname": host}
        )

    def _take(self, url: str, got: httpx.Response, room: Room, began: float) -> tuple[WebAnswer, str | None]:
        host = urlsplit(url).hostname or ""
        if got.status_code in REDIRECTS and (target := got.headers.get("location", "")):
            return self._answer(url, got, b""), urljoin(url, target).partition("#")[0]
        _refuse_status(host, got)
        return self._answer(url, got, self._content(host, got, room, began)), None

    def _content(self, host: str, got: httpx.Response, room: Room, began: float) -> bytes:
        """The unpacked body, never much more than there is room for in memory."""
        announced = got.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > room.most_bytes and not room.may_cut:
            raise room.too_large()
        content, unpacking = bytearray(), Unpacking(got.headers.get("content-encoding", ""))
        for part in got.iter_raw():
            for piece in unpacking.feed(part):
                content += piece
                if len(content) > room.most_bytes:
                    if room.may_cut:
                        return bytes(content[: room.most_bytes])
                    raise room.too_large()
            if time.monotonic() - began > self._whole:
                raise OutcomeUnknown(f"{host} did not finish its answer within {self._whole:.0f} seconds.")
        if not unpacking.is_complete:
            raise OutcomeUnknown(f"{host} sent half of its answer. Try again later.")
        return bytes(content)

    def _answer(self, url: str, got: httpx.Response, content: bytes) -> WebAnswer:
        kind, _, parameters = got.headers.get("content-type", "").partition(";")
        return WebAnswer(
            url,
            got.status_code,
            content,
            kind.strip().lower(),
            parameters.partition("charset=")[2].strip(" \"'"),
            got.headers.get("etag", "")[:500],
            got.headers.get("last-modified", "")[:100],
            got.headers.get("x-robots-tag", "").lower(),
        )

    def _wait_turn(self, host: str) -> None:
        pause = max(self._pause, self.pauses.get(host, 0.0))
        due = self._asked.get(host, -pause) + pause
        if (left := due - time.monotonic()) > 0:
            self._sleep(left)
        self._asked[host] = time.monotonic()

    def _client(self, host: str) -> httpx.Client:
        if host not in self._clients:
            timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
            limits = httpx.Limits(max_connections=2)
            self._clients[host] = httpx.Client(
                timeout=timeout, limits=limits, mounts=OWN_MACHINE, follow_redirects=False
            )
        return self._clients[host]


def _conditions(etag: str, last_modified: str) -> dict[str, str]:
    return {"If-None-Match": etag, "If-Modified-Since": last_modified}


def _refuse_status(host: str, got: httpx.Response) -> None:
    """Raise for an answer that is no page."""
    status = got.status_code
    if status in (404, 410):
        raise Rejected("not_found", f"The page is not there ({status}).")
    if status in (401, 403, 407, 451):
        raise Rejected(
            "forbidden", f"{host} does not let us read this page ({status}). Pages behind a sign-in cannot be crawled."
        )
    if status == 429 or (status == 503 and "retry-after" in got.headers):
        raise Throttled(f"{host} asks to wait ({status}).", retry_after_seconds(got.headers))
    if status >= 500:
        raise OutcomeUnknown(f"{host} answered with an error of its own ({status}). Try again later.")
    if status not in (200, 203, 304):
        raise Rejected(f"http_{status}", f"{host} answered {status}, which is no page.")
