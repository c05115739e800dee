"""`frontdesk bench crawl`: a real documentation site is crawled, embedded with the built-in model, and answered from.

The whole product runs on this machine; the site is the HTML of Debian's package python3-doc, served on loopback. A second
crawl must embed nothing, and a changed page must change its own passages only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import psutil

from db import documents, training_jobs
from db.engine import rows, transaction
from db.training_jobs import Job
from flows import training
from flows.training import Website
from tests.bench.desk import PLAIN
from tests.bench.docs_site import FOLDER, PACKAGE, DocsSite
from tests.bench.load import Connections, post
from tests.bench.machine import cpu_seconds, memory_mb
from tests.bench.stack import Stack
from tests.fakes.twilio_twin import signed_sms

ACTOR = "bench"
QUESTION, ANSWERED_BY = (
    "How do I make sure that clean-up code always runs, whatever exception happens?",
    "/tutorial/errors.html",
)
BEFORE, AFTER = (
    "Until now error messages haven",
    "On Saturdays the workshop opens at 9:00. Until now error messages haven",
)
FROM_DOCUMENTS: Mapping[str, Any] = {
    **PLAIN,
    "name": "Answer from the documents",
    "steps": [
        *PLAIN["steps"][:3],  # type: ignore[index]
        {
            "id": "documents",
            "node": "retrieve@1",
            "title": "What the documents say",
            "input": {"message": "message.text"},
            "when": [{"value": "gate.may_answer", "is": True}],
        },
        {
            **PLAIN["steps"][3],  # type: ignore[index]
            "input": {"message": "message.text", "history": "memory.history", "passages": "documents.passages"},
        },
        *PLAIN["steps"][4:],  # type: ignore[index]
    ],
}


@dataclass(frozen=True)
class Measured:
    """One crawl: its job at the end, and what it took. `memory`: the largest sum of the process that crawls and its parsers, MB."""

    job: Job
    seconds: float
    memory: float
    processor: dict[str, float]


class Watch:
    """Looks every two seconds at the memory of the process that crawls."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._stop, self.largest = stack, threading.Event(), 0.0
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(2.0):
            self.largest = max(self.largest, memory_mb(crawler(self._stack))["schedules"])


def crawler(stack: Stack) -> dict[str, list[psutil.Process]]:
    """The trainer lives in the process of the schedules; its children are the parsers."""
    return {"schedules": stack.processes()["schedules"]}


def crawl(stack: Stack, workspace: UUID, source: UUID, seconds: float) -> Measured:
    """Wait for the open job of a source."""
    before, began = cpu_seconds(stack.processes()), time.monotonic()
    with Watch(stack) as watch:
        while (job := newest(workspace, source)).state in ("pending", "working"):
            if time.monotonic() - began > seconds:
                raise SystemExit(f"The crawl did not end within {seconds:.0f} seconds: {job}")
            time.sleep(0.5)
    after = cpu_seconds(stack.processes())
    spent = {name: after[name] - before.get(name, 0.0) for name in after}
    assert job.started_at is not None and job.finished_at is not None
    return Measured(job, (job.finished_at - job.started_at).total_seconds(), watch.largest, spent)


def newest(workspace: UUID, source: UUID) -> Job:
    with transaction(workspace) as tx:
        return training_jobs.recent(tx, source, limit=1)[0]


def passages(workspace: UUID, source: UUID) -> dict[UUID, str]:
    """Passage -> path of its page."""
    with transaction(workspace) as tx:
        found = rows(tx, "SELECT id, document FROM ai_embeddings WHERE source_id = %(s)s", s=source)
    return {row["id"]: "/" + row["document"].split("/", 3)[3] for row in found}


def unread(workspace: UUID, source: UUID) -> list[str]:
    """Why pages could not be read, but for those to which the site leads and that are not in the package."""
    with transaction(workspace) as tx:
        failed = documents.listing(tx, source, limit=20_000, state="failed")
    return [f"{line.address}: {line.reason}" for line in failed if "(404)" not in line.reason]


async def ask(stack: Stack, workspace: UUID, webhook: str) -> tuple[list[str], float]:
    """The pages of the passages that an answer was given from, best first, and the milliseconds that finding them took."""
    door = Connections(stack.public_url)
    posted = await post(door, signed_sms(webhook, QUESTION, sender="+14155550123"), "key")
    assert posted.status < 300, posted
    for _ in range(600):
        with transaction(workspace) as tx:
            found = rows(tx, "SELECT output, duration_ms FROM run_steps WHERE node = 'retrieve@1'")
        if found:
            pages = [each["source"].rpartition(": ")[2] for each in found[0]["output"]["passages"]]
            door.close()
            return ["/" + page.split("/", 3)[3] for page in pages], float(found[0]["duration_ms"])
        await asyncio.sleep(0.1)
    raise SystemExit("The question was not answered within a minute.")


