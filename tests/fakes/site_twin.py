"""A website on this machine: pages that tests change at will, the sly things that sites do, and a memory of every request.

with SiteTwin() as site:
    site.page("/", "Welcome", "<p>We repair bicycles.</p>", links=["/prices"])
    site.url("/prices")
"""

from __future__ import annotations

import gzip
import hashlib
import html
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    """A request as it came; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    monotonic: float


@dataclass
class Thing:
    """What an address gives. `etag` is made of the body unless it is switched off."""

    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    with_etag: bool = True
    sly: Callable[[_Handler], None] | None = None

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'


class SiteTwin:
    """Serves `things` by path; what is not there is 404. `host` is the name that its addresses have."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.things: dict[str, Thing] = {}
        self.asked: list[Asked] = []
        self.ended = threading.Event()  # sly answers go on until then
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.twin = self
        self.host, self.port = host, self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}:{self.port}{path}"

    def page(
        self, path: str, title: str, body: str, links: Sequence[str] = (), head: str = "", **options: Any
    ) -> Thing:
        """A page with a menu and a footer around its content."""
        menu = "".join(f'<li><a href="{html.escape(link)}">{html.escape(link)}</a></li>' for link in links)
        text = (
            f'<!doctype html><html lang="en"><head><title>{title}</title>{head}</head><body><nav><ul>{menu}</ul></nav>'
            f"<main><h1>{title}</h1>{body}</main><footer>Copyright Corner Cycles, all rights reserved.</footer></body></html>"
        )
        return self.put(path, text.encode(), **options)

    def put(self, path: str, body: bytes, content_type: str = "text/html; charset=utf-8", **options: Any) -> Thing:
        self.things[path] = Thing(body, content_type, **options)
        return self.things[path]

    def text(self, path: str, body: str) -> Thing:
        return self.put(path, body.encode(), "text/plain")

    def redirect(self, path: str, target: str, status: int = 302) -> None:
        self.things[path] = Thing(status=status, headers={"Location": target})

    def fail(self, path: str, status: int, **headers: str) -> None:
        self.things[path] = Thing(
            b"Trouble", "text/plain", status, {name.replace("_", "-"): value for name, value in headers.items()}
        )

    def sly(self, path: str, behaviour: Callable[[_Handler], None]) -> None:
        self.things[path] = Thing(sly=behaviour)

    def paths(self) -> list[str]:
        """What was asked for, without robots.txt and sitemaps."""
        return [each.path for each in self.asked if each.path != "/robots.txt" and "sitemap" not in each.path]

    def forget(self) -> None:
        self.asked.clear()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    twin: SiteTwin

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        twin = self.server.twin
        headers = {name.lower(): value for name, value in self.headers.items()}
        twin.asked.append(Asked(self.path, headers, time.monotonic()))
        thing = twin.things.get(self.path) or twin.things.get(self.path.partition("?")[0])
        thing = thing or Thing(b"Nothing here", "text/plain", 404)
        if thing.sly is not None:
            thing.sly(self)
            return
        if thing.status == 200 and thing.with_etag and headers.get("if-none-match") == thing.etag:
            self.answer(Thing(status=304))
            return
        self.answer(thing)

    def answer(self, thing: Thing) -> None:
        self.send_response(thing.status)
        for name, value in thing.headers.items():
            self.send_header(name, value)
        if thing.status == 200:
            self.send_header("Content-Type", thing.content_type)
            if thing.with_etag:
                self.send_header("ETag", thing.etag)
        if thing.status != 304:
            self.send_header("Content-Length", str(len(thing.body)))
        self.end_headers()
        if thing.status != 304:
            self.wfile.write(thing.body)

    def log_message(self, format: str, *args: object) -> None:
        """The twin remembers; nobody reads its log."""


def endless(handler: _Handler) -> None:
    """A page that never ends."""
    _begin(handler)
    while not handler.server.twin.ended.is_set():
        handler.wfile.write(b"<p>And another line of it.</p>" * 2000)


def dripping(handler: _Handler) -> None:
    """A page of which a byte comes now and then, too often for a read timeout."""
    _begin(handler)
    while not handler.server.twin.ended.wait(0.05):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def dripping_header(handler: _Handler) -> None:
    """The same before the page has even begun."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.server.twin.ended.wait(0.05):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def bomb(handler: _Handler) -> None:
    """A small gzip answer that unpacks to 200 MB."""
    body = _bomb()
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def gzipped(text: str) -> Callable[[_Handler], None]:
    """A page that comes packed, as most do."""

    def answer(handler: _Handler) -> None:
        body = gzip.compress(text.encode())
        handler.answer(Thing(body, headers={"Content-Encoding": "gzip"}, with_etag=False))

    return answer


def half_packed(handler: _Handler) -> None:
    """A packed page of which the end is missing, though the answer itself is complete."""
    body = gzip.compress(b"<p>And another line of it.</p>" * 1000)
    handler.answer(Thing(body[: len(body) // 2], headers={"Content-Encoding": "gzip"}, with_etag=False))


def file(path: Path, content_type: str, *, announced: bool = True) -> Callable[[_Handler], None]:
    """A large file, sent as it is read."""

    def answer(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", content_type)
        if announced:
            handler.send_header("Content-Length", str(path.stat().st_size))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        with path.open("rb") as source:
            shutil.copyfileobj(source, handler.wfile)

    return answer


def calendar(handler: _Handler) -> None:
    """A page for every day, each with a link to the next one."""
    day = int(handler.path.partition("=")[2] or 1)
    text = f"<html><body><main><h1>Day {day}</h1><p>We are open on day {day} from nine to six, as we are on every other day.</p>"
    handler.answer(Thing(f'{text}<a href="/calendar?day={day + 1}">next</a></main></body></html>'.encode()))


def hangs_up(handler: _Handler) -> None:
    """Half an answer."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n<p>Half a page")
    handler.close_connection = True


def _begin(handler: _Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True


def _bomb() -> bytes:
    return gzip.compress(bytes(200_000_000), compresslevel=1)
