"""POST /webhook/ai/{token}: another system asks a question and gets the AI's answer at once. The token is that of a custom address."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flows.outside_question import Reply, answer
from nodes.clients.channel import Account
from nodes.errors import Throttled
from webhook_server.address import caller_address
from webhook_server.body import is_storable, read_body
from webhook_server.custom import account_of
from webhook_server.errors import Refusal, too_many
from webhook_server.inbound import refusing
from webhook_server.limits import count_question
from webhook_server.state import ServerState, state_of

KIND = "ai"
MAX_BYTES = 32 * 1024
FIELDS = ("question", "message", "text")


async def receive(request: Request) -> Response:
    """Answer one question; measured, whatever becomes of it."""
    state, began = state_of(request), time.perf_counter()
    status = 500
    try:
        account = await state.webhook_threads.run(
            admit, state, request.path_params["token"], caller_address(request.scope)
        )
        question = question_of(request.headers.get("content-type", ""), await read_body(request, MAX_BYTES))
        reply = await state.answer_threads.run(ask, account, question)
        status = 200
        return JSONResponse(asdict(reply))
    except Refusal as refusal:
        status = refusal.status
        raise
    finally:
        state.metrics.webhook(KIND, status, time.perf_counter() - began)


def admit(state: ServerState, token: str, address: str) -> Account:
    """The address that the token belongs to. Raises Refusal, also above the limit of the address."""
    with refusing():
        account = account_of(state, token, address)
        count_question(account)
        return account


def ask(account: Account, question: str) -> Reply:
    with refusing():
        try:
            return answer(account.workspace_id, question)
        except Throttled as busy:
            raise too_many(busy.retry_after_seconds, busy.reason) from busy


def question_of(content_type: str, body: bytes) -> str:
    """The question of a JSON object, a form, or plain text. Raises Refusal 422."""
    text = body.decode("utf-8", "replace")
    kind = content_type.partition(";")[0].strip().lower()
    told: object = text
    if kind == "application/x-www-form-urlencoded":
        told = dict(parse_qsl(text))
    elif kind != "text/plain":
        told = _json(text)
    if isinstance(told, dict):
        told = next((told[name] for name in FIELDS if told.get(name)), "")
    question = told.strip() if isinstance(told, str) else ""
    if not question or not is_storable(question):
        raise Refusal(422, "invalid", 'Send the question as {"question": "..."}.', field="question")
    return question


def _json(text: str) -> object:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        raise Refusal(422, "unreadable", 'The body must be JSON: {"question": "..."}.') from None
    return found


ROUTES = (Route("/webhook/ai/{token}", receive, methods=["POST"]),)
