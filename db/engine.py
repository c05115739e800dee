"""Transactions: the only way to reach Postgres.

`transaction(workspace)` and `read_only(workspace)` run as the role frontdesk_app, so row-level security keeps workspaces apart;
`system()` runs as the owner of the tables and is for claims and for look-ups before a workspace is known.
Functions elsewhere in `db/` take the open transaction (`tx`) and never commit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlmodel import Session, create_engine

from db.bell import Notice, bell
from db.settings import get_settings

Row = Mapping[str, Any]  # a row of plain SQL, by column name

POOL_SIZE = 10
POOL_TIMEOUT_SECONDS = 30
CONNECT_TRIES = 3
REWORDING = "rewording"  # in the info of a session: what is done to each statement first (db.past)

_engines: dict[str, Engine] = {}
_engines_lock = threading.Lock()  # two threads at the first transaction must not make two pools
_current_url: str | None = None


class DatabaseUnreachable(Exception):
    """Postgres did not answer three times in a row. Check DATABASE_URL, or run `frontdesk doctor`."""


class DatabaseBusy(Exception):
    """Every connection of the pool was in use for 30 s. The work can be tried again later."""


def configure(url: str) -> None:
    """Make `url` the database of this process from now on (the supervisor, the command line and tests choose it)."""
    global _current_url
    _current_url = url


def database_url() -> str:
    """The address of the database of this process. Raises DatabaseUnreachable where none was chosen."""
    url = _current_url or get_settings().database_url
    if not url:
        raise DatabaseUnreachable("No database was chosen: set DATABASE_URL, or start everything with `frontdesk up`.")
    return str(url)


def engine() -> Engine:
    """The process-wide pool: 10 connections, 30 s to wait for a free one."""
    url = database_url()
    with _engines_lock:
        if url not in _engines:
            _engines[url] = _create(url)
        return _engines[url]


def dispose() -> None:
    """Close every pooled connection (after a fork, or at the end of a test)."""
    with _engines_lock:
        for made in _engines.values():
            made.dispose()
        _engines.clear()


def plan_once() -> None:
    """For a process that repeats few statements very often (a worker): plan each once per connection instead of each time."""
    global _plan_once
    _plan_once = ", set_config('plan_cache_mode', 'force_generic_plan', true)"


_plan_once = ""


@contextmanager
def transaction(workspace: UUID, *, durable: bool = True) -> Iterator[Session]:
    """One transaction that sees this workspace only; commits at the end, rolls back on any error.

    `durable=False` does not wait for the disk: for what is done again, or found out, after a crash of Postgres. Later commits that
    do wait bring it to the disk too, so nothing can be kept that rests on something lost.
    """
    with _session(_ENTER if durable else _ENTER_FAST, str(workspace)) as tx:
        yield tx


@contextmanager
def read_only(workspace: UUID) -> Iterator[Session]:
    """Like `transaction`, but a write fails in the database itself."""
    with _session(_ENTER_READ_ONLY, str(workspace)) as tx:
        yield tx


@contextmanager
def system(*, durable: bool = True) -> Iterator[Session]:
    """One transaction across workspaces, for claims, sign-in and look-ups by token. Never hand it to a node or a page."""
    with _session(_ENTER_SYSTEM if durable else _ENTER_SYSTEM_FAST, "") as tx:
        yield tx


def rows(tx: Session, sql: str, **params: Any) -> Sequence[Row]:
    """All rows of a statement with `%(name)s` parameters."""
    return _execute(tx, sql, params).fetchall()


def one(tx: Session, sql: str, **params: Any) -> Row | None:
    """The first row, or None."""
    return _execute(tx, sql, params).fetchone()


def run(tx: Session, sql: str, **params: Any) -> int:
    """Run a statement; returns how many rows it touched."""
    return _execute(tx, sql, params).rowcount


def _execute(tx: Session, sql: str, params: dict[str, Any]) -> psycopg.Cursor[Row]:
    """Plain SQL goes straight to psycopg, on the connection and in the transaction of the session: it takes a third of the time.

    Errors are SQLAlchemy's all the same, so that callers know one family.
    """
    if tx.new or tx.dirty or tx.deleted:
        tx.flush()  # what was added to the session as an object comes first, in the order of the code
    if (reworded := tx.info.get(REWORDING)) is not None:
        sql = reworded(sql)
    connection = tx.connection()
    raw: psycopg.Connection[Any] = connection.connection.dbapi_connection  # type: ignore[assignment]
    try:
        return raw.cursor(row_factory=dict_row).execute(sql, _adapt(params))
    except psycopg.Error as error:
        gone = raw.closed
        if gone:  # after a restart of Postgres every pooled connection is dead, not only the one that noticed
            connection.invalidate(error)
            connection.engine.dispose()
        raise DBAPIError.instance(
            sql,
            None,
            error,
            psycopg.Error,
            hide_parameters=True,
            connection_invalidated=gone,
            dialect=connection.dialect,
        ) from error


# set_config(..., true) holds until the end of the transaction, so this is right behind a transaction pooler too.
_ENTER = "SELECT set_config('role', 'frontdesk_app', true), set_config('app.workspace', %(workspace)s, true)"
_ENTER_READ_ONLY = _ENTER + ", set_config('transaction_read_only', 'on', true)"
_ENTER_FAST = _ENTER + ", set_config('synchronous_commit', 'off', true)"
_ENTER_SYSTEM = "SELECT set_config('app.workspace', %(workspace)s, true)"
_ENTER_SYSTEM_FAST = _ENTER_SYSTEM + ", set_config('synchronous_commit', 'off', true)"


def notices_of(tx: Session) -> list[Notice]:
    """What is to be rung when this transaction has committed (db.live fills it)."""
    notices: list[Notice] = tx.info.setdefault("notices", [])
    return notices


def _libpq_url() -> str:
    url = make_url(database_url()).set(drivername="postgresql").difference_update_query(["pgbouncer"])
    return url.render_as_string(hide_password=False)


def _adapt(params: dict[str, Any]) -> dict[str, Any]:
    """Python dicts become jsonb; lists stay arrays (wrap a JSON list in Jsonb yourself)."""
    return {name: Jsonb(value) if isinstance(value, dict) else value for name, value in params.items()}


@contextmanager
def _session(enter: str, workspace: str) -> Iterator[Session]:
    with Session(engine(), autoflush=True, expire_on_commit=False) as tx:
        _enter(tx, enter, workspace)
        yield tx
        tx.commit()
        if notices := tx.info.pop("notices", None):
            bell.ring(_libpq_url(), dict.fromkeys(notices))


def _enter(tx: Session, statement: str, workspace: str) -> None:
    """The first statement of every transaction. It also finds out whether the pooled connection still lives, and gets another if not."""
    for attempt in range(CONNECT_TRIES):
        try:
            run(tx, statement + _plan_once, workspace=workspace)
            return
        except NoFreeConnection as error:
            raise DatabaseBusy(
                f"All {POOL_SIZE} database connections of this process were in use for {POOL_TIMEOUT_SECONDS} s. Try again later."
            ) from error
        except OperationalError as error:
            tx.rollback()
            if attempt == CONNECT_TRIES - 1:
                raise DatabaseUnreachable(f"Postgres does not answer: {error.orig}") from error
            if (
                not error.connection_invalidated
            ):  # a dead pooled connection is replaced at once, a server that is away gets time
                time.sleep(0.2 * 2**attempt)


def _create(url: str) -> Engine:
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    # A transaction pooler (Supabase's port 6543, pgbouncer) hands each transaction another server: no prepared statements there.
    pooled = parsed.port == 6543 or parsed.query.get("pgbouncer") == "true"
    parsed = parsed.difference_update_query(["pgbouncer"])
    made = create_engine(
        parsed,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_use_lifo=True,  # the connection used last has its plans ready; those not needed stay idle
        pool_pre_ping=False,  # _enter does it; after a disconnect SQLAlchemy replaces every pooled connection, not only that one
        pool_recycle=1800,
        hide_parameters=True,  # an error names the statement, never the message text or the address that went into it
        connect_args={"connect_timeout": 10, "prepare_threshold": None if pooled else 3},
    )
    return made
