"""What a person sees of the processes: sentences on a terminal, everything as it came elsewhere."""

from __future__ import annotations

import json
import re

from deployments.console import Console

READY = json.dumps({"time": "2026-01-01T08:00:00Z", "level": "INFO", "message": "The worker is ready", "owner": "a:1"})
FAILED = json.dumps({"level": "ERROR", "message": "It could not be sent.", "error": "Traceback ...\nOSError: no route"})
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def shown(*lines: tuple[str, str], terminal: bool) -> list[str]:
    written: list[str] = []
    console = Console(["worker-1", "prefect"], written.append, quiet={"prefect"}, terminal=terminal)
    for name, line in lines:
        console(name, line)
    return [COLOUR.sub("", line) for line in written]


def test_a_record_is_a_sentence_on_a_terminal() -> None:
    assert shown(("worker-1", READY), terminal=True) == ["worker-1 | The worker is ready\n"]


def test_a_level_above_the_usual_and_the_end_of_the_error_are_shown() -> None:
    assert shown(("worker-1", FAILED), terminal=True) == [
        "worker-1 | ERROR: It could not be sent. (OSError: no route)\n"
    ]


def test_a_quiet_process_is_heard_where_it_warns() -> None:
    greeting = [("prefect", "Check out the dashboard"), ("prefect", "WARNING | the database is slow")]
    assert shown(*greeting, terminal=True) == ["prefect  | WARNING | the database is slow\n"]


def test_what_collects_the_output_gets_it_as_it_came() -> None:
    assert shown(("worker-1", READY), ("prefect", "Check out the dashboard"), terminal=False) == [
        f"worker-1 | {READY}\n",
        "prefect  | Check out the dashboard\n",
    ]
