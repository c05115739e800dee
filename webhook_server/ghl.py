"""GoHighLevel calls: events of the app, messages for its conversation provider, webhook steps of its workflows.

One address serves every location, because the app has one: the body says which location it is about, and a location that
nobody connected is refused. GHL signs all its calls with one key, so a signature alone says "from GHL" and not "for us".
"""

from __future__ import annotations

import time

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nodes.clients.channel import Account, Request
from nodes.clients.ghl_arrival import body_of, check_signature, company_of, location_of
from nodes.clients.registry import listening
from nodes.errors import SignatureInvalid, Unreadable
from webhook_server.address import caller_address, public_url
from webhook_server.body import is_storable, read_body
from webhook_server.errors import Refusal, too_many
from webhook_server.inbound import keep, refusing
from webhook_server.state import ServerState, state_of

KIND = "ghl"


async def receive(request: HttpRequest) -> Response:
    """Take one call in and answer it; measured, whatever becomes of it."""
    state, began = state_of(request), time.perf_counter()
    status = 500
    try:
        token = request.path_params.get("token")
        headers = {name: value for name, value in request.headers.items() if is_storable(value)}
        url = public_url(request.scope)
        if token is not None:
            url = url.partition("?")[0].removesuffix(f"/{token}")  # who reads the event need not know the token
        call = Request(request.method, url, headers, await read_body(request))
        address = caller_address(request.scope)
        work = (take_in, state, call, address) if token is None else (take_workflow_in, state, call, address, token)
        is_new = await state.webhook_threads.run(*work)
        status = 200
        return JSONResponse({"received": True, "again": not is_new})
    except Refusal as refusal:
        status = refusal.status
        raise
    finally:
        state.metrics.webhook(KIND, status, time.perf_counter() - began)


def take_in(state: ServerState, call: Request, address: str) -> bool:
    """Verify and store a signed call; False = it was here before. Raises Refusal."""
    with refusing():
        try:
            check_signature(call)
            account = _account(state, call, address)
            listening(KIND).verify(account, call)
        except SignatureInvalid as error:
            if wait := state.refusals.record(address, error.reason, subject=KIND, workspace=None):
                raise too_many(wait, "Too many calls with a wrong signature came from your address.") from error
            raise Refusal(403, "signature_invalid", error.reason) from error
        return keep(account, call)


def take_workflow_in(state: ServerState, call: Request, address: str, token: str) -> bool:
    """Store a call of a workflow's webhook step: the token in its address is all that proves it. Raises Refusal."""
    with refusing():
        if wait := state.refusals.wait(address):
            raise too_many(wait, "Too many calls to unknown addresses came from you.")
        account = state.locations.of_token(token) if is_storable(token) else None
        if account is None:
            reason = "There is no such workflow address. Copy it again from the CRM page."
            state.refusals.record(address, reason, subject=KIND, workspace=None)
            raise Refusal(404, "no_connection", reason)
        return keep(account, call)


def _account(state: ServerState, call: Request, address: str) -> Account:
    """The connection of the location that a signed call is about."""
    try:
        body = body_of(call)
    except Unreadable as error:
        raise Refusal(422, "unreadable", error.reason) from error
    location, company = location_of(body), company_of(body)
    if account := state.locations.of(location, company):
        return account
    reason = f"The location {location} is not connected here." if location else "The call names no location of ours."
    state.refusals.record(address, reason, subject=KIND, workspace=None)
    raise Refusal(404, "unknown_location", reason)


ROUTES = tuple(
    Route(path, receive, methods=["POST"])
    for path in ("/webhook/ghl", "/api/ghl/webhook", "/webhook/ghl/outgoing", "/webhook/ghl/workflow/{token}")
)
