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
from email.message import Message
from email.parser import BytesParser
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

import httpx

from tests.fakes.ghl_cards import Card, find
from tests.fakes.ghl_signing import Signer
from tests.fakes.ghl_talk import Talk
from tests.fakes.ghl_world import Call, Grant, Refused, Thing, new_id, now
from tests.fakes.http_twin import Answer, Fault, HttpTwin, Received, arguments, run_as_process

LOCATION_ID = "loc0Twin0Location000"
COMPANY_ID = "com0Twin0Company0000"
APP_ID = "650f0a1b2c3d4e5f60718293"
CLIENT_ID = f"{APP_ID}-twin0app"
CLIENT_SECRET = "twin-client-secret-0123456789"
TOKEN = "pit-0123abcd-4567-89ef-0123-456789abcdef"
ALL_SCOPES = frozenset(
    [
        "contacts.readonly",
        "contacts.write",
        "conversations.readonly",
        "conversations.write",
        "conversations/message.readonly",
        "conversations/message.write",
        "opportunities.readonly",
        "opportunities.write",
        "calendars.readonly",
        "calendars/events.readonly",
        "calendars/events.write",
        "locations.readonly",
        "locations/customFields.readonly",
        "locations/customValues.readonly",
        "locations/tags.readonly",
        "locations/tags.write",
        "locations/tasks.readonly",
        "locations/templates.readonly",
        "workflows.readonly",
        "users.readonly",
    ]
)


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


