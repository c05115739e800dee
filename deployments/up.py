"""`frontdesk up`: check, then run the whole table until told to stop."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from db.settings import Settings
from deployments import ask, processes, state
from deployments.console import Console
from deployments.database import (
    DATABASE,
    PREFECT_DATABASE,
    SupervisedPostgres,
    check_external,
    embedded,
    external_prefect_url,
)
from deployments.environment import CODE
from deployments.program import Runnable, Spec
from deployments.state import CannotStart
from deployments.supervisor import Supervisor


def up(settings: Settings, *, with_demo: bool) -> int:
    """Run everything; returns the exit code. Raises CannotStart before anything was started."""
    prepare_home(settings.home)
    with state.held(settings.home):
        state.end_leftovers(settings.home)
        check_ports(settings)
        specs, own = build(settings, with_demo=with_demo)
        show = Console([spec.name for spec in specs], quiet={"prefect"})
        print(f"Starting {len(specs)} processes; their logs are in {settings.home / 'logs'} ...", flush=True)
        supervisor = Supervisor(specs, settings.home, show, addresses=addresses(settings), own=own)
        code = supervisor.run(lambda: announce(settings, specs[-1].environment))
    print(
        "Everything has stopped." if code == 0 else "Stopped, because a step did not succeed; its last lines are above."
    )
    return code


def build(settings: Settings, *, with_demo: bool) -> tuple[list[Spec], dict[str, Runnable]]:
    """The process table and the runnables that are more than a command."""
    postgres = embedded(settings)
    if postgres is None:
        url = str(settings.database_url)
        found = check_external(url)
        hosted_elsewhere = "PREFECT_API_URL" in os.environ or "PREFECT_API_DATABASE_CONNECTION_URL" in os.environ
        prefect_url = "" if hosted_elsewhere else external_prefect_url(url, found)
        return processes.table(settings, url, prefect_url, with_demo=with_demo), {}
    postgres.prepare()  # so that the address is known before the server runs
    specs = processes.table(settings, postgres.url(DATABASE), postgres.url(PREFECT_DATABASE), with_demo=with_demo)
    return specs, {"postgres": SupervisedPostgres(postgres)}


def prepare_home(home: Path) -> None:
    """Make the data folder, or raise CannotStart where that is not possible."""
    try:
        for folder in (home, home / "logs", home / "run"):
            folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            home.chmod(home.stat().st_mode | 0o001)  # Postgres' own user passes through to its folder
        for folder in (home / "logs", home / "run"):
            folder.chmod(0o700)
        probe = home / "run" / "writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotStart(
            f"The data folder {home} cannot be written ({error.strerror}). "
            "Set FRONTDESK_HOME to a folder that this user may write, or correct its owner."
        ) from error


def check_ports(settings: Settings) -> None:
    """Raise CannotStart naming the first port that somebody else uses, and the variable that chooses another."""
    for name, (variable, host, port) in processes.ports(settings).items():
        if reason := ask.why_port_is_closed(host, port):
            raise CannotStart(
                f"The {name} process cannot listen on {host} port {port}: {reason[:1].lower()}{reason[1:]}. "
                f"Stop the program that uses it, or choose another port: {variable}={port + 100}"
            )


def addresses(settings: Settings) -> dict[str, str]:
    """Where a person finds what, by its name in the announcement."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    found = {
        "Pages": f"http://{host}:{settings.ui_port}",
        "Web chat": f"http://{host}:{settings.webhook_port}/chat",
        "Webhooks and API": settings.public_url,
        "Prefect": settings.prefect_api_url.removesuffix("/api"),
    }
    return found


def announce(settings: Settings, environment: Mapping[str, str]) -> None:
    """Print the addresses and a one-time sign-in link."""
    print("\nFrontdesk is ready.\n")
    for name, address in addresses(settings).items():
        print(f"  {name:<18}{address}")
    command = [sys.executable, "-m", "deployments.cli", "sign-in-link"]
    link = subprocess.run(command, env=dict(environment), cwd=CODE, capture_output=True, text=True, check=False)
    said = link.stdout if link.returncode == 0 else link.stderr
    for line in said.strip().splitlines():
        print(f"  {line}")
    print("\nCtrl-C stops everything. `frontdesk status` shows the processes.\n", flush=True)
