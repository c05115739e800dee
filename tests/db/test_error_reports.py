import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROGRAM = """
import logging
from db.logs import setup
setup("worker-1")
def handle(message):
    phone = "+14155550100"
    raise ValueError(f"cannot answer {message} of {phone}")
try:
    handle("Where is my order?")
except ValueError:
    logging.getLogger("flows.worker").exception(
        "Run %s failed for %s", 7, "+14155550100", extra={"action": "run.failed", "run": "7", "text": "Where is my order?"})
import sentry_sdk
sentry_sdk.flush(10)
"""


class Receiver(BaseHTTPRequestHandler):
    """Remembers the bodies that were posted."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def sentry() -> object:
    receiver = type("Own", (Receiver,), {"bodies": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_report_says_where_it_broke_and_nothing_about_the_customer(sentry: ThreadingHTTPServer, home: Path) -> None:
    dsn = f"http://public@127.0.0.1:{sentry.server_port}/1"
    environment = {"SENTRY_DSN": dsn, "PATH": "", "FRONTDESK_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=False,
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    [report] = [event for event in _events(sentry) if "exception" in event]
    [error] = report["exception"]["values"]  # type: ignore[index]
    assert error["type"] == "ValueError"
    assert [frame["function"] for frame in error["stacktrace"]["frames"]] == ["<module>", "handle"]
    assert report["logentry"] == {"message": "Run %s failed for %s"}
    assert report["tags"] == {"action": "run.failed", "run": "7"}
    assert not any(private in json.dumps(report) for private in ("order", "4155550100"))


def _events(sentry: ThreadingHTTPServer) -> list[dict[str, object]]:
    import gzip

    found = []
    for body in sentry.RequestHandlerClass.bodies:  # type: ignore[attr-defined]
        text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        for line in text.splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return [item for item in found if isinstance(item, dict)]
