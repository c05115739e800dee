"""`frontdesk doctor`: one line per thing that can be wrong, each with its remedy."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from db import secrets
from db.embedded_program import PostgresUnavailable
from db.migrate import pending
from db.probe import facts, why_unreachable
from db.settings import Settings
from deployments import ask, processes, state, status
from deployments.database import DATABASE, embedded
from deployments.up import prepare_home

ROOM_BYTES = 1024**3  # a month of a small business, with Prefect's history


@dataclass(frozen=True)
class Finding:
    """What was looked at and what was found. A problem stops something from working; a notice does not."""

    about: str
    text: str
    remedy: str = ""
    is_problem: bool = False


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; no check starts, stops or changes anything."""
    checks: tuple[Callable[[Settings], Finding], ...] = (
        _python,
        _home,
        _room,
        _key,
        _database,
        _schema,
        _ports,
        _processes,
        _prefect,
        _public_address,
        _model,
    )
    return [check(settings) for check in checks]


def render(findings: list[Finding]) -> str:
    """The findings as lines; problems and notices carry their remedy below."""
    lines = []
    for found in findings:
        mark = "PROBLEM" if found.is_problem else ("notice" if found.remedy else "ok")
        lines.append(f"{mark:<8}{found.about:<16}{found.text}")
        if found.remedy:
            lines.append(f"{'':<24}-> {found.remedy}")
    return "\n".join(lines)


def _python(settings: Settings) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", version)
    return Finding("Python", version, "Use Python 3.11, 3.12 or 3.13: PYTHON=python3.12 make run", is_problem=True)


def _home(settings: Settings) -> Finding:
    try:
        prepare_home(settings.home)
    except state.CannotStart as error:
        return Finding("Data folder", str(settings.home), str(error), is_problem=True)
    return Finding("Data folder", str(settings.home))


def _room(settings: Settings) -> Finding:
    there = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    text = f"{free / 1024**3:.1f} GB free"
    if free < ROOM_BYTES:
        return Finding("Disk", text, "Free at least 1 GB, or move the data folder (FRONTDESK_HOME).", is_problem=True)
    return Finding("Disk", text)


def _key(settings: Settings) -> Finding:
    if settings.secret_key is None and not (settings.home / "secret.key").exists():
        return Finding("Secret key", "none yet; the first start makes one in the data folder")
    try:
        secrets.unseal(secrets.seal({}))
    except (secrets.SecretKeyUnusable, secrets.SecretsUnreadable) as error:
        return Finding("Secret key", "cannot be used", str(error), is_problem=True)
    if settings.database_url and settings.secret_key is None:
        return Finding(
            "Secret key",
            f"is only in {settings.home / 'secret.key'}",
            "Set FRONTDESK_SECRET_KEY to its content wherever Frontdesk runs on this database.",
        )
    return Finding("Secret key", "FRONTDESK_SECRET_KEY" if settings.secret_key else str(settings.home / "secret.key"))


def _url(settings: Settings) -> str | None:
    """The address of our database when its server should answer; None for an embedded one that is not running."""
    postgres = embedded(settings)
    if postgres is None:
        return settings.database_url
    return postgres.url(DATABASE) if postgres.pid is not None else None


def _database(settings: Settings) -> Finding:
    url = _url(settings)
    if url is None:
        return _embedded_can_start(settings)
    if reason := why_unreachable(url):
        remedy = "Correct DATABASE_URL or start that server." if settings.database_url else "Run `frontdesk up`."
        return Finding("Postgres", f"does not answer: {reason}", remedy, is_problem=True)
    found = facts(url)
    text = f"version {found.version // 10000}.{found.version % 10000}"
    if found.version < 150000 or not found.has_vector:
        return Finding("Postgres", text, "Use Postgres 15 or newer with the extension pgvector.", is_problem=True)
    return Finding("Postgres", text)


def _embedded_can_start(settings: Settings) -> Finding:
    postgres = embedded(settings)
    assert postgres is not None
    try:
        postgres.program("postgres")
    except PostgresUnavailable as error:
        return Finding("Postgres", "cannot start", str(error), is_problem=True)
    return Finding("Postgres", "the one that comes along; not running")


def _schema(settings: Settings) -> Finding:
    url = _url(settings)
    if url is None or why_unreachable(url):
        return Finding("Schema", "not checked, because no database answers")
    missing = pending(url)
    if missing:
        return Finding("Schema", f"{len(missing)} migrations are missing", "Run `frontdesk migrate`.", is_problem=True)
    return Finding("Schema", "up to date")


def _ports(settings: Settings) -> Finding:
    if state.is_running(settings.home):
        return Finding("Ports", "in use by Frontdesk itself")
    for name, (variable, host, port) in processes.ports(settings).items():
        if reason := ask.why_port_is_closed(host, port):
            remedy = f"Stop the program that uses it, or set {variable} to another port."
            return Finding("Ports", f"{name} cannot listen on {host}:{port}: {reason}", remedy, is_problem=True)
    return Finding("Ports", "free: " + ", ".join(str(port) for _, _, port in processes.ports(settings).values()))


def _processes(settings: Settings) -> Finding:
    found = status.lines(settings.home)
    if not found:
        return Finding("Processes", "not running")
    silent = [line.name for line in found if not line.ready]
    if silent:
        logs = settings.home / "logs"
        remedy = f"Read the end of {logs / (silent[0] + '.log')}."
        return Finding("Processes", f"not ready: {', '.join(silent)}", remedy, is_problem=True)
    return Finding("Processes", f"{len(found)} running, all ready")


def _prefect(settings: Settings) -> Finding:
    if not state.is_running(settings.home) and "PREFECT_API_URL" not in os.environ:
        return Finding("Prefect", "not running")
    if ask.http_ok(f"{settings.prefect_api_url}/health"):
        return Finding("Prefect", settings.prefect_api_url)
    remedy = "Replies go on without it, but runs are not shown and schedules wait. Look into logs/prefect.log, or at PREFECT_API_URL."
    return Finding("Prefect", f"{settings.prefect_api_url} does not answer", remedy, is_problem=True)


def _public_address(settings: Settings) -> Finding:
    host = urlsplit(settings.public_url).hostname or ""
    if host in ("localhost", "127.0.0.1", "::1"):
        remedy = "Providers such as Twilio cannot reach it. Set FRONTDESK_PUBLIC_URL to the address under which the internet sees it."
        return Finding("Public address", settings.public_url, remedy)
    return Finding("Public address", settings.public_url)


def _model(settings: Settings) -> Finding:
    if settings.openai_api_key or settings.openrouter_api_key or settings.openai_base_url:
        return Finding("Language model", settings.openai_base_url or "from the environment")
    remedy = "Answers quote the documents word for word. Connect a model on the Settings page, or set OPENAI_API_KEY."
    return Finding("Language model", "none in the environment", remedy)
