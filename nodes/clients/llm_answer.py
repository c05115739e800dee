"""A chat completion as it came, read with care: servers differ in everything that is not the text."""

from __future__ import annotations

import json
from typing import Any

from nodes.clients.http import WAIT_SECONDS
from nodes.clients.text import printable
from nodes.contract import Completion
from nodes.errors import AuthFailed, ClientError, NotSent, Rejected, Throttled

Prices = tuple[float | None, float | None]  # dollars per million tokens, in and out


def completion(text: str, asked_model: str, prices: Prices, server: str) -> Completion:
    """The answer in a body with status 200. `server` names it in sentences. Raises Rejected, and what an error inside says."""
    body = _object(text, server)
    choice = _first(body.get("choices"))
    error = body.get("error") or choice.get("error")
    if error:
        raise _inner_error(error, server)
    message = choice.get("message")
    content = _content(message if isinstance(message, dict) else {})
    if not content:
        raise _nothing(choice, server)
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    tokens = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    return Completion(content, str(body.get("model") or asked_model), *tokens, _cost(usage, tokens, prices))


def _object(text: str, server: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        reason = f"{server} answered with something else than a completion. Check the address of the connection."
        raise Rejected("not_a_completion", reason)
    return body


def _first(choices: Any) -> dict[str, Any]:
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}


def _content(message: dict[str, Any]) -> str:
    """The text; some servers give it in parts."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return printable(content).strip() if isinstance(content, str) else ""


def _nothing(choice: dict[str, Any], server: str) -> Rejected:
    refusal = (choice.get("message") or {}).get("refusal") if isinstance(choice.get("message"), dict) else None
    if refusal:
        return Rejected("refusal", f"The model refused: {str(refusal)[:300]}")
    if choice.get("finish_reason") == "content_filter":
        return Rejected("content_filter", f"A content filter of {server} stopped the answer.")
    if choice.get("finish_reason") == "length":
        return Rejected("too_few_tokens", "The model used up its tokens before the first word. Allow more tokens.")
    return Rejected("empty_answer", f"{server} gave an empty answer.")


def _inner_error(error: Any, server: str) -> ClientError:
    """An error inside an answer with status 200, which OpenRouter gives when a provider fails half-way."""
    code, said = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, error)
    reason = f"{server} reports {code or 'an error'}: {str(said)[:300]}"
    match code:
        case 401:
            return AuthFailed(reason)
        case 429:
            return Throttled(reason, WAIT_SECONDS)
        case int() if code >= 500 or code == 408:
            return NotSent(reason)
        case _:
            return Rejected(str(code or "error"), reason)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _cost(usage: dict[str, Any], tokens: tuple[int, int], prices: Prices) -> float | None:
    said = usage.get("cost")
    if isinstance(said, (int, float)) and not isinstance(said, bool):
        return float(said)
    price_in, price_out = prices
    if price_in is None or price_out is None:
        return None
    return (tokens[0] * price_in + tokens[1] * price_out) / 1_000_000
