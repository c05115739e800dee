"""A provider calls: verify, store, answer. No other work, and nothing but the database is needed.

A call is answered with 200 only after its row is committed; everything that comes after is the workers' business.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import DataError, OperationalError, SQLAlchemyError
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from db import events
from db.engine import DatabaseUnreachable, transaction
from db.secrets import SecretsUnreadable
from flows.requests import payload_of
from nodes.clients.channel import Account, Keys, Request
from nodes.clients.registry import listening
from nodes.errors import SignatureInvalid, Unreadable
from webhook_server.address import caller_address, public_url
from webhook_server.body import check_key, is_storable, read_body
from webhook_server.errors import Refusal, database_away, too_many
from webhook_server.state import ServerState, state_of

log = logging.getLogger(__name__)


def empty_twiml() -> Response:
    """What Twilio wants to hear when the reply comes later."""
    return Response("<Response/>", media_type="text/xml")


@dataclass(frozen=True)
class Door:
    """The webhook addresses of one kind of connection: /webhook/<kind>, with an optional connection id and a tail."""

    kind: str
    tails: tuple[str, ...]
    answer: Callable[[], Response]


DOORS = (Door("twilio", ("", "/status"), empty_twiml),)


def webhook_routes(doors: Iterable[Door] = DOORS) -> list[Route]:
    """Two addresses per door and tail: the default connection, and one named by its id."""
    return [
        Route(f"/webhook/{door.kind}{connection}{tail}", _endpoint(door), methods=["POST"])
        for door in doors
        for tail in door.tails
        for connection in ("", "/{connection:uuid}")
    ]


def _endpoint(door: Door) -> Callable[[HttpRequest], object]:
    async def receive(request: HttpRequest) -> Response:
        return await answer_call(request, door.kind, request.path_params.get("connection"), door.answer)

    return receive


async def answer_call(
    request: HttpRequest, kind: str, connection: UUID | None, answer: Callable[[], Response], body: bytes | None = None
) -> Response:
    """Take one call in and answer it; measured, whatever becomes of it. `body` where the caller has read it already."""
    state, began = state_of(request), time.perf_counter()
    status = 500
    try:
        raw = await read_body(request) if body is None else body
        headers = {name: value for name, value in request.headers.items() if is_storable(value)}
        call = Request(request.method, public_url(request.scope), headers, raw)
        await state.webhook_threads.run(take_in, state, kind, connection, call, caller_address(request.scope))
        response = answer()
        status = response.status_code
        return response
    except Refusal as refusal:
        status = refusal.status
        raise
    finally:
        state.metrics.webhook(kind, status, time.perf_counter() - began)


def take_in(state: ServerState, kind: str, connection: UUID | None, call: Request, address: str) -> bool:
    """Verify and store one call; False = it was here before. Raises Refusal."""
    with refusing():
        account = _known_account(state, kind, connection, address)
        account = _verified(state, account, connection, call, address)
        return keep(account, call)


def keep(account: Account, call: Request) -> bool:
    """Store a verified call; False = it was here before. Raises Refusal for one that cannot be read."""
    return _store(account, _keys(account, call), call)


@contextmanager
def refusing() -> Iterator[None]:
    """Troubles of ours and of the database, as answers that make a provider try again."""
    try:
        yield
    except SecretsUnreadable as error:
        log.error(str(error), extra={"action": "webhook.secrets_unreadable"})
        raise Refusal(
            503, "secrets_unreadable", "The secrets of this connection cannot be read. Save it anew."
        ) from error
    except DataError as error:
        raise Refusal(422, "unreadable", "The call holds bytes that cannot be stored.") from error
    except (DatabaseUnreachable, SQLAlchemyError) as error:
        log.error(
            "An arrival could not be stored", extra={"action": "webhook.database_away", "error": type(error).__name__}
        )
        raise database_away() from error


def _known_account(state: ServerState, kind: str, connection: UUID | None, address: str) -> Account:
    if not state.accounts.is_kept(kind, connection) and (wait := state.refusals.wait(address)):
        raise too_many(wait, "Too many refused calls came from your address.")
    account = state.accounts.find(kind, connection)
    if account is None:
        where = f"with the id {connection}" if connection else "yet"
        state.refusals.record(address, f"There is no {kind} connection {where}.", subject=kind, workspace=None)
        raise Refusal(404, "no_connection", f"There is no {kind} connection {where}. Add one under Settings.")
    return account


def _verified(state: ServerState, account: Account, connection: UUID | None, call: Request, address: str) -> Account:
    """The account that signed the call: the remembered one, or, where its secret has just been changed, the fresh one."""
    client = listening(account.kind)
    try:
        client.verify(account, call)
        return account
    except SignatureInvalid as error:
        reason = error.reason
    if not state.refusals.wait(address) and (fresh := state.accounts.find(account.kind, connection, fresh=True)):
        try:
            client.verify(fresh, call)
            return fresh
        except SignatureInvalid as error:
            reason = error.reason
    subject = f"connection:{account.id}"
    if wait := state.refusals.record(address, reason, subject=subject, workspace=account.workspace_id):
        raise too_many(wait, "Too many calls with a wrong signature came from your address.")
    raise Refusal(403, "signature_invalid", reason)


def _keys(account: Account, call: Request) -> Keys:
    try:
        keys = listening(account.kind).keys(account, call)
    except Unreadable as error:
        raise Refusal(422, "unreadable", error.reason) from error
    check_key("message id", keys.dedupe_key)
    check_key("sender", keys.order_key)
    return keys


def _store(account: Account, keys: Keys, call: Request) -> bool:
    try:
        return _store_once(account, keys, call)
    except OperationalError:
        # After a restart of Postgres the pooled connections are dead, and storing twice is storing once.
        return _store_once(account, keys, call)


def _store_once(account: Account, keys: Keys, call: Request) -> bool:
    with transaction(account.workspace_id) as tx:
        return events.store(
            tx,
            workspace=account.workspace_id,
            connection_id=account.id,
            type=keys.type,
            dedupe_key=keys.dedupe_key,
            order_key=keys.order_key,
            payload=payload_of(call),
        )