class GhlTwin(Talk, HttpTwin):
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
        Talk.__init__(self, location_id, COMPANY_ID, timezone)
        self.limit, self.window_seconds, self.daily = limit, window_seconds, daily
        self.token, self.client_id, self.client_secret, self.app_id = TOKEN, CLIENT_ID, CLIENT_SECRET, APP_ID
        self.token_seconds = 86_399
        self.returns_state = True  # whether the page that asks for consent gives `state` back
        self.grants: dict[str, Grant] = {TOKEN: Grant(ALL_SCOPES, location_id)}
        self.refresh_tokens: dict[str, tuple[str, Grant]] = {}  # refresh token -> (its access token, what it may)
        self.codes: dict[str, tuple[str, Grant]] = {}  # code -> (redirect address, what it is for)
        self.refreshes = 0  # tokens that were exchanged
        self.installed: list[Thing] = [
            {"_id": location_id, "name": "Bright Smile Dental", "address": "1 Main Street", "isInstalled": True}
        ]
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

    # --- sign-in -----------------------------------------------------------------------------------------------------------

    def allow(self, *scopes: str, token: str = TOKEN) -> None:
        """The token has these scopes and no others."""
        self.grants[token].scopes = frozenset(scopes)

    def deny(self, *scopes: str, token: str = TOKEN) -> None:
        self.grants[token].scopes -= frozenset(scopes)

    def issue(self, *, company: bool = False, scopes: frozenset[str] = ALL_SCOPES) -> Thing:
        """A pair of tokens of the app, as after an installation."""
        extra = frozenset({"oauth.readonly", "oauth.write"}) if company else frozenset()
        return self._pair(Grant(scopes | extra, "" if company else self.location_id, COMPANY_ID, APP_ID))

    def end(self, access_token: str) -> None:
        """The access token has ended."""
        self.grants[access_token].ends = 0.0

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
            read = _read(request)
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
            raise self._malformed(404, f"Cannot {request.method} {request.path}")
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

    def _signed_in(self, request: Received) -> Grant:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self.grants.get(token)
        if scheme != "Bearer" or grant is None:
            raise Refused(401, "Invalid JWT", error="Unauthorized")
        if grant.ends <= time.monotonic():
            raise Refused(401, "Invalid token: access token is expired", error="Unauthorized")
        return grant

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
            raise self._malformed(
                400, f"version header is invalid: {given or 'missing'}, {card.path} has {card.version}"
            )

    def _checked(self, card: Card, ids: dict[str, str], grant: Grant, request: Received) -> Call:
        files: list[tuple[str, int]] = []
        if card.form == "multipart":
            body, files = _multipart(request)
        else:
            body = self._body(card, request)
        problems = card.query.problems(dict(request.query), texts=True)
        problems += (card.body or card.query.of("")).problems(body, texts=bool(card.form))
        if problems:
            raise self._malformed(card.invalid, "; ".join(problems), messages=problems)
        return Call(ids, request.query, body, grant, files)

    def _body(self, card: Card, request: Received) -> Thing:
        kind = request.headers.get("content-type", "").partition(";")[0]
        if not request.body and card.body is None:
            return {}
        wanted = "application/x-www-form-urlencoded" if card.form else "application/json"
        if kind != wanted:
            raise self._malformed(415 if request.body else 422, f"{card.path} takes {wanted}")
        if card.form:
            return dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        try:
            body = json.loads(request.body)
        except ValueError:
            raise self._malformed(400, "Unexpected token in JSON") from None
        if not isinstance(body, dict):
            raise self._malformed(400, "The body must be an object")
        return body

    def _malformed(self, status: int, message: str, **more: Any) -> Refused:
        return Refused(status, message, malformed=True, **more)

    def _refuse(self, refused: Refused) -> Answer:
        if refused.malformed:
            self.refused.append(f"{refused.status}: {refused.message}")
        more = dict(refused.more)
        headers, named = more.pop("headers", {}), more.pop("named", "statusCode")
        error = {"error": "Unprocessable Entity"} if refused.status == 422 else {}
        message = more.pop("messages", refused.message)
        body = {named: refused.status, "message": message, **error, **more, "traceId": new_id()}
        return Answer(refused.status, json.dumps(body).encode(), headers)

    # --- OAuth -------------------------------------------------------------------------------------------------------------

    def _consent(self, request: Received) -> Answer:
        """The page where an admin chooses the location; whoever opens it here has agreed at once."""
        query = request.query
        if query.get("client_id") != self.client_id or query.get("response_type") != "code" or not query.get("scope"):
            raise self._malformed(400, "The link lacks client_id, response_type or scope")
        code = new_id()
        company = "oauth.write" in query["scope"].split()
        scopes = frozenset(query["scope"].split())
        self.codes[code] = (
            query["redirect_uri"],
            Grant(scopes, "" if company else self.location_id, COMPANY_ID, APP_ID),
        )
        back = {"code": code} | ({"state": query["state"]} if self.returns_state and "state" in query else {})
        return Answer(302, b"", {"Location": f"{query['redirect_uri']}?{urlencode(back)}"})

    def _exchange(self, request: Received) -> Answer:
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise self._malformed(415, "/oauth/token takes application/x-www-form-urlencoded")
        form = dict(parse_qsl(request.body.decode()))
        known = {"client_id", "client_secret", "grant_type", "code", "refresh_token", "user_type", "redirect_uri"}
        if set(form) - known or not {"client_id", "client_secret", "grant_type"} <= set(form):
            raise self._malformed(422, f"/oauth/token takes {', '.join(sorted(known))}")
        if (form["client_id"], form["client_secret"]) != (self.client_id, self.client_secret):
            return Answer.json(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        if form["grant_type"] == "authorization_code":
            redirect, grant = self.codes.pop(form.get("code", ""), ("", None))
            if grant is None or form.get("redirect_uri", redirect) != redirect:
                return Answer.json(400, {"error": "invalid_grant", "error_description": "This code is invalid"})
            return Answer.json(200, self._pair(grant))
        _, grant = self.refresh_tokens.pop(form.get("refresh_token", ""), ("", None))
        if grant is None:
            return Answer.json(400, {"error": "invalid_grant", "error_description": "This refresh token is invalid"})
        self.refreshes += 1
        return Answer.json(200, self._pair(grant))

    def _pair(self, grant: Grant) -> Thing:
        access, refresh = f"access-{uuid4()}", f"refresh-{uuid4()}"
        self.grants[access] = Grant(
            grant.scopes, grant.location_id, grant.company_id, grant.app_id, time.monotonic() + self.token_seconds
        )
        self.refresh_tokens[refresh] = (access, grant)
        place = {"locationId": grant.location_id} if grant.location_id else {"isBulkInstallation": True}
        return {
            "access_token": access, "token_type": "Bearer", "expires_in": self.token_seconds, "refresh_token": refresh,
            "scope": " ".join(sorted(grant.scopes)), "userType": "Location" if grant.location_id else "Company",
            "companyId": grant.company_id, "userId": "user0Twin0Admin00000", **place,
        }  # fmt: skip

    def location_token(self, call: Call) -> tuple[int, Thing]:
        if call.grant.location_id or call.body["companyId"] != call.grant.company_id:
            raise Refused(401, "Invalid token: not the token of this company", error="Unauthorized")
        if call.body["locationId"] not in [each["_id"] for each in self.installed]:
            raise Refused(400, "Location not found or the app is not installed there")
        made = self._pair(Grant(call.grant.scopes, call.body["locationId"], COMPANY_ID, APP_ID))
        self.refresh_tokens.pop(made.pop("refresh_token"))
        return 200, made

    def installed_locations(self, call: Call) -> tuple[int, Thing]:
        skip, limit = int(call.query.get("skip", 0)), int(call.query.get("limit", 20))
        return 200, {"locations": self.installed[skip : skip + limit], "count": len(self.installed)}

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


def _read(request: Received) -> Any:
    if not request.body:
        return None
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(request.body.decode()))
    try:
        return json.loads(request.body)
    except ValueError:
        return request.body


def _multipart(request: Received) -> tuple[Thing, list[tuple[str, int]]]:
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    whole: Message = BytesParser().parsebytes(head + request.body)
    fields: Thing = {}
    files: list[tuple[str, int]] = []
    for part in whole.get_payload() if whole.is_multipart() else ():
        assert isinstance(part, Message)
        name, file = part.get_param("name", header="content-disposition"), part.get_filename()
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if file is None:
            fields[str(name)] = content.decode()
        elif name == "fileAttachment":
            files.append((file, len(content)))
        else:
            fields[f"file part {name}"] = ""  # no such field: refused as unknown
    return fields, files


if __name__ == "__main__":
    options = arguments(__doc__.splitlines()[0])
    options.add_argument("--limit", type=int, default=100)
    options.add_argument("--window", type=float, default=10.0, help="seconds in which `limit` calls are allowed")
    chosen = options.parse_args()
    server = GhlTwin(chosen.port, limit=chosen.limit, window_seconds=chosen.window)
    server.delay_seconds = chosen.delay
    run_as_process(server)
