"""Which Postgres the product lives on: the one of DATABASE_URL, or the one that comes along."""

from db.embedded import EmbeddedPostgres
from db.probe import ServerFacts, facts, make_database, why_unreachable
from db.settings import Settings
from deployments.state import CannotStart

DATABASE = "frontdesk"
PREFECT_DATABASE = "prefect"


def embedded(settings: Settings) -> EmbeddedPostgres | None:
    """The Postgres that comes along, or None where DATABASE_URL names another."""
    return None if settings.database_url else EmbeddedPostgres(settings.home / "postgres")


class SupervisedPostgres:
    """The embedded server as a line of the process table; makes its databases at each start."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres
        self._pid: int | None = None

    def start(self) -> None:
        if self._postgres.pid is not None:  # of a supervisor that was killed: it must be our child to end with us
            self._postgres.stop()
        self._postgres.start()
        self._pid = self._postgres.pid
        make_databases(self._postgres)

    def pid(self) -> int | None:
        return self._postgres.pid

    def exit_code(self) -> int | None:
        return 0 if self._postgres.has_ended() else None

    def ask_to_stop(self) -> None:
        self._postgres.stop(timeout_seconds=2)

    def kill(self) -> None:
        self._postgres.stop(timeout_seconds=0)


def make_databases(postgres: EmbeddedPostgres) -> None:
    """Our database and Prefect's, on a running embedded server."""
    for name in (DATABASE, PREFECT_DATABASE):
        make_database(postgres.url(), name)


def check_external(url: str) -> ServerFacts:
    """Raise CannotStart with the remedy unless the server of DATABASE_URL answers. What it lacks, `migrate` says."""
    if reason := why_unreachable(url):
        raise CannotStart(
            f"The Postgres of DATABASE_URL does not answer: {reason}. Correct DATABASE_URL or start that server, "
            "or unset DATABASE_URL to use the Postgres that comes along."
        )
    return facts(url)


def external_prefect_url(url: str, found: ServerFacts) -> str:
    """The address of Prefect's own database on the server of DATABASE_URL, made if need be."""
    if not found.may_create_databases:
        raise CannotStart(
            "Prefect keeps its history in a database of its own, and the user of DATABASE_URL may not create one. Set "
            "PREFECT_API_DATABASE_CONNECTION_URL to a database for it, or PREFECT_API_URL to a Prefect server of yours."
        )
    make_database(url, PREFECT_DATABASE)
    server, _, tail = url.removeprefix("postgresql://").partition("/")
    _, mark, options = tail.partition("?")
    return f"postgresql://{server}/{PREFECT_DATABASE}{mark}{options}"
