"""A documentation site of hundreds of pages on loopback: the HTML of Debian's package python3-doc, of which single pages may be changed."""

from __future__ import annotations

import threading
from email.utils import formatdate
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FOLDER = Path("/usr/share/doc/python3-doc/html")
PACKAGE = "python3-doc"


class DocsSite:
    """Serves the folder; `changed` holds other contents for single paths. Counts answers by status."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.changed: dict[str, bytes] = {}
        self.answers: dict[int, int] = {}
        self.folder = folder
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, site=self, directory=str(folder)))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def change(self, path: str, before: str, after: str) -> None:
        """From now on a page says something else at one place."""
        text = (self.folder / path.lstrip("/")).read_text()
        assert before in text, f"{path} does not say {before!r}"
        self.changed[path] = text.replace(before, after, 1).encode()


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, site: DocsSite, **options: Any) -> None:
        self._site = site
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        content = self._site.changed.get(self.path)
        if content is None:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Last-Modified", formatdate(usegmt=True))
        self.end_headers()
        self.wfile.write(content)

    def send_response(self, code: int, message: str | None = None) -> None:
        self._site.answers[code] = self._site.answers.get(code, 0) + 1
        super().send_response(code, message)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nobody reads its log."""
