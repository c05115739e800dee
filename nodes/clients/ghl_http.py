"""Calls to GoHighLevel's REST interface: the version per resource, the token, the limit, and what an answer means.

Base address https://services.leadconnectorhq.com, the same for every call. `Version` is required on each; conversations and
calendars have another than the rest. Source: S:*.json of highlevel-api-docs (June 2026), L:Versioning.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from nodes.clients.ghl_answer import is_stale_token, refusal, said
from nodes.clients.http import http_client, translated
from nodes.errors import NotSent, OutcomeUnknown, Rejected, Throttled

BASE_URL = "https://services.leadconnectorhq.com"
READ_SECONDS = 15.0
VERSION = "2021-07-28"
VERSIONS: Mapping[str, str] = {"conversations": "2021-04-15", "calendars": "2021-04-15"}  # the others: VERSION
READING = frozenset({"GET", "HEAD"})

log = logging.getLogger(__name__)

File = tuple[str, bytes, str]  # name, content, content type


class Tokens(Protocol):
    """Where a call gets its token from. Never shows it in a repr."""

    def token(self) -> str:
        """One that should be valid now. Raises AuthFailed where there is none."""

    def instead_of(self, stale: str) -> str:
        """Another one after GHL refused `stale`; '' where there is no other."""


class Limit(Protocol):
    """Keeps all processes together below what GHL allows for a location."""

    def one_call(self) -> AbstractContextManager[None]:
        """Room for one call, until its answer is there. Raises Throttled where there is none for now."""

    def hold(self, seconds: float) -> None:
        """GHL said wait: nobody calls for this long."""


@dataclass(frozen=True)
class FixedToken:
    """A private integration token: it does not end and there is no other."""

    value: str = field(repr=False)

    def token(self) -> str:
        return self.value

    def instead_of(self, stale: str) -> str:
        return ""


class NoLimit:
    """For a call before a location is known."""

    def one_call(self) -> AbstractContextManager[None]:
        return nullcontext()

    def hold(self, seconds: float) -> None: ...


class GhlHttp:
    """Signed-in calls for one location; safe for several threads."""

    def __init__(
        self,
        tokens: Tokens,
        *,
        base_url: str = "",
        limit: Limit | None = None,
        read_seconds: float = READ_SECONDS,
        versions: Mapping[str, str] = VERSIONS,
    ) -> None:
        self.base_url = (base_url or BASE_URL).rstrip("/")
        self._tokens, self._versions = tokens, versions
        self._limit: Limit = limit or NoLimit()
        self._pool = pool(read_seconds)

    def get(self, path: str, scope: str, **query: Any) -> dict[str, Any]:
        """The JSON of a GET; what is None or '' in `query` is left out."""
        return self.call("GET", path, scope=scope, query=query)

    def call(
        self,
        method: str,
        path: str,
        *,
        scope: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        files: Sequence[File] = (),
        reads: bool | None = None,
    ) -> dict[str, Any]:
        """One call; {} where a 2xx has no body. `scope` names what the token needs, for the sentence when it lacks it.

        A token is exchanged once at most. What changes something and got no clear answer raises OutcomeUnknown; what only
        reads (`reads`, for a POST that searches) raises NotSent instead, since it can simply be asked again.
        """
        reads = method in READING if reads is None else reads
        request = self._request(method, path, query, body, form, files)
        token = self._tokens.token()
        answer = self._send(request, token, reads)
        if is_stale_token(answer.status_code, said(answer.text)) and (fresh := self._tokens.instead_of(token)):
            answer = self._send(self._request(method, path, query, body, form, files), fresh, reads)
        if not answer.is_success:
            raise self._refused(method, path, answer, scope, reads)
        return _read(answer, reads)

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        form: Mapping[str, str] | None,
        files: Sequence[File],
    ) -> httpx.Request:
        given = {name: _plain(value) for name, value in (query or {}).items() if value is not None and value != ""}
        version = self._versions.get(path.split("/")[1], VERSION)
        with translated("GoHighLevel"):
            return self._pool.build_request(
                method,
                self.base_url + path,
                params=given or None,
                json=dict(body) if body is not None else None,
                data=dict(form) if form is not None else None,
                files=[("fileAttachment", file) for file in files] or None,
                headers={"Version": version, "Accept": "application/json"},
            )

    def _send(self, request: httpx.Request, token: str, reads: bool) -> httpx.Response:
        request.headers["Authorization"] = f"Bearer {token}"
        with self._limit.one_call(), _retryable(reads), translated("GoHighLevel"):
            return self._pool.send(request)

    def _refused(self, method: str, path: str, answer: httpx.Response, scope: str, reads: bool) -> Exception:
        told = said(answer.text)
        error = refusal(answer.status_code, answer.headers, told, scope=scope, reads=reads)
        if isinstance(error, Throttled):
            self._limit.hold(error.retry_after_seconds)
        log.info(
            "GoHighLevel refused a call",
            extra={"action": "ghl.refused", "call": f"{method} {path}", "status": answer.status_code, "trace": told.trace_id},
        )  # fmt: skip
        return error


class GhlPart:
    """What each group of calls needs. The groups together are `nodes.clients.ghl.Ghl`."""

    def __init__(self, http: GhlHttp, location_id: str) -> None:
        self._http = http
        self.location_id = location_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}(location_id={self.location_id!r})"


def path_id(id: str) -> str:
    """An id as a piece of a path. An empty one would be the address of something else."""
    if not id:
        raise Rejected("no_id", "The call to GoHighLevel has no id. Nothing was sent.")
    return quote(id, safe="")


@lru_cache(maxsize=8)
def pool(read_seconds: float) -> httpx.Client:
    """One pool of connections for everything that goes to GHL from this process."""
    return http_client(read_seconds)


@contextmanager
def _retryable(reads: bool) -> Iterator[None]:
    try:
        yield
    except OutcomeUnknown as error:
        if reads:
            raise NotSent(error.reason) from error
        raise


def _read(answer: httpx.Response, reads: bool) -> dict[str, Any]:
    """The body. A 2xx that is no JSON object says nothing about what was done."""
    if not answer.content.strip():
        return {}
    try:
        found: Any = answer.json()
    except (ValueError, RecursionError) as error:
        raise _unreadable(reads) from error
    if not isinstance(found, dict):
        raise _unreadable(reads)
    return found


def _unreadable(reads: bool) -> NotSent | OutcomeUnknown:
    reason = "GoHighLevel gave an answer that cannot be read."
    return NotSent(reason) if reads else OutcomeUnknown(reason)


def _plain(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
