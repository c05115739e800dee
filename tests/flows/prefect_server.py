"""A real Prefect server on the test cluster, for tests of what is shown there."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from db.embedded import EmbeddedPostgres, die_with_parent
from deployments.environment import EVERYBODY, prefect_server
from tests.ports import free_port, until


class PrefectServer:
    """Starts, dies and starts again on the same port and database."""

    def __init__(self, cluster: EmbeddedPostgres, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE prefect_{self.port}")
        self._environment = prefect_server(
            {**EVERYBODY, **os.environ, "PREFECT_HOME": str(folder)}, cluster.url(f"prefect_{self.port}")
        )

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def start(self) -> None:
        self.launch()
        until(self.answers, 90, f"the Prefect server answers; see {self._folder / 'prefect.log'}")

    def launch(self) -> None:
        """Start it without waiting. It ends with the calling thread, so call it from one that lasts."""
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        with (self._folder / "prefect.log").open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one system call, no lock
            )

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.api_url}/health", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer of its REST interface: POST with a body, GET without."""
        url = f"{self.api_url}{path}"
        answer = httpx.get(url, trust_env=False) if body is None else httpx.post(url, json=body, trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def flow_runs(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("/flow_runs/filter", {"flow_runs": {"name": {"any_": [name]}}})
        return found

    def task_runs(self, flow_run_id: str) -> list[dict[str, Any]]:
        """Its task runs, oldest first."""
        chosen = {"flow_runs": {"id": {"any_": [flow_run_id]}}}
        found: list[dict[str, Any]] = self.ask("/task_runs/filter", chosen)
        return sorted(found, key=lambda task_run: str(task_run["start_time"]))


@contextmanager
def running(cluster: EmbeddedPostgres, folder: Path) -> Iterator[PrefectServer]:
    server = PrefectServer(cluster, folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()
