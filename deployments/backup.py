"""A backup is one file made by pg_dump; restoring puts it back in one transaction, or not at all."""

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


def restore(postgres: Path, url: str, source: Path) -> None:
    """Replace the content of the database by that of `source`; on any error nothing has changed."""
    if not source.is_file():
        raise CannotStart(f"There is no file {source}. Name a file that `frontdesk backup` made.")
    options = ["--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error"]
    _run([postgres / "pg_restore", *options, source], url, "The restore")


def programs(settings: Settings) -> Path:
    """The folder with pg_dump and pg_restore; they come along and also serve a Postgres of DATABASE_URL."""
    return EmbeddedPostgres(settings.home / "postgres").program("pg_dump").parent


def _run(command: list[object], url: str, what: str) -> None:
    address, password = without_password(url)
    first, *rest = (str(part) for part in command)
    environment = {**os.environ, "PGPASSWORD": password}  # arguments are visible to every user of the machine
    done = subprocess.run(
        [first, f"--dbname={address}", *rest], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[-400:]
        raise CannotStart(f"{what} did not work, and nothing was changed: {said}")


def without_password(url: str) -> tuple[str, str]:
    """The address with its password taken out, and the password."""
    parts = urlsplit(url)
    credentials, at, server = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{server}")), unquote(password)
