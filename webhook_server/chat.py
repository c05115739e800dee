"""The web chat's own calls: a visitor gets a token, writes, reads the history, and watches.

A visitor is whoever holds the token; there are no cookies. A message goes through the same door as every webhook.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from db.engine import DatabaseUnreachable
from nodes.clients.channel import Account
from nodes.clients.webchat import MAX_BODY_BYTES, TOKEN_HEADER, visitor_token
from nodes.errors import SignatureInvalid
from webhook_server.address import caller_address
from webhook_server.body import read_body
from webhook_server.chat_settings import chat_settings
from webhook_server.chat_thread import Thread, read_thread
from webhook_server.cors import cors_headers
from webhook_server.errors import Refusal, too_many
from webhook_server.hub import Notice, Watch
from webhook_server.inbound import answer_call
from webhook_server.limits import count_address, count_chat_message, count_chat_read, count_chat_visitor
from webhook_server.sse import HEARTBEAT, HEARTBEAT_SECONDS, event, stream
from webhook_server.state import ServerState, state_of

log = logging.getLogger(__name__)

VISITOR = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
RELEVANT = frozenset({"message", "conversation", "run", "typing"})

Handler = Callable[[Request, Account], Awaitable[Response]]


def chat_call(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Find the chat's connection, check the calling site, and say so in the answer's headers, also of a refusal."""

    async def call(request: Request) -> Response:
        account = await chat_account(request)
        cors = cors_headers(account, request)
        try:
            # OPTIONS is asked by the browser on its own account, and answered without the database.
            if request.method != "OPTIONS":
                await state_of(request).chat_threads.run(count_address, caller_address(request.scope))
            response = await handler(request, account)
        except Refusal as refusal:
            response = refusal.response()
        response.headers.update(cors)
        return response

    return call


async def chat_account(request: Request) -> Account:
    """The web chat connection that the address names, the default one where it names none. Raises Refusal 404."""
    state = state_of(request)
    account = await state.chat_threads.run(state.accounts.find, "webchat", connection_of(request))
    if account is None:
        raise Refusal(404, "no_connection", "There is no such web chat. Add a web chat under Connections.")
    return account


def connection_of(request: Request) -> UUID | None:
    """The connection id of the path or of `?connection=`. Raises Refusal 422."""
    text = str(request.path_params.get("connection") or request.query_params.get("connection") or "")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Refusal(
            422, "invalid", "connection must be the id of a web chat connection.", field="connection"
        ) from None


async def allow(_: Request, __: Account) -> Response:
    """The browser asks whether another site may call; the headers answer."""
    return Response(status_code=204)


async def get_settings(request: Request, account: Account) -> Response:
    """What the widget's button needs to look like the rest."""
    settings = await state_of(request).chat_threads.run(chat_settings, account.workspace_id)
    return JSONResponse(settings.shown())


async def make_visitor(request: Request, account: Account) -> Response:
    """A new visitor and the token that proves it."""
    state = state_of(request)
    await state.chat_threads.run(count_chat_visitor, account, caller_address(request.scope))
    visitor = secrets.token_urlsafe(18)
    settings = await state.chat_threads.run(chat_settings, account.workspace_id)
    content = {"visitor": visitor, "token": _token(account, visitor), **settings.shown()}
    return JSONResponse(content, 201)


async def post_message(request: Request, account: Account) -> Response:
    """Keep one message; the same message_id again is the same message."""
    body = await read_body(request, MAX_BODY_BYTES)
    visitor = _claimed_visitor(body)
    await _prove(request, account, visitor)
    await state_of(request).chat_threads.run(count_chat_message, account, visitor, caller_address(request.scope))
    return await answer_call(request, "webchat", connection_of(request), lambda: JSONResponse({"stored": True}), body)


async def get_messages(request: Request, account: Account) -> Response:
    """The visitor's thread after `after`, oldest first."""
    visitor = await _reading_visitor(request, account)
    thread = await state_of(request).chat_threads.run(read_thread, account, visitor, _after(request))
    return JSONResponse({"messages": thread.messages, "status": thread.status()})


async def get_stream(request: Request, account: Account) -> Response:
    """Server-sent events: `messages` (new or changed), `status` (typing, owner, person)."""
    visitor = await _reading_visitor(request, account)
    state = state_of(request)
    state.hub.check_room(f"visitor:{visitor}")
    return stream(_follow(state, account, visitor))


