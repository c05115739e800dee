"""The `frontdesk` command. Exit codes: 0 done, 1 something is not as it should be, 2 it cannot be done as asked.

Commands import what only they need: `up` lives as long as the product, and stays 20 MB smaller for it.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from db.embedded_program import PostgresUnavailable
from db.settings import Settings, SettingsInvalid, get_settings
from deployments import processes, state
from deployments.database import DATABASE, embedded, make_databases
from deployments.environment import CODE, common, read_dotenv
from deployments.program import Spec
from deployments.state import CannotStart
from deployments.up import prepare_home, up

REFUSALS = (CannotStart, PostgresUnavailable, SettingsInvalid)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the console script exits with what this returns."""
    chosen = _parser().parse_args(arguments)
    read_dotenv(Path.cwd() / ".env")
    try:
        return int(chosen.run(get_settings(), chosen))
    except REFUSALS as error:
        print(f"frontdesk: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="frontdesk", description="The front desk that a small business runs on its own machine."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, help_text: str, run: Callable[[Settings, argparse.Namespace], int]
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help_text, description=help_text)
        added.set_defaults(run=run)
        return added

    starting = command("up", "Start everything and stay until Ctrl-C.", _up)
    starting.add_argument("--without-demo", action="store_true", help="do not make the demo workspace")
    command("down", "Stop what `up` started.", _down)
    command("status", "Show the running processes.", _status)
    command("doctor", "Check everything that can be wrong, and say the remedy.", _doctor)
    migration = command("migrate", "Bring the database to the schema of this version.", _migrate)
    migration.add_argument(
        "--resize-embeddings",
        action="store_true",
        help="give stored vectors the length of FRONTDESK_EMBEDDING_DIMENSIONS",
    )
    first = command("demo", "Make the first workspace, with demo data, if there is none.", _demo)
    first.add_argument("--empty", action="store_true", help="without demo data")
    command("sign-in-link", "Print a sign-in link that works once.", _sign_in_link).add_argument("email", nargs="?")
    for name in ("webhook", "worker", "schedules", "ui"):
        command(name, f"Run only the {name} process, in the foreground.", _run_one).set_defaults(process=name)
    command("rotate-key", "Encrypt every stored secret anew with a new key.", _rotate_key)
    command("backup", "Write the whole database to a file.", _backup).add_argument("file", type=Path)
    command("restore", "Replace the database by a backup.", _restore).add_argument("file", type=Path)
    bench = command("bench", "Measure this machine.", _bench)
    bench.add_argument("what", choices=["messages", "crash", "crawl", "retrieval"])
    bench.add_argument("options", nargs=argparse.REMAINDER)
    return parser


def _up(settings: Settings, chosen: argparse.Namespace) -> int:
    return up(settings, with_demo=not chosen.without_demo)


def _down(settings: Settings, chosen: argparse.Namespace) -> int:
    stopped = state.stop_running(settings.home)
    print("Everything has stopped." if stopped else f"Nothing runs in {settings.home}.")
    return 0


def _status(settings: Settings, chosen: argparse.Namespace) -> int:
    from deployments import status

    found = status.lines(settings.home)
    if not found:
        print(f"Nothing runs in {settings.home}. `frontdesk up` starts everything.")
        return 1
    print(status.render(found))
    return 0 if all(line.ready for line in found) else 1


def _doctor(settings: Settings, chosen: argparse.Namespace) -> int:
    from deployments import doctor

    findings = doctor.examine(settings)
    print(doctor.render(findings))
    return int(any(finding.is_problem for finding in findings))


def _migrate(settings: Settings, chosen: argparse.Namespace) -> int:
    from db.migrate import MigrationRefused, migrate

    with _database(settings) as url:
        try:
            applied = migrate(url, resize_embeddings=chosen.resize_embeddings)
        except MigrationRefused as error:
            raise CannotStart(str(error)) from error
    print(f"Applied {len(applied)} migrations." if applied else "The database is up to date.")
    return 0


def _demo(settings: Settings, chosen: argparse.Namespace) -> int:
    from db import engine
    from flows import demo

    with _database(settings) as url:
        engine.configure(url)
        demo.seed(with_demo=not chosen.empty)
        engine.dispose()
    return 0


