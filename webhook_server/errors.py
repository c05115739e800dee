"""Every refusal in one form: {"error": {"code", "message", "field"}}, where the message says what to do."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.engine import DatabaseUnreachable
from db.views import CursorInvalid
from flows.actions import ActionRefused

log = logging.getLogger(__name__)

RETRY_SECONDS = 5  # what a caller waits when the database is away


class Refusal(Exception):
    """An answer that is no success. `code` is stable and for programs, `message` a sentence for a person."""

    def __init__(
        self, status: int, code: str, message: str, *, field: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.headers = dict(headers or {})

    def response(self) -> Response:
        content = {"error": {"code": self.code, "message": self.message, "field": self.field}}
        return JSONResponse(content, self.status, self.headers)


def too_many(wait: float, sentence: str) -> Refusal:
    """429 with Retry-After; `wait` in seconds."""
    seconds = max(1, math.ceil(wait))
    message = f"{sentence} Try again in {seconds} second{'' if seconds == 1 else 's'}."
    return Refusal(429, "too_many_requests", message, headers={"Retry-After": str(seconds)})


def not_found(what: str) -> Refusal:
    return Refusal(404, "not_found", f"There is no such {what} in this workspace.")


def database_away() -> Refusal:
    """503: the caller keeps what it has and tries again."""
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return Refusal(503, "database_away", "The database does not answer. Try again in a few seconds.", headers=headers)


async def on_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return error.response()


async def on_action_refused(_: Request, error: Exception) -> Response:
    """What a person asked for cannot be done now, or is not there."""
    if "does not exist" in str(error):
        return Refusal(404, "not_found", str(error)).response()
    return Refusal(409, "refused", str(error)).response()


async def on_cursor_invalid(_: Request, error: Exception) -> Response:
    return Refusal(422, "invalid", str(error), field="before").response()


async def on_database_away(request: Request, error: Exception) -> Response:
    log.error("The database did not answer", extra={"action": "webhook.database_away", "error": type(error).__name__})
    return database_away().response()


async def on_database_error(request: Request, error: Exception) -> Response:
    """A value that Postgres cannot hold is the caller's mistake; a lost connection is ours."""
    assert isinstance(error, DBAPIError)
    if error.connection_invalidated or isinstance(error, OperationalError):
        return await on_database_away(request, error)
    if type(error).__name__ == "DataError":
        return Refusal(
            422, "invalid", "The request holds a value that cannot be stored, such as a NUL byte."
        ).response()
    return await on_crash(request, error)


async def on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path", "header"))
    message = f"{field or 'The body'}: {str(first['msg']).removeprefix('Value error, ')}."
    return Refusal(422, "invalid", message, field=field).response()


async def on_http(request: Request, error: Exception) -> Response:
    """What the router itself refuses: unknown addresses and methods."""
    assert isinstance(error, HTTPException)
    messages = {
        404: "There is nothing at this address. The addresses of the API are listed in /openapi.json.",
        405: f"This address does not take {request.method}.",
    }
    codes = {404: "not_found", 405: "method_not_allowed"}
    message = messages.get(error.status_code, str(error.detail))
    return Refusal(
        error.status_code, codes.get(error.status_code, "refused"), message, headers=error.headers
    ).response()


async def on_crash(request: Request, error: Exception) -> Response:
    log.error(
        "A request failed",
        exc_info=error,
        extra={"action": "webhook.crash", "path": request.scope.get("path", ""), "error": type(error).__name__},
    )
    return Refusal(500, "internal", "Something went wrong on our side; it is in the log. Try again.").response()


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    Refusal: on_refusal,
    ActionRefused: on_action_refused,
    CursorInvalid: on_cursor_invalid,
    DatabaseUnreachable: on_database_away,
    PoolTimeout: on_database_away,
    DBAPIError: on_database_error,
    RequestValidationError: on_invalid,
    HTTPException: on_http,
    Exception: on_crash,
}
