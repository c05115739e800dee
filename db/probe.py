"""Short questions to a Postgres server, for those who start and check it: does it answer, who is connected, what can it do."""

from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow


@dataclass(frozen=True)
class ServerFacts:
    """What decides whether Frontdesk can live on this server."""

    version: int  # 180006 = 18.6
    has_vector: bool  # installed, or can be
    may_create_databases: bool


def answers(url: str) -> bool:
    """Whether the server takes a connection and a query now."""
    return why_unreachable(url) == ""


def why_unreachable(url: str) -> str:
    """Empty when the server answers, else what it or the network said, on one line."""
    try:
        with _connect(url) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        return " ".join(str(error).split())
    return ""


def facts(url: str) -> ServerFacts:
    """Version and abilities. Raises psycopg.Error where the server does not answer."""
    question = """
        SELECT current_setting('server_version_num')::int,
               EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector'),
               (SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user)
    """
    with _connect(url) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return ServerFacts(version=int(row[0]), has_vector=bool(row[1]), may_create_databases=bool(row[2]))


def make_database(url: str, name: str) -> None:
    """Create the database `name` on the server of `url` unless it is there; safe when two processes do it at once."""
    with _connect(url) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is not None:
            return
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return  # the other one was quicker


def _connect(url: str) -> "psycopg.Connection[TupleRow]":
    plain = url.replace("?pgbouncer=true", "").replace("&pgbouncer=true", "")  # a hint for our pool that libpq refuses
    return psycopg.connect(plain, autocommit=True, connect_timeout=5, application_name="frontdesk probe")
