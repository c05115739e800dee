"""A chat model of OpenAI, OpenRouter or any server that speaks their interface, through the `openai` package.

A completion changes nothing in the world, so it may always be asked for again: where nobody knows whether the server
worked on it, the error is NotSent. Sources: platform.openai.com/docs/api-reference/chat, openrouter.ai/docs (read 2026-11).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import openai

from nodes.clients.channel import Account
from nodes.clients.http import CONNECT_SECONDS, OWN_MACHINE
from nodes.clients.llm_answer import completion
from nodes.clients.openai_errors import translated
from nodes.contract import ChatMessage, Completion
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected

BASE_URL = "https://api.openai.com/v1"
CHECK_SECONDS = 15.0
CHECK_TOKENS = 16  # the fewest that every server takes

# How a server is made to answer in JSON, best first. Those that we do not know more often know the older form.
_FORMS = ("json_schema", "json_object")
_FORMS_ELSEWHERE = ("json_object", "json_schema")
# The names of the limit of tokens; reasoning models refuse the old one, small servers know only that.
_LIMITS = ("max_completion_tokens", "max_tokens")
_LIMITS_ELSEWHERE = ("max_tokens", "max_completion_tokens")
# A 400 that is about the conversation, not about how we ask.
_ABOUT_CONTENT = {"context_length_exceeded", "content_policy_violation", "content_filter"}
# What a model is refused for that did answer: one that thinks aloud may use up the few tokens of a check.
_SPOKE = {"too_few_tokens", "empty_answer", "refusal", "content_filter"}
_making = threading.Lock()  # two threads that come first must not make two pools


def check(account: Account) -> str:
    """'' when the model of the connection answers, else what to do.

    It asks for one word: a list of models would be cheaper, and some servers give it to everybody, whatever the key.
    """
    model = str(account.config.get("model") or "")
    if not model:
        return "The connection names no model. Enter the name of one."
    chat = OpenAIChat(
        str(account.config.get("base_url") or BASE_URL), account.secrets.get("api_key", ""), model, CHECK_SECONDS
    )
    try:
        chat.complete([ChatMessage("user", "Say yes.")], max_tokens=CHECK_TOKENS)
    except Rejected as error:
        return "" if error.code in _SPOKE else error.reason
    except ClientError as error:
        return error.reason
    return ""


class OpenAIChat:
    """One model of one server. Prices are dollars per million tokens, None = unknown; OpenRouter reports the cost itself.

    `site_url` names the installation to OpenRouter. Connections are pooled per server and key, and shared by threads.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        timeout_seconds: float = 30.0,
        *,
        price_in_per_million: float | None = None,
        price_out_per_million: float | None = None,
        site_url: str = "",
    ) -> None:
        self.name = model
        with _making:
            self._server = _server(base_url.rstrip("/"), api_key, timeout_seconds, site_url)
        self._prices = price_in_per_million, price_out_per_million

    def __repr__(self) -> str:
        return f"OpenAIChat({self._server.host!r}, {self.name!r})"

    def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        json_schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        """The model's answer. Raises NotSent, Throttled, Rejected, AuthFailed.

        What the server refuses to be told (a temperature, a form of answer) is left out from then on.
        """
        refused = self._server.refused.get(self.name, frozenset())
        while True:
            body = self._body(messages, temperature, max_tokens, json_schema, refused)
            try:
                text = self._server.post(body)
            except _Unwanted as unwanted:
                refused |= {unwanted.name}
                continue
            self._server.refused[self.name] = refused
            return completion(text, self.name, self._prices, f"The model server {self._server.host}")

    def _body(
        self,
        messages: Sequence[ChatMessage],
        temperature: float | None,
        max_tokens: int | None,
        json_schema: Mapping[str, Any] | None,
        refused: frozenset[str],
    ) -> dict[str, Any]:
        said = [{"role": message.role, "content": message.content} for message in messages]
        body: dict[str, Any] = {"model": self.name, "messages": said}
        if temperature is not None and "temperature" not in refused:
            body["temperature"] = temperature
        limit = next((name for name in self._server.limits if name not in refused), "")
        if max_tokens is not None and limit:
            body[limit] = max_tokens
        if json_schema is not None:
            form = next((name for name in self._server.forms if name not in refused), "")
            body |= _response_format(form, json_schema)
            if form != "json_schema" and not any("JSON" in message.content for message in messages):
                said.insert(0, {"role": "system", "content": _in_words(json_schema)})
        return body


