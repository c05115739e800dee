import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from db.logs import MOST_CHARACTERS, JsonLines, ReadableLines
from db.settings import get_settings

RUN = UUID("11111111-2222-3333-4444-555555555555")


def _record(
    message: str = "Sent a reply.", *args: object, error: Exception | None = None, **extra: Any
) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    return logging.getLogger("db").makeRecord("db.x", logging.INFO, __file__, 1, message, args, exc_info, extra=extra)


def _json(record: logging.LogRecord) -> dict[str, Any]:
    line = JsonLines("worker-1").format(record)
    assert "\n" not in line
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def test_a_line_is_one_json_object_with_every_extra_field() -> None:
    line = _json(_record("Sent %s.", "a reply", action="delivery.sent", run=RUN, duration_ms=12.5, many=["a", 1]))
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "process": "worker-1",
        "logger": "db.x",
        "message": "Sent a reply.",
        "action": "delivery.sent",
        "run": str(RUN),
        "duration_ms": 12.5,
        "many": '["a", 1]',
    }


def test_an_error_stays_on_the_line() -> None:
    try:
        raise ValueError("broken\nin two")
    except ValueError as error:
        line = _json(_record(error=error))
    assert "Traceback" in line["error"] and "broken\nin two" in line["error"]


def test_a_terminal_gets_a_readable_line() -> None:
    line = ReadableLines().format(_record(action="delivery.sent", run=RUN))
    assert line[8:] == f" INFO     Sent a reply.  action=delivery.sent run={RUN}"


def test_secrets_are_taken_out_before_a_long_text_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "0123456789abcdef0123456789abcdef")
    get_settings.cache_clear()
    text = "x" * (MOST_CHARACTERS - 10) + "0123456789abcdef0123456789abcdef" + "y" * 100
    line = _json(_record(text, token="short", nested={"password": "pw", "n": "0123456789abcdef0123456789abcdef"}))
    assert "0123456789" not in json.dumps(line)
    assert line["message"].endswith(f"({MOST_CHARACTERS - 10 + 3 + 100} characters)")
    assert (line["token"], json.loads(line["nested"])) == ("***", {"password": "***", "n": "***"})


def test_a_process_writes_json_to_a_file_also_for_what_nobody_caught(tmp_path: Path) -> None:
    code = """
import logging, threading
from db.logs import setup
setup("worker-1")
logging.getLogger("flows.worker").info("Ready.", extra={"action": "worker.ready"})
logging.getLogger("httpx").info("GET https://api.example.com/+14155550100")
logging.getLogger("somewhere").warning("Old.")
thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()
raise RuntimeError("the end")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert [line["message"] for line in lines] == [
        "Ready.",
        "Old.",
        "A thread ended with an error.",
        "The process ends with an error.",
    ]
    assert "ZeroDivisionError" in lines[2]["error"] and "the end" in lines[3]["error"]
