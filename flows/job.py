"""One job from claim to end: reading in one thread, indexing in another, so that the site and the model work at the same time."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from db import crawl_list, passages, sources, training_jobs
from db.engine import DatabaseUnreachable, system, transaction
from db.settings import get_settings
from db.sources import SourceSetup
from db.training_jobs import MOST_ATTEMPTS, Claimed, Job
from flows.borders import CrawlRefused
from flows.crawl import Crawl
from flows.ingest import EmbeddingRefused, Indexing
from flows.pulse import JobCancelled, JobGivenBack, JobLost, JobStopped, Pulse
from flows.uploads import Uploads
from nodes.clients.network import Resolver, anywhere, is_public, resolve
from nodes.clients.web import Web
from nodes.contract import Embedder
from nodes.extract_process import Extractor

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.2  # between two requests to one host, where the owner says nothing
LOOK_AGAIN_SECONDS = 0.1

Embedders = Callable[[UUID], Embedder | Sequence[Embedder]]


class Reader(Protocol):
    """Gives documents their text."""

    def run(self) -> None: ...


@dataclass(frozen=True)
class Tools:
    """What a job works with; tests bring their own. `embedder`: one, or the chosen one and then the one that serves meanwhile."""

    embedder: Embedders
    resolver: Resolver = resolve
    lease_seconds: float = 30.0
    niceness: int = 0  # of 19; more leaves the processor to others, such as replies to customers


def do(
    claimed: Claimed, owner: str, tools: Tools, on_pulse: Callable[[Pulse], object] = lambda pulse: None
) -> tuple[str, str]:
    """Do a job that this process holds; returns its state and the sentence about it. Raises only where Postgres is away.

    `on_pulse` gets the pulse, by which another thread may stop the job.
    """
    job = claimed.job
    with transaction(job.workspace_id) as tx:
        source = sources.get(tx, job.source_id)
        passages.set_status(tx, job.source_id, "working")
    if source is None:
        return "lost", "The source was deleted."
    log.info("Training began", extra={"action": "training.began", "job": str(job.id), "source": str(source.id)})
    with Pulse(job, owner, tools.lease_seconds) as pulse:
        on_pulse(pulse)
        _give_way(tools.niceness)  # after the pulse, which must not wait behind the others
        while True:
            state, outcome = _outcome(pulse, source, tools)
            if state in ("lost", "given back"):
                return state, outcome
            if (sentence := _finish(job, owner, state, outcome)) is not None:
                return state, sentence


def _give_way(niceness: int) -> None:
    """Lower the priority of this thread and of those that it starts."""
    if niceness and hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


Ended = Literal["done", "failed", "cancelled", "lost", "given back"]


def _outcome(pulse: Pulse, source: SourceSetup, tools: Tools) -> tuple[Ended, str]:
    job = pulse.job
    try:
        if job.attempts > MOST_ATTEMPTS:
            return (
                "failed",
                f"It was taken up {MOST_ATTEMPTS} times and the process died each time. The log has the details.",
            )
        return "done", _work(pulse, source, tools)
    except JobCancelled:
        return "cancelled", "Cancelled; what was read before stays."
    except JobGivenBack as stopped:
        with system() as tx:
            training_jobs.release(tx, job.id, pulse.owner)
        return "given back", str(stopped)
    except JobLost as stopped:
        return "lost", str(stopped)
    except (CrawlRefused, EmbeddingRefused) as error:
        return "failed", str(error)
    except (DBAPIError, DatabaseUnreachable):
        raise  # the lease ends by itself, and the job is taken up again
    except Exception as error:
        log.error("Training broke", exc_info=error, extra={"action": "training.broken", "job": str(job.id)})
        return "failed", f"Something unexpected happened ({type(error).__name__}). The log has the details; try again."


def _work(pulse: Pulse, source: SourceSetup, tools: Tools) -> str:
    """Read and index until nothing is left; returns what a person should know besides. Raises what ends the job early."""
    config, settings = source.config, get_settings()
    embedder = tools.embedder(source.workspace_id)
    indexing = Indexing(pulse, source.type, embedder if isinstance(embedder, Sequence) else [embedder])
    web = Web(
        contact=settings.public_url,
        may_connect=anywhere if settings.allow_private_addresses else is_public,
        pause_seconds=float(config.get("pause_seconds", PAUSE_SECONDS)),
        resolver=tools.resolver,
        sleep=pulse.wait,
    )
    with web, Extractor() as extractor:
        if source.type in ("website", "urls"):
            crawl = Crawl(pulse, source, web, extractor)
            _both(crawl, indexing, pulse)
            return crawl.finish()
        _both(Uploads(pulse, source, extractor), indexing, pulse)
    return ""


def _both(reader: Reader, indexing: Indexing, pulse: Pulse) -> None:
    """Index what is read while the rest is being read."""
    quiet = threading.Event()
    with ThreadPoolExecutor(1, thread_name_prefix="frontdesk-read") as pool:
        reading = pool.submit(reader.run)
        reading.add_done_callback(lambda _: quiet.set())
        try:
            while True:
                was_done = reading.done()  # asked first: what is read after this look is seen in the next
                if indexing.some() == 0:
                    if was_done:
                        break
                    quiet.wait(LOOK_AGAIN_SECONDS)
        except BaseException:
            pulse.stop(JobStopped("The other half of the job failed."))
            raise
    reading.result()


def _finish(job: Job, owner: str, state: Ended, outcome: str) -> str | None:
    """Close the job with a sentence; None = documents were added in the last moment, and it goes on."""
    assert state in ("done", "failed", "cancelled")
    with transaction(job.workspace_id) as tx:
        now = training_jobs.lock(tx, job.id)
        if now is None:
            return "The source was deleted."
        if state == "done" and crawl_list.has_work(tx, job.id):
            return None
        sentence = f"{summary(now)} {outcome}".strip() if state == "done" else outcome
        if training_jobs.finish(tx, now, owner, state, sentence):
            line = sources.line(tx, job.source_id)
            nothing = line is not None and line.passages == 0 and now.failed > 0
            shown = {"done": "failed" if nothing else "ready"}.get(state, state)
            passages.set_status(tx, job.source_id, shown, sentence)
    log.info(
        "Training ended",
        extra={"action": f"training.{state}", "job": str(job.id), "source": str(job.source_id), "indexed": now.indexed},
    )
    return sentence


def summary(job: Job) -> str:
    """What a job did, as one sentence."""
    counts = [
        (job.indexed, "new or changed"),
        (job.unchanged, "unchanged"),
        (job.waiting, "waiting for approval"),
        (job.skipped, "left out"),
        (job.removed, "gone"),
        (job.failed, "failed"),
    ]
    told = ", ".join(f"{number} {word}" for number, word in counts if number) or "nothing to do"
    return f"Looked at {job.looked_at}: {told}. Passages: {job.passages_added} added, {job.passages_removed} removed."
