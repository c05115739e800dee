"""POST /webhook/custom/{token}: another system tells something. The token in the address is all that proves it."""

from __future__ import annotations

import time

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from db import connections
from db.engine import system
from flows.hooks import KIND, hashed
from nodes.clients.channel import Account, Request
from webhook_server.address import caller_address, public_url
from webhook_server.body import is_storable, read_body
from webhook_server.errors import Refusal, too_many
from webhook_server.inbound import keep, refusing
from webhook_server.limits import count_hook
from webhook_server.state import ServerState, state_of

MAX_BYTES = 256 * 1024


async def receive(request: HttpRequest) -> Response:
    """Take one call in and answer it; measured, whatever becomes of it."""
    state, began = state_of(request), time.perf_counter()
    status = 500
    try:
        token = request.path_params["token"]
        headers = {name: value for name, value in request.headers.items() if is_storable(value)}
        body = await read_body(request, MAX_BYTES)
        # Who reads the event need not know the token.
        url = public_url(request.scope).replace(f"/{token}", "").replace(token, "")
        call = Request(request.method, url, headers, body)
        is_new = await state.webhook_threads.run(take_in, state, call, caller_address(request.scope), token)
        status = 200
        return JSONResponse({"received": True, "again": not is_new})
    except Refusal as refusal:
        status = refusal.status
        raise
    finally:
        state.metrics.webhook(KIND, status, time.perf_counter() - began)


def take_in(state: ServerState, call: Request, address: str, token: str) -> bool:
    """Store a call; False = it was here before. Raises Refusal, also above the limit of the address."""
    with refusing():
        account = account_of(state, token, address)
        count_hook(account)
        return keep(account, call)


def account_of(state: ServerState, token: str, address: str) -> Account:
    """The address that a token belongs to. Raises Refusal, and counts who guesses."""
    if wait := state.refusals.wait(address):
        raise too_many(wait, "Too many calls to unknown addresses came from you.")
    account = _account(token)
    if account is None:
        reason = "There is no such address, or it is paused. Copy it again from the page Settings."
        state.refusals.record(address, reason, subject=KIND, workspace=None)
        raise Refusal(404, "no_connection", reason)
    return account


def _account(token: str) -> Account | None:
    with system() as tx:
        row = connections.find_by(tx, KIND, "token_hash", hashed(token)) if is_storable(token) else None
    if row is None or row.state != "active":
        return None
    return Account(row.id, row.workspace_id, row.kind, row.config, {})


ROUTES = (Route("/webhook/custom/{token}", receive, methods=["POST"]),)