def _sign_in_link(settings: Settings, chosen: argparse.Namespace) -> int:
    from db import engine, users

    with _database(settings) as url:
        engine.configure(url)
        with engine.system() as tx:
            found = engine.one(tx, _WHO, email=chosen.email or settings.admin_email)
            if found is None or (chosen.email and found["email"] != chosen.email.lower()):
                raise CannotStart("Nobody may sign in yet. Run `frontdesk demo`, or name an e-mail that exists.")
            email = str(found["email"])
            token = users.make_sign_in_link(tx, found["id"], datetime.now(UTC))
        engine.dispose()
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    print(f"Sign in as {email} (once, within 24 hours):")
    print(f"http://{host}:{settings.ui_port}/auth/link/{token}")
    return 0


# The user of that e-mail if there is one, else the oldest admin.
_WHO = """
    SELECT users.id, users.email
    FROM users JOIN memberships ON memberships.user_id = users.id
    ORDER BY users.email = lower(%(email)s) DESC NULLS LAST, memberships.role = 'admin' DESC, users.created_at
    LIMIT 1
"""


def _run_one(settings: Settings, chosen: argparse.Namespace) -> int:
    """Become the process, so that signals and exit codes are its own."""
    spec = _spec_of(chosen.process, settings)
    os.chdir(spec.folder)
    os.execve(spec.command[0], spec.command, dict(spec.environment))


def _spec_of(name: str, settings: Settings) -> Spec:
    url = settings.database_url or _running_url(settings)
    shared = common(settings, url)
    if name == "worker":
        return processes.worker(f"worker-of-{os.getpid()}", settings, shared)
    made: dict[str, Callable[..., Spec]] = {
        "webhook": processes.webhook,
        "schedules": processes.schedules,
        "ui": processes.pages,
    }
    return made[name](settings, shared)


def _rotate_key(settings: Settings, chosen: argparse.Namespace) -> int:
    from deployments.keys import rotate

    with _database(settings) as url:
        print(rotate(settings, url))
    return 0


def _backup(settings: Settings, chosen: argparse.Namespace) -> int:
    from deployments import backup

    with _database(settings) as url:
        size = backup.backup(backup.programs(settings), url, chosen.file)
    print(f"{chosen.file} holds the whole database ({size / 1024 / 1024:.1f} MB).")
    print(
        f"Keep the key of the stored secrets too, but elsewhere: FRONTDESK_SECRET_KEY or {settings.home / 'secret.key'}."
    )
    return 0


def _restore(settings: Settings, chosen: argparse.Namespace) -> int:
    from db.migrate import migrate
    from deployments import backup
    from deployments.restore import restore

    if state.is_running(settings.home):
        raise CannotStart("Frontdesk is running on this database. Run `frontdesk down` first, then restore.")
    with _database(settings) as url:
        migrate(url)  # makes the roles and extensions that a backup only mentions
        restore(backup.programs(settings), url, chosen.file)
        migrate(url)  # an older backup catches up
    print(f"The database is as it was in {chosen.file}.")
    return 0


def _bench(settings: Settings, chosen: argparse.Namespace) -> int:
    if not (CODE / "tests" / "bench").is_dir():
        raise CannotStart(
            "The measurements are not part of an installed package. Run `make bench` in a clone of the repository."
        )
    command = [sys.executable, "-m", f"tests.bench.{chosen.what}", *chosen.options]
    return subprocess.run(command, cwd=CODE, check=False).returncode


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The address of our database; the embedded server is started for the moment unless it runs already."""
    if settings.database_url:
        yield settings.database_url
        return
    prepare_home(settings.home)
    postgres = embedded(settings)
    assert postgres is not None
    with postgres.running():
        make_databases(postgres)
        yield postgres.url(DATABASE)


def _running_url(settings: Settings) -> str:
    postgres = embedded(settings)
    assert postgres is not None
    if postgres.pid is None:
        raise CannotStart("No database runs here. Start everything with `frontdesk up`, or set DATABASE_URL.")
    return postgres.url(DATABASE)


def run() -> None:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    run()
