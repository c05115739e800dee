"""A strict GoHighLevel on loopback: one location, its tokens, limits, events and OAuth, as the fact sheet states them.

    with GhlTwin() as twin:
        twin.base_url, twin.location_id, twin.token      # what a connection needs
        ana = twin.add_contact(firstName="Ana", phone="+14155550123")
        twin.asked, twin.refused                         # every call; why calls were not of the documented form
        twin.break_with(status=500, times=3, path="/contacts/")
        twin.down(); twin.up()
        twin.post_events(url)                            # the webhooks that the changes would have caused

Written from the description of the interface, on purpose without our client, so that a mistake cannot hide on both sides.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import httpx

from tests.fakes.ghl_cards import Card, find
from tests.fakes.ghl_forms import body_of, multipart
from tests.fakes.ghl_people import People
from tests.fakes.ghl_place import Place
from tests.fakes.ghl_sign_in import ALL_SCOPES, APP_ID, CLIENT_ID, CLIENT_SECRET, COMPANY_ID, LOCATION_ID, TOKEN, SignIn
from tests.fakes.ghl_signing import Signer
from tests.fakes.ghl_talk import Talk
from tests.fakes.ghl_time import Time
from tests.fakes.ghl_work import Work
from tests.fakes.ghl_world import Call, Grant, Refused, Thing, malformed, new_id, now
from tests.fakes.http_twin import Answer, Fault, HttpTwin, Received, arguments, run_as_process

__all__ = [
    "ALL_SCOPES",
    "APP_ID",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "COMPANY_ID",
    "LOCATION_ID",
    "TOKEN",
    "Asked",
    "GhlTwin",
]


@dataclass(frozen=True)
class Asked:
    """One call and how it was answered; status 0 = not at all."""

    method: str
    path: str
    query: dict[str, str]
    body: Any  # JSON or form; None = none
    headers: dict[str, str] = field(repr=False)
    status: int
    monotonic: float


@dataclass
class _Break:
    fault: Fault
    left: float
    path: str
    method: str


class GhlTwin(People, Work, Time, Place, Talk, SignIn, HttpTwin):
    """One location with an app and a private integration token."""

    def __init__(
        self,
        port: int = 0,
        *,
        limit: int = 100,
        window_seconds: float = 10.0,
        daily: int = 200_000,
        timezone: str = "America/New_York",
        location_id: str = LOCATION_ID,
    ) -> None:
        HttpTwin.__init__(self, port)
        SignIn.__init__(self, location_id, COMPANY_ID, timezone)
        self.limit, self.window_seconds, self.daily = limit, window_seconds, daily
        self.asked: list[Asked] = []
        self.over_limit = 0  # calls that were refused with 429 for the limit
        self.events: deque[Thing] = deque()  # for the app's webhook address, not yet posted
        self.deliveries: deque[Thing] = deque()  # for the conversation provider's delivery address, not yet posted
        self.signer = Signer()
        self._window: deque[float] = deque()
        self._today = 0
        self._breaks: list[_Break] = []
        self._server: asyncio.Server | None = None

    # --- trouble on request ------------------------------------------------------------------------------------------------

    def break_with(
        self,
        *,
        status: int = 0,
        times: float = 1,
        path: str = "",
        method: str = "",
        body: bytes | str | Thing | None = None,
        delay: float = 0.0,
        message: str = "The twin was told to misbehave.",
        retry_after: str = "",
        drop: bool = False,
        hang: bool = False,
        accepts: bool = False,
    ) -> None:
        """Treat the next `times` calls (float("inf") = until `mend`) whose path begins with `path` so.

        `body` alone answers these bytes with 200; `accepts` = the call is carried out, only its answer goes wrong.
        """
        raw = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
        fault = Fault(status, "", message, retry_after, raw, delay, drop, hang, accepts)
        self._breaks.append(_Break(fault, times, path, method))

    def mend(self) -> None:
        self._breaks.clear()

    def down(self) -> None:
        """Nobody listens any more; open connections are cut."""
        self._on_loop(self._stop_listening())

    def up(self) -> None:
        """Listen again, at the same address."""
        self._on_loop(self._listen_again())

    # --- what tests ask ----------------------------------------------------------------------------------------------------

    def calls(self, method: str = "", path: str = "") -> list[Asked]:
        """What was asked so, in order."""
        return [each for each in self.asked if method in ("", each.method) and each.path.startswith(path)]

    def busiest(self, window_seconds: float | None = None) -> int:
        """The most calls that came within any window."""
        moments = sorted(each.monotonic for each in self.asked)
        width, first, most = window_seconds or self.window_seconds, 0, 0
        for place, moment in enumerate(moments):
            while moments[first] <= moment - width:
                first += 1
            most = max(most, place - first + 1)
        return most

    # --- webhooks ----------------------------------------------------------------------------------------------------------

    def fire(self, kind: str, payload: Thing) -> None:
        public = {name: value for name, value in payload.items() if not name.startswith("_")}
        self.events.append({"type": kind, "locationId": self.location_id, **json.loads(json.dumps(public))})

    def deliver(self, payload: Thing) -> None:
        self.deliveries.append(payload)

    def sign(self, body: bytes) -> dict[str, str]:
        """The headers of a webhook call with this body."""
        return self.signer.headers(body)

    def post_event(self, url: str, payload: Thing, **more: Any) -> httpx.Response:
        """Call a webhook as GoHighLevel would; what its real calls always have is added."""
        body = {"timestamp": now(), "webhookId": str(uuid4()), "appId": APP_ID, "versionId": APP_ID, **payload, **more}
        raw = json.dumps(body).encode()
        return httpx.post(url, content=raw, headers=self.sign(raw), timeout=10, trust_env=False)

    def post_events(self, url: str) -> list[httpx.Response]:
        """Post every event that waits, oldest first."""
        return list(self._post(self.events, url))

    def post_deliveries(self, url: str) -> list[httpx.Response]:
        """Hand every message that waits to the conversation provider."""
        return list(self._post(self.deliveries, url))

    def _post(self, waiting: deque[Thing], url: str) -> Iterator[httpx.Response]:
        while waiting:
            yield self.post_event(url, waiting.popleft())

    # --- the server --------------------------------------------------------------------------------------------------------

    def handle(self, request: Received) -> tuple[Answer | None, Fault]:
        fault = self._due(request)
        if fault is not None:
            self._faults.appendleft(fault)
        answer, applied = super().handle(request)
        if not request.path.startswith("/_twin/"):
            status = 0 if answer is None else answer.status
            read = body_of(request)
            self.asked.append(
                Asked(request.method, request.path, request.query, read, request.headers, status, request.monotonic)
            )
        return answer, applied

    def answer(self, request: Received) -> Answer:
        try:
            return self._right(request)
        except Refused as refused:
            return self._refuse(refused)

    def refusal(self, status: int, code: int | str, message: str) -> Answer:
        return Answer.json(status, {"statusCode": status, "message": message, "traceId": new_id()})

    def state(self, since: int) -> dict[str, Any]:
        asked = [[each.method, each.path, each.status, each.monotonic] for each in self.asked[since:]]
        return {"asked": asked, "refused": self.refused, "over_limit": self.over_limit, "refreshes": self.refreshes}

    def _right(self, request: Received) -> Answer:
        if request.path in ("/oauth/chooselocation", "/v2/oauth/chooselocation") and request.method == "GET":
            return self._consent(request)
        if request.path == "/oauth/token" and request.method == "POST":
            return self._exchange(request)
        grant = self._signed_in(request)
        headers = self._counted()
        found = find(request.method, request.path)
        if found is None:
            raise malformed(404, f"Cannot {request.method} {request.path}")
        card, ids = found
        if card.scope not in grant.scopes:
            raise Refused(401, "The token is not authorized for this scope.", error="Unauthorized")
        self._check_version(card, request)
        call = self._checked(card, ids, grant, request)
        for place in (ids.get("location"), call.query.get("locationId"), call.query.get("location_id")):
            if place is not None and grant.location_id and place != grant.location_id:
                raise Refused(403, "The token does not have access to this location.")
        status, body = getattr(self, card.does)(call)
        public = _public(body)
        return Answer(status, json.dumps(public).encode() if public or status == 200 else b"", headers)

    def _counted(self) -> dict[str, str]:
        """Count one call; the headers that say what is left. Raises Refused over a limit."""
        moment = time.monotonic()
        while self._window and self._window[0] <= moment - self.window_seconds:
            self._window.popleft()
        over = len(self._window) >= self.limit or self._today >= self.daily
        if not over:
            self._window.append(moment)
            self._today += 1
        headers = {
            "X-RateLimit-Limit-Daily": str(self.daily),
            "X-RateLimit-Daily-Remaining": str(self.daily - self._today),
            "X-RateLimit-Interval-Milliseconds": str(int(self.window_seconds * 1000)),
            "X-RateLimit-Max": str(self.limit),
            "X-RateLimit-Remaining": str(self.limit - len(self._window)),
        }
        if over:
            self.over_limit += 1
            raise Refused(429, "Too Many Requests", headers=headers)
        return headers

    def _check_version(self, card: Card, request: Received) -> None:
        given = request.headers.get("version", "")
        if given != card.version:
            raise malformed(400, f"version header is invalid: {given or 'missing'}, {card.path} has {card.version}")

    def _checked(self, card: Card, ids: dict[str, str], grant: Grant, request: Received) -> Call:
        files: list[tuple[str, int]] = []
        if card.form == "multipart":
            body, files = multipart(request)
        else:
            body = self._body(card, request)
        problems = card.query.problems(dict(request.query), texts=True)
        problems += (card.body or card.query.of("")).problems(body, texts=bool(card.form))
        if problems:
            raise malformed(card.invalid, "; ".join(problems), messages=problems)
        return Call(ids, request.query, body, grant, files)

    def _body(self, card: Card, request: Received) -> Thing:
        kind = request.headers.get("content-type", "").partition(";")[0]
        if not request.body and card.body is None:
            return {}
        wanted = "application/x-www-form-urlencoded" if card.form else "application/json"
        if kind != wanted:
            raise malformed(415 if request.body else 422, f"{card.path} takes {wanted}")
        if card.form:
            return dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        try:
            body = json.loads(request.body)
        except ValueError:
            raise malformed(400, "Unexpected token in JSON") from None
        if not isinstance(body, dict):
            raise malformed(400, "The body must be an object")
        return body

    def _refuse(self, refused: Refused) -> Answer:
        if refused.malformed:
            self.refused.append(f"{refused.status}: {refused.message}")
        more = dict(refused.more)
        headers, named = more.pop("headers", {}), more.pop("named", "statusCode")
        error = {"error": "Unprocessable Entity"} if refused.status == 422 else {}
        message = more.pop("messages", refused.message)
        body = {named: refused.status, "message": message, **error, **more, "traceId": new_id()}
        return Answer(refused.status, json.dumps(body).encode(), headers)

    # --- the listening socket ------------------------------------------------------------------------------------------------

    def _due(self, request: Received) -> Fault | None:
        for each in self._breaks:
            if request.path.startswith(each.path) and each.method in ("", request.method):
                each.left -= 1
                if each.left <= 0:
                    self._breaks.remove(each)
                return each.fault
        return None

    async def listen(self, loop: asyncio.AbstractEventLoop) -> asyncio.Server:
        self._server = await super().listen(loop)
        return self._server

    async def _stop_listening(self) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self._connections):
            connection.abort()

    async def _listen_again(self) -> None:
        await self.listen(asyncio.get_running_loop())

    def _on_loop(self, work: Any) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()
        super().__exit__(kind, error, trace)


def _public(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _public(each) for name, each in value.items() if not str(name).startswith("_") or name == "_id"}
    return [_public(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    options = arguments(__doc__.splitlines()[0])
    options.add_argument("--limit", type=int, default=100)
    options.add_argument("--window", type=float, default=10.0, help="seconds in which `limit` calls are allowed")
    chosen = options.parse_args()
    server = GhlTwin(chosen.port, limit=chosen.limit, window_seconds=chosen.window)
    server.delay_seconds = chosen.delay
    run_as_process(server)
