"""Every line of a log is JSON, none is lost where the file is set aside, and the terminal shows what was written."""

from __future__ import annotations

import json
import os
import selectors
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.log_file import KEPT, MOST_BYTES, LogFile
from deployments.program import Program, Spec
from tests.ports import until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "talker.log"


def opened(path: Path, most_bytes: int = MOST_BYTES) -> LogFile:
    made = LogFile(path, "talker", most_bytes)
    made.open()
    return made


def entries(path: Path) -> list[dict[str, Any]]:
    """The lines of the file and of those set aside, the oldest first."""
    files = [path.with_suffix(f".log.{number}") for number in range(KEPT, 0, -1)] + [path]
    return [json.loads(line) for file in files if file.exists() for line in file.read_bytes().splitlines()]


def test_a_line_that_is_json_is_kept_as_it_is(path: Path) -> None:
    line = b'{"time": "2026-01-01T00:00:00.000+00:00", "message": "Gr\xc3\xbc\xc3\x9fe", "n": 1.50}'
    opened(path).write(line)
    assert path.read_bytes() == line + b"\n"


@pytest.mark.parametrize(
    "line", [b"Traceback (most recent call last):", b"  indented", b"{not json", b"[1]", b"\xff\x00"]
)
def test_any_other_line_becomes_json_with_the_time(path: Path, line: bytes) -> None:
    opened(path).write(line)
    [entry] = entries(path)
    assert (entry["process"], entry["message"]) == ("talker", line.decode(errors="replace"))
    assert datetime.now(UTC) - datetime.fromisoformat(entry["time"]) < timedelta(minutes=1)


def test_an_empty_line_is_left_out(path: Path) -> None:
    opened(path).write(b"")
    assert path.read_bytes() == b""


def test_a_long_file_is_set_aside_while_it_is_written_and_no_line_is_lost(path: Path) -> None:
    log = opened(path, 1000)
    for number in range(60):
        log.write(json.dumps({"number": number, "fill": "x" * 20}).encode())
    numbers = [entry["number"] for entry in entries(path)]
    assert numbers == list(range(numbers[0], 60)), "in order, with none missing since the oldest that is kept"
    assert len(numbers) > 40
    sizes = [file.stat().st_size for file in path.parent.iterdir()]
    assert len(sizes) == KEPT + 1
    assert max(sizes) <= 1000


def test_a_line_longer_than_a_file_is_kept_whole(path: Path) -> None:
    log = opened(path, 100)
    for size in (10, 300, 10):
        log.write(b"x" * size)
    assert [len(entry["message"]) for entry in entries(path)] == [10, 300, 10]


def test_a_file_that_is_long_at_the_start_is_set_aside_with_the_first_line(path: Path) -> None:
    path.write_bytes(b"x" * 2000)
    log = opened(path, 1000)
    log.write(b"first")
    assert path.with_suffix(".log.1").stat().st_size == 2000
    assert json.loads(path.read_text())["message"] == "first"


CHATTY = """
import json, sys
for number in range(4000):
    print(json.dumps({"number": number, "fill": "x" * 100}) if number % 2 else f"plain {number}", flush=number % 7 == 0)
sys.stderr.write("the end, without a line break")
"""


def test_nothing_of_a_real_process_is_lost_at_rotation(tmp_path: Path) -> None:
    shown: list[str] = []
    selector = selectors.DefaultSelector()
    spec = Spec("talker", (sys.executable, "-c", CHATTY), dict(os.environ))
    program = Program(spec, tmp_path, selector, lambda _, line: shown.append(line), log_bytes=150_000)
    program.start()

    def read() -> bool:
        for key, _ in selector.select(0.1):
            key.data()
        return program.exit_code() is not None

    until(read)
    found = entries(tmp_path / "talker.log")
    said = [str(entry.get("message", entry.get("number"))).removeprefix("plain ") for entry in found]
    assert said == [*map(str, range(4000)), "the end, without a line break"]
    assert shown[:2] == ["plain 0", json.dumps({"number": 1, "fill": "x" * 100})]
