"""The processes of the product, with somebody who kills them and starts them again at once, which the supervisor never would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

from db import engine
from db.embedded import EmbeddedPostgres, die_with_parent
from db.migrate import migrate
from db.probe import make_database
from deployments.database import DATABASE
from deployments.environment import CODE
from tests.bench.stage import Stage, use, without_limits
from tests.bench.twin_process import Twin
from tests.flows.prefect_server import PrefectServer
from tests.ports import until

WORKERS = 2
LEASE_SECONDS = 6  # many times what a healthy step takes here, and short enough to wait for


class Zygote:
    """Starts processes of one kind by forking; see tests/crash/zygote.py."""

    def __init__(self, kind: str, environment: Mapping[str, str], log: Path) -> None:
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote", kind],
            cwd=CODE,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one system call, no lock
        )
        assert self._process.stdout is not None and self._process.stdin is not None
        self._answers, self._orders = self._process.stdout, self._process.stdin
        assert self._answers.readline() == "ready\n", f"see {log}"

    def start(self, **variables: str) -> int:
        """The new process's id."""
        self._orders.write(json.dumps(variables) + "\n")
        self._orders.flush()
        return int(self._answers.readline())

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)
        for stream in (self._answers, self._orders, self._log):
            stream.close()


class Crew(Stage):
    """Postgres, Prefect server, webhook server and workers, each of which may be killed at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="frontdesk-crash-"))
        self.folder.chmod(0o711)  # when root runs this, the database's own user passes through here
        self.twilio = Twin("tests.fakes.twilio_twin", "--delay", "0.03")  # so that a kill meets a call under way
        self.model = Twin("tests.fakes.openai_twin", "--delay", "0.03")
        self.postgres = EmbeddedPostgres(self.folder / "postgres")
        self.workers: list[int] = []
        self.webhook = 0
        self._zygotes: dict[str, Zygote] = {}
        self.prefect: PrefectServer | None = None

    def _start(self) -> None:
        self.postgres.start()
        make_database(self.postgres.url(), DATABASE)
        migrate(self.postgres.url(DATABASE))
        self.prefect = PrefectServer(self.postgres, self.folder)
        environment = self._environment()
        use(environment, self.postgres.url(DATABASE))
        for kind in ("worker", "webhook"):
            self._zygotes[kind] = Zygote(kind, environment, self.folder / f"{kind}.log")
        self.prefect.start()
        self.webhook = self._zygotes["webhook"].start()
        self.workers = [self._zygotes["worker"].start() for _ in range(WORKERS)]

    def _environment(self) -> dict[str, str]:
        assert self.prefect is not None
        return without_limits(
            DATABASE_URL=self.postgres.url(DATABASE),
            PREFECT_API_URL=self.prefect.api_url,
            FRONTDESK_HOME=str(self.folder),
            FRONTDESK_WEBHOOK_PORT=str(self.webhook_port),
            FRONTDESK_LEASE_SECONDS=str(LEASE_SECONDS),
            FRONTDESK_RECONCILE_AFTER_SECONDS=str(LEASE_SECONDS),
        )

    def kill_worker(self, place: int) -> None:
        _kill(self.workers[place])

    def start_worker(self, place: int, crash_at: str = "") -> None:
        """`crash_at` = where it will kill itself, for example commit:3."""
        self.workers[place] = self._zygotes["worker"].start(FRONTDESK_CRASH_AT=crash_at)

    def worker_has_ended(self, place: int) -> bool:
        return not psutil.pid_exists(self.workers[place])

    def replace_webhook(self) -> None:
        _kill(self.webhook)
        self.webhook = self._zygotes["webhook"].start()

    def replace_postgres(self) -> None:
        """Kill the server, which takes all its connections with it."""
        if pid := self.postgres.pid:
            os.kill(pid, signal.SIGKILL)
            until(self.postgres.has_ended)
        self.postgres.start()

    def replace_prefect(self) -> bool:
        """Kill it, and start it again without waiting; False while it is still starting."""
        assert self.prefect is not None
        if not self.prefect.answers():
            return False
        self.prefect.kill()
        self.prefect.launch()
        return True

    def _stop(self) -> None:
        engine.dispose()
        for pid in [*self.workers, self.webhook]:
            _kill(pid)
        for zygote in self._zygotes.values():
            zygote.stop()
        if self.prefect is not None:
            self.prefect.kill()
        self.postgres.stop()
        self.twilio.stop()
        self.model.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _kill(pid: int) -> None:
    """kill -9, and wait until it is gone."""
    if pid == 0:
        return
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    until(lambda: not psutil.pid_exists(pid))