async def _follow(state: ServerState, account: Account, visitor: str) -> AsyncIterator[str]:
    try:
        async for text in _events(state, account, visitor):
            yield text
    except (DatabaseUnreachable, SQLAlchemyError) as error:
        # The stream ends, the window comes back and finds the database or waits on.
        log.warning("A chat stream ended", extra={"action": "chat.stream_ended", "error": type(error).__name__})


async def _events(state: ServerState, account: Account, visitor: str) -> AsyncIterator[str]:
    with state.hub.watch(account.workspace_id, f"visitor:{visitor}") as watch:
        shown = Shown()
        while True:
            thread = await state.chat_threads.run(read_thread, account, visitor)
            for text in shown.changes(thread):
                yield text
            async for text in _until_relevant(watch, thread):
                yield text
            if watch.over:
                return


async def _until_relevant(watch: Watch, thread: Thread) -> AsyncIterator[str]:
    """Heartbeats, until something happened in this conversation or the stream ends."""
    while not watch.over:
        notice = await watch.next(HEARTBEAT_SECONDS)
        if notice is None:
            yield HEARTBEAT
        elif _is_about(notice, thread):
            watch.skip_waiting()  # one look shows what all of them announce
            return


def _is_about(notice: Notice, thread: Thread) -> bool:
    if notice.topic == "resync":
        return True
    if thread.conversation_id is None:  # the first message is still on its way to becoming a conversation
        return notice.topic == "message"
    return notice.topic in RELEVANT and notice.ids.get("conversation") == str(thread.conversation_id)


class Shown:
    """What one window has been told, so that it is told only what is new."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._status: dict[str, Any] = {}

    def changes(self, thread: Thread) -> list[str]:
        """The events that bring the window up to date."""
        out = []
        new = [message for message in thread.messages if self._states.get(message["id"]) != message["state"]]
        if new:
            self._states = {message["id"]: message["state"] for message in thread.messages}
            out.append(event("messages", {"messages": new}))
        if thread.status() != self._status:
            self._status = thread.status()
            out.append(event("status", self._status))
        return out


async def _prove(request: Request, account: Account, visitor: str) -> None:
    """Raises Refusal 403 unless the caller holds the visitor's token, and 429 after too many wrong ones; both are written down."""
    given = request.headers.get(TOKEN_HEADER, "").encode("utf-8", "replace")
    if VISITOR.fullmatch(visitor) and hmac.compare_digest(given, _token(account, visitor).encode()):
        return
    await state_of(request).chat_threads.run(_note_refused, request, account)
    raise Refusal(403, "visitor_unknown", "This chat is not known here any more. Reload the page to begin a new one.")


def _note_refused(request: Request, account: Account) -> None:
    wait = state_of(request).refusals.record(
        caller_address(request.scope),
        "The visitor's token does not fit.",
        subject=f"connection:{account.id}",
        workspace=account.workspace_id,
        action="chat.refused",
    )
    if wait:
        raise too_many(wait, "Too many calls with a wrong token came from your address.")


def _token(account: Account, visitor: str) -> str:
    try:
        return visitor_token(account, visitor)
    except SignatureInvalid as error:
        raise Refusal(503, "no_visitor_key", error.reason) from error


async def _reading_visitor(request: Request, account: Account) -> str:
    visitor = request.query_params.get("visitor", "")
    await _prove(request, account, visitor)
    await state_of(request).chat_threads.run(count_chat_read, account, visitor)
    return visitor


def _claimed_visitor(body: bytes) -> str:
    try:
        return str(json.loads(body)["visitor"])
    except (ValueError, KeyError, TypeError, RecursionError):
        text = "The message must be JSON with visitor, message_id and text."
        raise Refusal(422, "unreadable", text, field="visitor") from None


def _after(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        raise Refusal(422, "invalid", "after must be the seq of a message.", field="after")
    return int(text)


ROUTES = [
    Route(f"/api/chat/{name}", chat_call(handler), methods=[method])
    for name, method, handler in (
        ("settings", "GET", get_settings),
        ("visitors", "POST", make_visitor),
        ("messages", "POST", post_message),
        ("messages", "GET", get_messages),
        ("stream", "GET", get_stream),
        ("{any}", "OPTIONS", allow),
    )
]
