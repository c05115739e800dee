"""The process table: everything that `frontdesk up` runs, in the order in which it starts."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from db.probe import answers
from db.settings import Settings
from deployments import ask, environment
from deployments.program import Spec

ALIVE_SECONDS = 20.0  # without a sign of life for so long a worker counts as stuck
BEHIND_WEBHOOKS = 10  # niceness: who waits for a webhook's answer comes first, on the same processor
LAST = 12  # watching, and work that nobody waits for
UPKEEP = "upkeep/upkeep"  # the deployment by which the schedules are recognised as running


def table(settings: Settings, database_url: str, prefect_database_url: str, *, with_demo: bool = True) -> list[Spec]:
    """Every process for these settings. The embedded Postgres is the first line; with DATABASE_URL it is absent."""
    common = environment.common(settings, database_url)
    specs = [
        *([] if settings.database_url else [postgres(database_url)]),
        _step("migrate", common, after=() if settings.database_url else ("postgres",)),
        webhook(settings, common),
        pages(settings, common),
        *[worker(f"worker-{number + 1}", settings, common) for number in range(settings.workers)],
        _step("demo", common, "--empty" * (not with_demo), after=("migrate",)),
    ]
    if not os.environ.get("PREFECT_API_URL"):  # else somebody else runs the Prefect server
        specs.append(prefect(settings, environment.prefect_server(common, prefect_database_url)))
    specs.append(schedules(settings, common))
    return specs


def postgres(database_url: str) -> Spec:
    """The line of the embedded server; its command is not used, `SupervisedPostgres` starts it."""
    return Spec("postgres", (), {}, ready=lambda: answers(database_url), stage=0)


def webhook(settings: Settings, common: Mapping[str, str]) -> Spec:
    """The webhook server: providers, web chat, REST, live stream."""
    command = _python(
        "-m", "uvicorn", "webhook_server.app:app", "--host", settings.host, "--port", settings.webhook_port
    )
    # uvicorn's own handling of proxy headers would come before ours, which knows the trusted addresses.
    command += ("--no-proxy-headers", "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "3")
    url = f"http://{_reachable(settings.host)}:{settings.webhook_port}/ready"
    return Spec("webhook", command, common, ready=lambda: ask.http_ok(url), after=("migrate",))


def pages(settings: Settings, common: Mapping[str, str]) -> Spec:
    """The pages, with their sign-in and live stream."""
    url = f"http://{_reachable(settings.host)}:{settings.ui_port}/health"
    return Spec("pages", _python("-m", "ui.app"), common, ready=lambda: ask.http_ok(url), after=("migrate",))


def worker(name: str, settings: Settings, common: Mapping[str, str]) -> Spec:
    """One process that runs automations and delivers. It touches a file every second for as long as it works."""
    alive = settings.home / "run" / f"{name}.alive"
    alive.parent.mkdir(parents=True, exist_ok=True)
    alive.unlink(missing_ok=True)  # of an earlier start
    here = {
        **common,
        "PGAPPNAME": f"frontdesk {name}",
        "FRONTDESK_PROCESS": name,
        "FRONTDESK_ALIVE_FILE": str(alive),
    }
    command = _python("-m", "flows.worker")
    return Spec(name, command, here, ready=lambda: _is_young(alive), after=("migrate",), niceness=BEHIND_WEBHOOKS)


def _is_young(file: Path) -> bool:
    try:
        return time.time() - file.stat().st_mtime < ALIVE_SECONDS
    except FileNotFoundError:
        return False


def prefect(settings: Settings, environment: Mapping[str, str]) -> Spec:
    """The Prefect server. It has no sign-in, so it listens on this machine alone, whatever FRONTDESK_HOST says."""
    command = _python("-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", settings.prefect_port)
    url = f"http://127.0.0.1:{settings.prefect_port}/api/health"
    return Spec(
        "prefect", command, environment, ready=lambda: ask.http_ok(url), after=("migrate",), stage=1, niceness=LAST
    )


def schedules(settings: Settings, common: Mapping[str, str]) -> Spec:
    """Serves the deployments of prefect.yaml; waits for the Prefect server by itself."""
    url = settings.prefect_api_url
    command = _python("-m", "deployments.schedules")
    # Prefect's runner writes to a fixed folder of the temporary one, which may belong to another user of the machine.
    here = {**common, "TMPDIR": str(settings.home / "run")}
    return Spec(
        "schedules",
        command,
        here,
        ready=lambda: ask.deployment_is_polled(url, UPKEEP),
        after=("migrate",),
        niceness=LAST,
    )


def ports(settings: Settings) -> dict[str, tuple[str, str, int]]:
    """The ports we listen on: process -> (variable that changes it, host, port)."""
    found = {
        "pages": ("FRONTDESK_UI_PORT", settings.host, settings.ui_port),
        "webhook": ("FRONTDESK_WEBHOOK_PORT", settings.host, settings.webhook_port),
    }
    if not os.environ.get("PREFECT_API_URL"):
        found["prefect"] = ("FRONTDESK_PREFECT_PORT", "127.0.0.1", settings.prefect_port)
    return found


def _step(name: str, common: Mapping[str, str], option: str = "", *, after: tuple[str, ...]) -> Spec:
    options = (option,) if option else ()
    return Spec(name, _python("-m", "deployments.cli", name, *options), common, after=after, once=True)


def _python(*arguments: object) -> tuple[str, ...]:
    return (sys.executable, *(str(argument) for argument in arguments))


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
