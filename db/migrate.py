"""Brings a database to the schema of this version: the numbered files of `migrations/`, each once and each in its own transaction."""

import logging
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from db import embedding_column
from db.settings import get_settings

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent / "migrations"
LOCK = 7_341_005_226  # any number, as long as nobody else in this database takes the same advisory lock
MINIMUM_SERVER = 150000  # Postgres 15
MINIMUM_VECTOR = (0, 8)  # iterative index scans, without which a filtered search loses results


class MigrationRefused(Exception):
    """The database cannot be brought to this schema; the text says what to do."""


def migrate(url: str, *, resize_embeddings: bool = False) -> list[str]:
    """Apply what is missing and return the names applied, in order. Safe when several processes call it at once.

    `resize_embeddings`: vectors that are there get the length of FRONTDESK_EMBEDDING_DIMENSIONS too, where nothing is lost.
    """
    applied = []
    with _connect(url) as connection:
        _check_server(connection)
        while name := _apply_next(connection):
            log.info("Applied a migration.", extra={"action": "migrate.applied", "migration": name})
            applied.append(name)
        _fit_embeddings(connection, convert=resize_embeddings)
    return applied


def _fit_embeddings(connection: psycopg.Connection, *, convert: bool) -> None:
    wanted = get_settings().embedding_dimensions
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        try:
            if embedding_column.fit(connection, wanted, convert=convert):
                log.info("Vectors have another length.", extra={"action": "migrate.embeddings", "dimensions": wanted})
        except embedding_column.LengthRefused as error:
            raise MigrationRefused(str(error)) from error


def pending(url: str) -> list[str]:
    """The names of the migrations that this database still needs."""
    with _connect(url) as connection, connection.transaction():
        exists = connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL").fetchone()
        done = _names_applied(connection) if exists and exists[0] else set()
    return [path.stem for path in _files() if path.stem not in done]


def _connect(url: str) -> psycopg.Connection:
    address = make_url(url).set(drivername="postgresql").difference_update_query(["pgbouncer"])
    # No prepared statements: the address may be a transaction pooler.
    return psycopg.connect(
        address.render_as_string(hide_password=False), autocommit=True, connect_timeout=10, prepare_threshold=None
    )


def _apply_next(connection: psycopg.Connection) -> str | None:
    """Apply the first missing file; None when nothing is missing.

    The lock belongs to the transaction, not to the session, so it holds behind a transaction pooler too.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        _make_ledger(connection)
        path = _first_missing(_names_applied(connection))
        if path is None:
            return None
        _execute_file(connection, path)
        connection.execute("INSERT INTO schema_migrations (name) VALUES (%s)", (path.stem,))
        return path.stem


def _make_ledger(connection: psycopg.Connection) -> None:
    connection.execute("SET LOCAL client_min_messages = warning")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations"
        " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    # No policy: only the owner of the tables reads it, also where a hosting company exposes the public schema.
    connection.execute("ALTER TABLE schema_migrations ENABLE ROW LEVEL SECURITY")


def _names_applied(connection: psycopg.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM schema_migrations").fetchall()}


def _first_missing(done: set[str]) -> Path | None:
    files = _files()
    unknown = sorted(done - {path.stem for path in files})
    if unknown:
        raise MigrationRefused(
            f"This database was migrated by a newer version (it has {', '.join(unknown)}). Update Frontdesk, or restore an older backup."
        )
    return next((path for path in files if path.stem not in done), None)


def _execute_file(connection: psycopg.Connection, path: Path) -> None:
    try:
        connection.execute(path.read_bytes())
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationRefused(
            f"The user of DATABASE_URL may not run {path.name}: {error.diag.message_primary}. "
            "Connect as the owner of the database; that user needs CREATEROLE and the right to create extensions."
        ) from error


def _files() -> list[Path]:
    return sorted(FOLDER.glob("[0-9]*.sql"))


def _check_server(connection: psycopg.Connection) -> None:
    if connection.info.server_version < MINIMUM_SERVER:
        raise MigrationRefused(
            f"Postgres {connection.info.server_version // 10000} is too old: Frontdesk needs 15 or newer. "
            "Upgrade the server, or unset DATABASE_URL to use the one that comes along."
        )
    _check_extension(connection, "vector", MINIMUM_VECTOR)
    _check_extension(connection, "pg_trgm", (1, 0))


def _check_extension(connection: psycopg.Connection, name: str, minimum: tuple[int, int]) -> None:
    found = connection.execute(
        "SELECT coalesce(installed_version, default_version) FROM pg_available_extensions WHERE name = %s", (name,)
    ).fetchone()
    needed = ".".join(map(str, minimum))
    if found is None:
        raise MigrationRefused(
            f"Postgres has no extension '{name}'. Install it on the server ({needed} or newer), "
            "or unset DATABASE_URL to use the Postgres that comes along."
        )
    if tuple(int(part) for part in found[0].split(".")[:2]) < minimum:
        raise MigrationRefused(
            f"The extension '{name}' is {found[0]}, Frontdesk needs {needed} or newer: install it on the server, then run "
            f"ALTER EXTENSION {name} UPDATE."
        )
