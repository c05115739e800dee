"""Puts a backup back in one transaction, or not at all.

Our tables and functions of today are dropped and those of the backup made, so an older backup fits too. What else is in the
database stays. The extensions stay as well: with hosting companies they belong to somebody else.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from db.migrate import FOLDER
from deployments.backup import connecting, failed
from deployments.state import CannotStart

WHAT = "The restore"
_EXTENSION = re.compile(r"^\d+; \d+ \d+ (COMMENT - )?EXTENSION ")  # a line of pg_restore's list of contents
_MADE = re.compile(r"^CREATE (?:UNLOGGED )?(TABLE|FUNCTION) (\w+)", re.MULTILINE)
_CHUNK = 1 << 20
# Written by pg_restore 17 and later, and not known to Postgres 15 and 16.
_TOO_NEW = b"SET transaction_timeout = 0;\n"


def restore(postgres: Path, url: str, source: Path) -> None:
    """Replace our tables by those of `source`; on any error nothing has changed. The database must have been migrated."""
    if not source.is_file():
        raise CannotStart(f"There is no file {source}. Name a file that `frontdesk backup` made.")
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "said").open("w+b") as said:
        contents = Path(folder) / "contents"
        contents.write_text(_without_extensions(postgres, source))
        done = _replace(postgres, url, [f"--use-list={contents}", str(source)], said)
        if not done:
            said.seek(0)
            raise failed(WHAT, said.read().decode(errors="replace"))


def _without_extensions(postgres: Path, source: Path) -> str:
    listed = subprocess.run(
        [postgres / "pg_restore", "--list", source], capture_output=True, encoding="utf-8", check=False
    )
    if listed.returncode != 0:
        raise failed(WHAT, listed.stderr)
    return "".join(line for line in listed.stdout.splitlines(keepends=True) if not _EXTENSION.match(line))


def _replace(postgres: Path, url: str, which: list[str], said: IO[bytes]) -> bool:
    """Hand the backup to psql as a script within one transaction, whose COMMIT is written only when all of it was there."""
    address, environment = connecting(url)
    reading = subprocess.Popen(
        [postgres / "pg_restore", "--no-owner", "--exit-on-error", "--file=-", *which],
        stdout=subprocess.PIPE,
        stderr=said,
    )
    writing = subprocess.Popen(
        [
            postgres / "psql",
            f"--dbname={address}",
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--output=/dev/null",
        ],
        stdin=subprocess.PIPE,
        stderr=said,
        env=environment,
    )
    with reading, writing:
        assert reading.stdout is not None
        assert writing.stdin is not None
        try:
            writing.stdin.write(_beginning().encode())
            _copy(reading.stdout, writing.stdin)
            if reading.wait() == 0:
                writing.stdin.write(b"\nCOMMIT;\n")
            writing.stdin.close()
        except BrokenPipeError:  # psql met an error and left; what it said is in `said`
            reading.kill()
            with suppress(BrokenPipeError):  # closing tries once more to hand over what was buffered
                writing.stdin.close()
    return reading.returncode == 0 and writing.returncode == 0


def _beginning() -> str:
    """Without CASCADE: where something of somebody else rests on our tables, the restore refuses."""
    made = [match for path in sorted(FOLDER.glob("[0-9]*.sql")) for match in _MADE.findall(path.read_text())]
    tables = ["schema_migrations", *(name for kind, name in made if kind == "TABLE")]
    functions = [name for kind, name in made if kind == "FUNCTION"]
    return (
        "BEGIN; SET LOCAL client_min_messages = warning; SET LOCAL search_path = public;\n"
        f"DROP TABLE IF EXISTS {', '.join(tables)};\nDROP FUNCTION IF EXISTS {', '.join(functions)};\n"
    )


def _copy(script: IO[bytes], psql: IO[bytes]) -> None:
    first = script.read(_CHUNK)
    psql.write(first.replace(_TOO_NEW, b"", 1))
    while chunk := script.read(_CHUNK):
        psql.write(chunk)