def measure(stack: Stack, site: DocsSite, options: argparse.Namespace) -> bool:
    """Crawl three times, ask, print the table; whether everything was as it must be."""
    desk = stack.desk(FROM_DOCUMENTS)
    rest = memory_mb(crawler(stack))["schedules"]
    website = Website(site.url(options.start), "Python", max_pages=options.pages, pause_seconds=options.pause)
    source = training.add_website(desk.workspace, ACTOR, website).source
    first = crawl(stack, desk.workspace, source, options.most_seconds)
    pages, took = asyncio.run(ask(stack, desk.workspace, desk.webhook))
    known = passages(desk.workspace, source)
    training.crawl_now(desk.workspace, ACTOR, source)
    second = crawl(stack, desk.workspace, source, options.most_seconds)
    same = passages(desk.workspace, source).keys() == known.keys()
    site.change(ANSWERED_BY, BEFORE, AFTER)
    training.crawl_now(desk.workspace, ACTOR, source)
    third = crawl(stack, desk.workspace, source, options.most_seconds)
    now = passages(desk.workspace, source)
    touched = {(known | now)[each] for each in known.keys() ^ now.keys()}
    table(first, second, third, known, rest)
    print(f"\n{QUESTION}\n  answered from {', '.join(dict.fromkeys(pages))}; search {took:.0f} ms")
    print(f"changed page {ANSWERED_BY}: changed passages are of {', '.join(sorted(touched)) or 'no page'}")
    checks = {
        "the first crawl read every page that is there": first.job.state == "done"
        and not unread(desk.workspace, source),
        "the second crawl embedded nothing": second.job.embedded == 0 and same,
        "the changed page changed its own passages only": touched == {ANSWERED_BY},
        "the page that holds the answer is among the first five passages": ANSWERED_BY in pages,
    }
    for name, held in checks.items():
        print(f"{'yes' if held else 'NO ':<4}{name}")
    return all(checks.values())


def table(first: Measured, second: Measured, third: Measured, known: Mapping[UUID, str], rest: float) -> None:
    print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    print(f"{'':<34}{'first crawl':>14}{'second':>12}{'one changed':>14}")
    every = (first, second, third)
    lines: list[tuple[str, Sequence[str]]] = [
        ("pages looked at", [str(each.job.looked_at) for each in every]),
        ("  indexed / unchanged", [f"{each.job.indexed} / {each.job.unchanged}" for each in every]),
        ("  left out / failed", [f"{each.job.skipped} / {each.job.failed}" for each in every]),
        ("passages added / removed", [f"{each.job.passages_added} / {each.job.passages_removed}" for each in every]),
        ("texts embedded", [str(each.job.embedded) for each in every]),
        ("seconds", [f"{each.seconds:.1f}" for each in every]),
        ("pages per second", [f"{each.job.looked_at / each.seconds:.1f}" for each in every]),
        ("passages per second", [f"{each.job.passages_added / each.seconds:.1f}" for each in every]),
        ("memory of the crawler, MB", [f"{each.memory:.0f}" for each in every]),
    ]
    for name in sorted(first.processor, key=lambda each: -first.processor[each])[:4]:
        lines.append((f"processor of {name}, s", [f"{each.processor[name]:.1f}" for each in every]))
    for name, (one, two, three) in lines:
        print(f"{name:<34}{one:>14}{two:>12}{three:>14}")
    print(f"\n{len(known)} passages; memory of the crawler at rest {rest:.0f} MB")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="frontdesk bench crawl", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--pages", type=int, default=200, help="most pages of a crawl; 20000 = the whole site of about 500"
    )
    parser.add_argument("--start", default="/contents.html", help="the page with which it begins")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two requests; a real site gets 0.2")
    parser.add_argument("--most-seconds", type=float, default=1800, help="a crawl that takes longer is given up")
    options = parser.parse_args(argv)
    if not FOLDER.is_dir():
        print(f"There is no {FOLDER}. Install it: apt-get install --no-install-recommends {PACKAGE}", file=sys.stderr)
        return 2
    with DocsSite() as site, Stack() as stack:
        return 0 if measure(stack, site, options) else 1


if __name__ == "__main__":
    sys.exit(main())
