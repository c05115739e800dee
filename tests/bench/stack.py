"""The whole product as `frontdesk up` runs it, in a folder of its own, with loopback twins for the model and for Twilio."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from db import engine, workspaces
from db.embedded import EmbeddedPostgres, die_with_parent
from db.engine import system
from deployments import state
from deployments.database import DATABASE
from deployments.environment import CODE
from tests.bench.desk import Desk
from tests.bench.stage import Stage, use, without_limits
from tests.bench.twin_process import Twin
from tests.fakes.twilio_twin import ACCOUNT_SID, AUTH_TOKEN, OUR_NUMBER
from tests.ports import free_port

READY_SECONDS = 180


class StackFailed(Exception):
    """The product did not come up; the text has its last lines."""


class Stack(Stage):
    """`with Stack() as stack:` everything answers. `environment` wins over what is set here."""

    def __init__(self, environment: Mapping[str, str] | None = None, *, with_demo: bool = False) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="frontdesk-stack-"))
        self.home.chmod(0o711)  # when root runs this, the database's own user passes through here
        super().__init__()
        self.prefect_port = free_port()
        self.twilio = Twin("tests.fakes.twilio_twin")
        self.model = Twin("tests.fakes.openai_twin")
        self.environment = self._environment() | dict(environment or {})
        self._with_demo = with_demo
        self._process: subprocess.Popen[str] | None = None
        self.said: deque[str] = deque(maxlen=400)
        self._ready = threading.Event()

    def _environment(self) -> dict[str, str]:
        return without_limits(
            FRONTDESK_HOME=str(self.home / "home"),
            FRONTDESK_WEBHOOK_PORT=str(self.webhook_port),
            FRONTDESK_UI_PORT=str(free_port()),
            FRONTDESK_PREFECT_PORT=str(self.prefect_port),
            OPENAI_BASE_URL=self.model.base_url,
            OPENAI_API_KEY="sk-twin",
            OPENAI_MODEL="twin-chat",
            TWILIO_BASE_URL=self.twilio.base_url,
            TWILIO_ACCOUNT_SID=ACCOUNT_SID,
            TWILIO_AUTH_TOKEN=AUTH_TOKEN,
            TWILIO_FROM=OUR_NUMBER,
        )

    @property
    def database_url(self) -> str:
        return EmbeddedPostgres(self.home / "home" / "postgres").url(DATABASE)

    def _start(self) -> None:
        command = [sys.executable, "-m", "deployments.cli", "up"] + ([] if self._with_demo else ["--without-demo"])
        self._process = subprocess.Popen(
            command,
            cwd=CODE,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509
        )
        threading.Thread(target=self._read, args=[self._process.stdout], daemon=True).start()
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready.wait(0.1):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise StackFailed("The product did not start:\n" + "\n".join(self.said))
        use(self.environment, self.database_url)

    def kill(self) -> None:
        """kill -9 for every process of the product, the database too; the twins live on."""
        every = [process for group in self.processes().values() for process in group]
        engine.dispose()
        for process in every:  # the supervisor first, so that it starts nothing again
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(every, 10)
        assert self._process is not None
        self._process.wait(10)

    def start_again(self) -> None:
        """As somebody would after the machine went down."""
        self._ready.clear()
        self._start()

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self.said.append(line.rstrip())
            if "Frontdesk is ready" in line:
                self._ready.set()

    def _stop(self) -> None:
        engine.dispose()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(25)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self.twilio.stop()
        self.model.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def demo_desk(self) -> Desk:
        """The demo workspace, whose automation answers from its documents."""
        with system() as tx:
            oldest = workspaces.all_workspaces(tx)[0]
        return Desk(oldest.id, f"{self.public_url}/webhook/twilio")

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Every process of the product by its name in the process table, each with its children."""
        found = state.read(self.home / "home")
        assert found is not None
        lines = [("supervisor", found.pid)] + [(line.name, line.pid) for line in found.processes if line.pid]
        known = {}
        for name, pid in lines:
            process = psutil.Process(pid)
            known[name] = [process] if name == "supervisor" else [process, *process.children(recursive=True)]
        return known