def _response_format(form: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if form == "json_schema":
        # Strict mode refuses a schema that leaves anything open.
        strict = schema.get("additionalProperties") is False
        named = {"name": str(schema.get("title") or "answer"), "schema": schema, "strict": strict}
        return {"response_format": {"type": form, form: named}}
    return {"response_format": {"type": form}} if form else {}


def _in_words(schema: Mapping[str, Any]) -> str:
    return f"Answer with one JSON object of this schema and nothing else: {json.dumps(schema)}"


class _Unwanted(Exception):
    """The server refuses one of the optional parameters; `name` is the parameter or the form of the answer."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Server:
    """A server with its pool of connections, and what each of its models was found to refuse."""

    def __init__(self, base_url: str, api_key: str, timeout_seconds: float, site_url: str) -> None:
        self.host = urlsplit(base_url).hostname or base_url
        is_openrouter = self.host.endswith("openrouter.ai")
        is_known = is_openrouter or self.host.endswith("api.openai.com")
        self.forms = _FORMS if is_known else _FORMS_ELSEWHERE
        self.limits = _LIMITS if is_known else _LIMITS_ELSEWHERE
        self.refused: dict[str, frozenset[str]] = {}
        named = {"HTTP-Referer": site_url, "X-Title": "Frontdesk"}
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=api_key or "none",  # the package insists on one, servers on this machine do not
            max_retries=0,  # retrying is the runtime's: it alone knows the budget of the step
            timeout=openai.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
            default_headers={name: value for name, value in named.items() if value} if is_openrouter else None,
            http_client=openai.DefaultHttpxClient(mounts=OWN_MACHINE),
        )

    def post(self, body: dict[str, Any]) -> str:
        """The server's answer as text. Not `chat.completions.create`: building its models costs as much as the call."""
        with self._translated():
            try:
                return self._client.post("/chat/completions", cast_to=str, body=body)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                name = _culprit(error, body)
                if not name:
                    raise
                raise _Unwanted(name) from error

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with translated(f"The model server {self.host}"):
                yield
        except OutcomeUnknown as error:
            raise NotSent(error.reason) from error
        except AuthFailed as error:
            if _is_moderation(error.__cause__):
                raise Rejected("moderation", "The model server refused this conversation by its own rules.") from error
            raise


def _culprit(error: openai.APIStatusError, body: Mapping[str, Any]) -> str:
    """The optional part of the request that the server refuses, '' when the refusal is about something else."""
    form = body.get("response_format", {}).get("type", "")
    for name in ("temperature", *_LIMITS):
        if name in body and name in (error.param or error.message):
            return name
    if not form or error.code in _ABOUT_CONTENT:
        return ""
    return str(form) if not error.param or "response_format" in error.param else ""


def _is_moderation(error: BaseException | None) -> bool:
    """OpenRouter answers 403 when a filter stops the text, which says nothing about the key."""
    body = error.body if isinstance(error, openai.PermissionDeniedError) else None
    metadata = body.get("metadata") if isinstance(body, dict) else None
    return isinstance(metadata, dict) and bool({"reasons", "flagged_input"} & set(metadata))


@lru_cache(maxsize=32)
def _server(base_url: str, api_key: str, timeout_seconds: float, site_url: str) -> _Server:
    return _Server(base_url, api_key, timeout_seconds, site_url)
