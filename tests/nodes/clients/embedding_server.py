"""A small server on the loopback that speaks the embeddings interface, remembers what it was asked, and can misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class EmbeddingServer:
    """Answers "text 7 ..." with a vector that begins with 7, the last text first; or with `status` and `body` if given."""

    def __init__(
        self,
        *,
        status: int = 200,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        silent: bool = False,
        hang_up: bool = False,
    ) -> None:
        self.status, self.body, self.headers = status, body, headers or {}
        self.silent, self.hang_up = silent, hang_up
        self.requests: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: dict[str, Any]) -> bytes:
        self.requests.append(request)
        if isinstance(self.body, str):
            return self.body.encode()
        return json.dumps(self.body if self.body is not None else _vectors(request["input"])).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.keys.add(self.headers["authorization"])
                body = owner.answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                if owner.silent:
                    owner.closing.wait(30)
                if owner.silent or owner.hang_up:
                    self.close_connection = True
                    return
                self.send_response(owner.status)
                content_type = "text/html" if isinstance(owner.body, str) else "application/json"
                for name, value in {**owner.headers, "content-type": content_type}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _vectors(texts: list[str]) -> dict[str, Any]:
    data = [
        {
            "object": "embedding",
            "index": place,
            "embedding": [float(text.split()[1]), 1.0, 0.0] if " " in text else [1.0],
        }
        for place, text in enumerate(texts)
    ]
    return {"object": "list", "data": data[::-1], "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}}
