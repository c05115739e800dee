"""The heartbeat of a job: keeps its lease, tells the pages how far it is, and notices that it should stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from db import training_jobs
from db.engine import DatabaseUnreachable, system, transaction
from db.training_jobs import Job

log = logging.getLogger(__name__)

BEAT_SECONDS = 1.0


class JobStopped(Exception):
    """The job does not go on here."""


class JobCancelled(JobStopped):
    """A person cancelled it."""


class JobLost(JobStopped):
    """Its source was deleted, or another process has it now: nothing more may be written for it."""


class JobGivenBack(JobStopped):
    """This process ends; another one goes on with the job."""


class Pulse:
    """Beats in a thread of its own as long as the `with` block lasts."""

    def __init__(self, job: Job, owner: str, lease_seconds: float) -> None:
        self.job, self.owner = job, owner
        self._lease = lease_seconds
        self._stop = threading.Event()
        self._why: JobStopped | None = None
        self._told: tuple[int, ...] = ()
        self._thread = threading.Thread(target=self._beat, name="frontdesk-pulse", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raises JobStopped where the job should not go on here."""
        if self._why is not None:
            raise self._why

    def wait(self, seconds: float) -> None:
        """Sleep; raises JobStopped as soon as the job should stop."""
        self._stop.wait(seconds)
        self.check()

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction in which the work is stored. Raises JobLost where the job is not ours any more."""
        with transaction(self.job.workspace_id) as tx:
            if not training_jobs.may_write(tx, self.job, self.owner):
                raise JobLost("The source was deleted, or another process goes on with it.")
            yield tx

    def stop(self, why: JobStopped) -> None:
        """Let the work end at its next check."""
        if self._why is None:
            self._why = why
        self._stop.set()

    def _beat(self) -> None:
        while not self._stop.wait(min(BEAT_SECONDS, self._lease / 4)):
            try:
                self._once()
            except (DBAPIError, DatabaseUnreachable) as error:
                # The lease may end meanwhile; `hold` finds out as soon as Postgres is back.
                log.warning("Waiting for Postgres", extra={"action": "training.database", "error": str(error)[:300]})

    def _once(self) -> None:
        with system() as tx:
            job = training_jobs.hold(tx, self.job.id, self.owner, self._lease)
            if job is not None and (figures := _figures(job)) != self._told:
                training_jobs.tell(tx, job.workspace_id, job.source_id, "working", found=job.found, done=job.looked_at)
                self._told = figures
        if job is None:
            self.stop(JobLost("The job is not held here any more."))
        elif job.cancel_requested:
            self.stop(JobCancelled("Cancelled."))


def _figures(job: Job) -> tuple[int, ...]:
    return job.found, job.looked_at, job.failed, job.embedded
