"""A strict server of the OpenAI interface on loopback: chat completions, embeddings, models."""

from __future__ import annotations

import hashlib
import json
import math
import random
import time
from collections.abc import Callable
from typing import Any

from tests.fakes.http_twin import Answer, HttpTwin, Received, arguments, run_as_process

API_KEY = "sk-twin"
Body = dict[str, Any]
Reply = Callable[[Body], str | Body]

_CHAT_FIELDS = {"model", "models", "messages", "temperature", "top_p", "seed", "stop", "n", "user", "stream"}
_CHAT_FIELDS |= {"max_tokens", "max_completion_tokens", "response_format", "reasoning_effort", "provider"}
_CHAT_FIELDS |= {"tools", "tool_choice", "parallel_tool_calls", "presence_penalty", "frequency_penalty"}
_EMBEDDING_FIELDS = {"model", "input", "dimensions", "encoding_format", "user"}
_ROLES = {"system", "user", "assistant", "tool", "developer"}


class Refused(Exception):
    """The twin answers with this error."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param


def echo(body: Body) -> str:
    """The answer when no other reply function is set; deterministic, and JSON where the request asks for it."""
    asked = next((each["content"] for each in reversed(body["messages"]) if each["role"] == "user"), "")
    wanted = body.get("response_format", {}).get("json_schema", {}).get("schema")
    return f"You said: {asked}" if wanted is None else json.dumps(_filled(wanted, asked))


class OpenAITwin(HttpTwin):
    """`reply` says what the model answers: a text, or a whole message object. `chats` holds the bodies, oldest first."""

    def __init__(self, port: int = 0, reply: Reply = echo, api_key: str = API_KEY) -> None:
        super().__init__(port)
        self.reply, self.api_key = reply, api_key
        self.chats: list[Body] = []
        self.embedded: list[Body] = []
        self.refused_fields: set[str] = set()  # parameters that this server does not know, for example response_format

    @property
    def base_url(self) -> str:
        return super().base_url + "/v1"

    def refusal(self, status: int, code: int | str, message: str, param: str | None = None) -> Answer:
        error = {"message": message, "type": "error", "param": param, "code": str(code) if code else None}
        return Answer.json(status, {"error": error})

    def answer(self, request: Received) -> Answer:
        try:
            return Answer.json(200, self._answer(request))
        except Refused as error:
            self.refused.append(f"{error.status} {error.code}: {error}")
            return self.refusal(error.status, error.code, str(error), error.param)

    def _answer(self, request: Received) -> Body:
        if request.headers.get("authorization") != f"Bearer {self.api_key}":
            raise Refused(401, "invalid_api_key", "Incorrect API key provided")
        match request.method, request.path:
            case "GET", "/v1/models":
                model = {"id": "twin-chat", "object": "model", "created": 1, "owned_by": "twin"}
                return {"object": "list", "data": [model]}
            case "POST", "/v1/chat/completions":
                return self._chat(_json(request))
            case "POST", "/v1/embeddings":
                return self._embed(_json(request))
        raise Refused(404, "unknown_url", f"Unknown request URL: {request.method} {request.path}")

    def _chat(self, body: Body) -> Body:
        self._check(body, _CHAT_FIELDS, "messages")
        for message in body["messages"]:
            if message.get("role") not in _ROLES or not isinstance(message.get("content"), (str, list)):
                raise Refused(400, "invalid_value", "messages: every message needs a role and a content", "messages")
        self.chats.append(body)
        said = self.reply(body)
        message = said if isinstance(said, dict) else {"role": "assistant", "content": said, "refusal": None}
        given = sum(len(each["content"]) for each in body["messages"])
        usage = _usage(given // 4, len(message.get("content") or "") // 4)
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        head = {"id": f"chatcmpl-{len(self.chats)}", "object": "chat.completion", "created": int(time.time())}
        return {**head, "model": body["model"], "choices": [choice], "usage": usage}

    def _embed(self, body: Body) -> Body:
        self._check(body, _EMBEDDING_FIELDS, "input")
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        if not texts or not all(isinstance(text, str) and text for text in texts):
            raise Refused(400, "invalid_value", "input must not be empty", "input")
        self.embedded.append(body)
        size = body.get("dimensions") or 1536
        vectors = [vector(text, size) for text in texts]
        data = [{"object": "embedding", "index": place, "embedding": each} for place, each in enumerate(vectors)]
        return {"object": "list", "data": data, "model": body["model"], "usage": _usage(sum(map(len, texts)) // 4, 0)}

    def _check(self, body: Body, known: set[str], required: str) -> None:
        if not isinstance(body.get("model"), str) or not body.get(required):
            message = f"Missing required parameter: 'model' or '{required}'."
            raise Refused(400, "missing_required_parameter", message, required)
        for name in sorted((set(body) - known) | (set(body) & self.refused_fields)):
            raise Refused(400, "unknown_parameter", f"Unknown parameter: '{name}'.", name)

    def state(self, since: int) -> dict[str, Any]:
        return {**super().state(since), "chats": len(self.chats), "embedded": len(self.embedded)}


def vector(text: str, size: int = 1536) -> list[float]:
    """The same unit vector for the same text, always."""
    source = random.Random(hashlib.sha256(text.encode()).digest())
    numbers = [source.gauss(0, 1) for _ in range(size)]
    length = math.sqrt(sum(each * each for each in numbers))
    return [round(each / length, 7) for each in numbers]


def _json(request: Received) -> Body:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Refused(415, "unsupported_media_type", "The body must be application/json")
    try:
        body = json.loads(request.body)
    except ValueError:
        raise Refused(400, "invalid_json", "We could not parse the JSON body of your request.") from None
    if not isinstance(body, dict):
        raise Refused(400, "invalid_json", "The body must be a JSON object.")
    return body


def _usage(given: int, made: int) -> dict[str, int]:
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}


def _filled(schema: Body, text: str) -> Any:
    """A value of the schema: texts say `text`, booleans are true, lists are empty."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: _filled(each, text) for name, each in schema.get("properties", {}).items()}
        case "boolean":
            return True
        case "number" | "integer":
            return 1
        case "array":
            return []
        case _:
            return f"You said: {text}"


if __name__ == "__main__":
    options = arguments(__doc__.splitlines()[0])
    options.add_argument("--api-key", default=API_KEY)
    options.add_argument("--reply", default="", help="what the model always answers; without it, an echo")
    chosen = options.parse_args()
    server = OpenAITwin(chosen.port, (lambda body: chosen.reply) if chosen.reply else echo, chosen.api_key)
    server.delay_seconds = chosen.delay
    run_as_process(server)
