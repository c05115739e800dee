"""A backup is one file made by pg_dump (deployments.restore puts it back)."""

import os
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from db.embedded import EmbeddedPostgres
from db.settings import Settings
from deployments.state import CannotStart


def backup(postgres: Path, url: str, target: Path) -> int:
    """Write every table of the database to `target`, readable by us alone; returns its size in bytes."""
    unfinished = target.with_name(target.name + ".new")
    try:
        unfinished.touch(mode=0o600)
    except OSError as error:
        raise CannotStart(f"The file {target} cannot be written ({error.strerror}). Choose another place.") from error
    _run([postgres / "pg_dump", "--format=custom", "--no-owner", f"--file={unfinished}"], url, "The backup")
    unfinished.replace(target)
    return target.stat().st_size


def programs(settings: Settings) -> Path:
    """The folder with pg_dump and pg_restore; they come along and also serve a Postgres of DATABASE_URL."""
    return EmbeddedPostgres(settings.home / "postgres").program("pg_dump").parent


def _run(command: list[object], url: str, what: str) -> None:
    address, environment = connecting(url)
    first, *rest = (str(part) for part in command)
    done = subprocess.run(
        [first, f"--dbname={address}", *rest], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise failed(what, done.stderr)


def failed(what: str, said: str) -> CannotStart:
    """The end of what a program said, as one sentence."""
    return CannotStart(f"{what} did not work, and nothing was changed: {' '.join(said.split())[-400:]}")


def connecting(url: str) -> tuple[str, dict[str, str]]:
    """The address without its password, and the environment that has it: arguments are visible to every user of the machine."""
    address, password = without_password(url)
    return address, {**os.environ, "PGPASSWORD": password}


def without_password(url: str) -> tuple[str, str]:
    """The address with its password taken out, and the password."""
    parts = urlsplit(url)
    credentials, at, server = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{server}")), unquote(password)
