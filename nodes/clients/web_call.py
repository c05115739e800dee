"""Calls of automations to other systems: only where the workspace allows it, never into a private network, within limits.

The name is resolved here and the address that was looked at is the one that is connected to; each redirect is looked at anew and
followed for reading only. Headers of the caller go to the host that they were written for, and to no other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from nodes.clients.http import CONNECT_SECONDS, OWN_MACHINE, translated
from nodes.clients.network import Resolver, checked_address, is_public, resolve
from nodes.errors import OutcomeUnknown, Rejected

READ_SECONDS = 10.0
WHOLE_SECONDS = 20.0  # of one call, however slowly its answer drips
MOST_BYTES = 1_000_000
MOST_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
# Whatever decides where a request goes or where it ends is not the caller's to set.
_NOT_YOURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}
)


@dataclass(frozen=True)
class Answer:
    """What an address answered; `headers` have names in lower case."""

    status: int
    text: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Caller:
    """Calls addresses whose host `allows`. Safe for several threads."""

    allows: Callable[[str], bool]
    may_connect: Callable[[str], bool] = is_public
    resolver: Resolver = resolve
    whole_seconds: float = WHOLE_SECONDS

    def call(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """The answer, whatever its status. Raises Rejected (host_not_allowed, private_address, too_large, redirected, ...),
        NotSent, OutcomeUnknown."""
        given = {name: value for name, value in (headers or {}).items() if name.lower() not in _NOT_YOURS}
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._once(method, url, given, body)
            target = answer.headers.get("location", "")
            if answer.status not in REDIRECTS or not target:
                return answer
            if method != "GET":
                raise Rejected(
                    "redirected", f"{_host(url)} wants the call at another address: {target[:200]}. Set that one."
                )
            following = urljoin(url, target)
            url, given = following, given if _place(following) == _place(url) else {}
        raise Rejected("too_many_redirects", f"It leads from address to address, more than {MOST_REDIRECTS} times.")

    def _once(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        request, host = self._request(method, url, headers, body)
        timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
        client = httpx.Client(timeout=timeout, mounts=OWN_MACHINE, follow_redirects=False)
        clock = threading.Timer(self.whole_seconds, client.close)  # a header that drips passes every timeout of httpx
        clock.daemon = True
        began = time.monotonic()
        clock.start()
        try:
            with client, translated(host):
                got = client.send(request, stream=True)
                return Answer(got.status_code, _text(got, began, self.whole_seconds), _lower(got.headers))
        except RuntimeError as error:  # the clock closed the client while it was reading
            raise OutcomeUnknown(
                f"{host} did not finish its answer within {self.whole_seconds:.0f} seconds."
            ) from error
        finally:
            clock.cancel()

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[httpx.Request, str]:
        host = _host(url)
        with translated(host or "this address"):
            wanted = httpx.URL(url)
        if wanted.scheme not in ("http", "https") or not host or wanted.userinfo:
            raise Rejected(
                "bad_address", f"'{url[:200]}' is no address that begins with http:// or https:// and a host."
            )
        if not self.allows(host):
            raise Rejected(
                "host_not_allowed", f"{host} is not on the list of allowed hosts. An admin can add it under Settings."
            )
        port = wanted.port or (443 if wanted.scheme == "https" else 80)
        address = checked_address(host, port, self.resolver, self.may_connect)
        ours = {"Host": wanted.netloc.decode("ascii"), "User-Agent": "Frontdesk/1.0", "Accept": "application/json, */*"}
        try:
            made = httpx.Request(
                method,
                wanted.copy_with(host=address),
                headers={**ours, **headers},
                content=body,
                extensions={"sni_hostname": host, "timeout": _timeouts()},
            )
        except UnicodeEncodeError as error:
            raise Rejected("bad_header", "A header holds signs that no header may have. Use plain letters.") from error
        return made, host


def allowed_by(hosts: Sequence[str]) -> Callable[[str], bool]:
    """Whether a host is on a list of names; *.example.com means every name below it."""
    exact = {host.strip().lower().rstrip(".") for host in hosts if not host.strip().startswith("*.")}
    below = tuple(host.strip().lower().rstrip(".")[1:] for host in hosts if host.strip().startswith("*."))
    return lambda host: host in exact or (bool(below) and host.endswith(below))


def anybody(host: str) -> bool:
    """For addresses that a person entered for this one purpose."""
    return True


def _host(url: str) -> str:
    try:
        return (urlsplit(url.strip()).hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


def _place(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port


def _timeouts() -> dict[str, float]:
    return {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS, "pool": CONNECT_SECONDS}


def _text(got: httpx.Response, began: float, whole_seconds: float) -> str:
    content = bytearray()
    for part in got.iter_bytes(65_536):
        content += part
        if len(content) > MOST_BYTES:
            raise Rejected("too_large", f"The answer is larger than {MOST_BYTES // 1_000_000} MB.")
        if time.monotonic() - began > whole_seconds:
            raise OutcomeUnknown(f"The answer did not end within {whole_seconds:.0f} seconds.")
    return content.decode(got.charset_encoding or "utf-8", errors="replace")


def _lower(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
