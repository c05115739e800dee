"""The pages as a process: what it writes into its log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx

from tests.ports import free_port, until

LINK = "a-sign-in-link-that-nobody-else-may-read"


def test_the_log_is_json_without_a_line_per_request_and_without_sign_in_links(database_url: str, home: Path) -> None:
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "FRONTDESK_UI_PORT": str(port),
        "FRONTDESK_HOME": str(home),
    }
    pages = subprocess.Popen(
        [sys.executable, "-m", "ui.app"],
        cwd=Path(__file__).parents[2],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        site = f"http://127.0.0.1:{port}"
        until(lambda: _answers(f"{site}/health", pages), seconds=60, what="the pages answer")
        assert httpx.get(f"{site}/auth/link/{LINK}").status_code == 200
        assert httpx.post(f"{site}/auth/link/{LINK}", data={"form": "another"}).status_code == 403
    finally:
        pages.terminate()
        written, _ = pages.communicate(timeout=15)
    assert LINK not in written and "/health" not in written
    assert {json.loads(line)["process"] for line in written.splitlines()} <= {"pages"}, written


def _answers(address: str, process: subprocess.Popen[str]) -> bool:
    assert process.poll() is None, "the pages ended"
    try:
        return httpx.get(address, timeout=1).status_code == 200
    except httpx.TransportError:
        return False
