"""The Postgres that comes along, for everybody who did not set DATABASE_URL.

    folder/            the only folder this module writes to
        data/          the cluster; belongs to the account the server runs as
        run/           its Unix socket
        password       of the superuser, readable by us alone
        port           on 127.0.0.1, chosen once
        postgres.log   what the server said
        lock           held while a process initialises, starts or stops the cluster

Every connection, also from this machine, needs the password (scram-sha-256).
"""

import fcntl
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from urllib.parse import quote

import psutil

from db.child import die_with_parent
from db.embedded_program import (
    Account,
    PostgresUnavailable,
    check_reachable,
    clean_environment,
    find_programs,
    server_account,
)
from db.embedded_tuning import FOR_TESTS, TUNED

__all__ = ["EmbeddedPostgres", "PostgresUnavailable", "die_with_parent"]

log = logging.getLogger(__name__)

SUPERUSER = "postgres"
MINIMUM_FREE_BYTES = 200 * 1024 * 1024  # a new cluster takes 40 MB, its write-ahead log 64 MB more
PORTS = range(20000, 30000)  # below the ports Linux lends to outgoing connections, so the remembered one stays free


class EmbeddedPostgres:
    """One cluster in one folder. `start()` is safe when several processes call it at once: one starts, the others attach."""

    def __init__(self, folder: Path, *, for_tests: bool = False) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log_file = self.folder / "postgres.log"
        self._settings = TUNED | (FOR_TESTS if for_tests else {})
        self._for_tests = for_tests
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        """The address of a database of this cluster, as its superuser, over 127.0.0.1."""
        password = quote(self._read("password"), safe="")
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def port(self) -> int:
        """The TCP port this cluster keeps."""
        return int(self._read("port"))

    @property
    def pid(self) -> int | None:
        """The running server's process id; None when nothing runs, whatever a kill left in postmaster.pid."""
        lines = self._pid_lines()
        if not lines or not _is_server(int(lines[0]), self.data):
            return None
        return int(lines[0])

    def is_ready(self) -> bool:
        """Whether the server runs and takes connections."""
        lines = self._pid_lines()
        return self.pid is not None and len(lines) >= 8 and lines[7].strip() == "ready"

    def program(self, name: str) -> Path:
        """The path of a program of the same Postgres, for example `pg_dump`."""
        return find_programs(self.folder, server_account()) / name

    def prepare(self) -> None:
        """Make the folder, the password, the port and the cluster where they are missing; start nothing."""
        account = self._make_folder()
        with self._locked():
            self._initialise(find_programs(self.folder, account), account)

    def start(self, *, timeout_seconds: float = 30) -> bool:
        """Initialise if needed, start, and return once connections are taken. False: it was running already.

        The server stops by itself when the calling thread ends, however it ends (Linux): call this from the main thread.
        Raises PostgresUnavailable.
        """
        account = self._make_folder()
        with self._locked():
            if self.pid is not None:
                self._wait_until_ready(time.monotonic() + timeout_seconds)
                return False
            programs = find_programs(self.folder, account)
            self._initialise(programs, account)
            self._launch(programs, account, time.monotonic() + timeout_seconds)
        return True

    def stop(self, *, timeout_seconds: float = 8) -> None:
        """Close every connection and stop; a server that does not comply in time recovers at its next start."""
        pid = self.pid
        if pid is None:
            return
        for order, patience in ((signal.SIGINT, timeout_seconds), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 2.0)):
            os.kill(pid, order)
            if _wait(self.has_ended, patience):
                return
        raise PostgresUnavailable(
            f"The Postgres process {pid} does not end. Restart the machine, then start Frontdesk again."
        )

    def has_ended(self) -> bool:
        """Whether no server runs; collects our own child so that it leaves no zombie."""
        if self._process is not None:
            self._process.poll()
        return self.pid is None

    @contextmanager
    def running(self) -> Iterator["EmbeddedPostgres"]:
        """The cluster running for a while; stopped at the end only if this call started it."""
        started = self.start()
        try:
            yield self
        finally:
            if started:
                self.stop()

    def _make_folder(self) -> Account:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                self.folder.chmod(0o711)  # its user passes through to data/ and run/, and sees no more
            (self.folder / "lock").touch(mode=0o600)
        except OSError as error:
            raise PostgresUnavailable(
                f"The folder {self.folder} cannot be written ({error.strerror}). "
                "Set FRONTDESK_HOME to a folder that this user may write, or correct its owner."
            ) from error
        account = server_account()
        check_reachable(self.folder, account)
        return account

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _initialise(self, programs: Path, account: Account) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        free = shutil.disk_usage(self.folder).free
        if free < MINIMUM_FREE_BYTES:
            raise _disk_full(self.folder)
        log.info("Making a new database cluster.", extra={"action": "postgres.initialise"})
        unfinished = self.folder / "data.new"  # renamed at the end, so a crash half-way leaves no broken cluster
        for path in (unfinished, self.data):
            shutil.rmtree(path, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        account.own(unfinished)
        self._write("password", secrets.token_urlsafe(24))
        self._write("port", str(_choose_port()))
        self._run_initdb(programs, account, unfinished)
        unfinished.rename(self.data)

    def _run_initdb(self, programs: Path, account: Account, target: Path) -> None:
        password = self.folder / "password.new"  # a copy the account may read for this moment
        password.touch(mode=0o600)
        password.write_text(self._read("password"))
        account.own(password)
        command = [str(programs / "initdb"), "-D", str(target), "-U", SUPERUSER, f"--pwfile={password}"]
        command += ["--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--encoding=UTF8"]
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        command += ["--no-sync"] if self._for_tests else []
        try:
            done = account.run(command)
        finally:
            password.unlink()
        if done.returncode != 0:
            raise self._explain(done.stderr)

    def _launch(self, programs: Path, account: Account, deadline: float) -> None:
        socket_folder = self.folder / "run"
        socket_folder.mkdir(mode=0o700, exist_ok=True)
        account.own(socket_folder)
        self._check_port()
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # stale: `start` saw that nothing runs
        options = self._settings | {"listen_addresses": "127.0.0.1", "port": str(self.port)}
        too_long = len(str(socket_folder)) > 85  # a socket's path ends at 107 bytes
        options["unix_socket_directories"] = "" if too_long else str(socket_folder)
        command = [str(programs / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        while True:
            seen = self._spawn(command, account)
            if self._wait_until_ready(deadline):
                return
            said = self._said_since(seen)
            # After a kill -9 the old server's backends need a moment to notice.
            if "shared memory block" not in said or time.monotonic() > deadline:
                raise self._explain(said)
            time.sleep(0.2)

    def _spawn(self, command: list[str], account: Account) -> int:
        """Start the server; returns how long its log was before."""
        with self.log_file.open("ab") as output:
            output.seek(0, os.SEEK_END)
            seen = output.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=clean_environment(),
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509 - one system call, no lock, no allocation
                user=account.uid,
                group=account.gid,
                extra_groups=None if account.uid is None else [],
            )
        return seen

    def _wait_until_ready(self, deadline: float) -> bool:
        """True once connections are taken, False when our own server process ended first."""
        while not self.is_ready():
            if self._process is not None and self._process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise PostgresUnavailable(
                    f"Postgres did not become ready in time. Read {self.log_file}, then start again."
                )
            time.sleep(0.01)
        return True

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise PostgresUnavailable(
                    f"Port {self.port} on 127.0.0.1, where Frontdesk's database listens, is in use by another program. "
                    f"Stop that program, or write a free port number into {self.folder / 'port'}."
                ) from error

    def _explain(self, output: str) -> PostgresUnavailable:
        if "No space left on device" in output:
            return _disk_full(self.folder)
        lines = [line for line in output.splitlines() if "FATAL" in line or "error:" in line] or output.splitlines()[
            -1:
        ]
        return PostgresUnavailable(
            f"Postgres did not start: {' '.join(lines)[-300:]} The whole story is in {self.log_file}; "
            "`frontdesk doctor` checks the usual reasons."
        )

    def _said_since(self, seen: int) -> str:
        with self.log_file.open("rb") as said:
            said.seek(seen)
            return said.read().decode(errors="replace")

    def _pid_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _read(self, name: str) -> str:
        return (self.folder / name).read_text().strip()

    def _write(self, name: str, value: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(value)


def _is_server(pid: int, data: Path) -> bool:
    """Whether the process is a Postgres server of this data folder, and not a later process that got its number."""
    try:
        return str(data) in psutil.Process(pid).cmdline()  # empty for a zombie
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _choose_port() -> int:
    for port in SystemRandom().sample(PORTS, 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise PostgresUnavailable(
        "No free port was found between 20000 and 29999. Set DATABASE_URL to a Postgres of yours."
    )


def _disk_full(folder: Path) -> PostgresUnavailable:
    return PostgresUnavailable(
        f"The disk of {folder} has no room for the database. Free at least 200 MB, or set FRONTDESK_HOME to a folder on another disk."
    )


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
