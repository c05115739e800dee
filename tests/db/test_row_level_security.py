"""The claim: what runs as the workspace role sees and changes the rows of its workspace, and no others, in every table."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.exc import DatabaseError, ProgrammingError

from db.engine import one, read_only, rows, run, system, transaction
from tests.db import builders as a

HIDDEN = {"limit_slots", "limits", "schema_migrations", "sessions", "sign_in_links"}  # not even readable
WITHOUT_WORKSPACE = HIDDEN | {"users", "workspaces"}


@pytest.fixture
def filled(workspace: UUID, other_workspace: UUID) -> UUID:
    """Rows in nearly every table, for two workspaces; returns the first."""
    for each in (workspace, other_workspace):
        _fill(each)
    assert len(_with_rows()) >= 18
    return workspace


def test_without_a_workspace_the_role_sees_nothing_in_any_table(filled: UUID, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET ROLE frontdesk_app")
        for name in sorted(_readable()):
            found = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))).fetchone()
            assert found == (0,), name


def test_tables_without_a_workspace_column_are_not_readable_at_all(filled: UUID, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET ROLE frontdesk_app")
        for name in sorted(HIDDEN):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name)))


def test_with_a_workspace_the_role_sees_that_one_alone(filled: UUID) -> None:
    with transaction(filled) as tx:
        for name in sorted(_with_rows()):
            found = rows(tx, f"SELECT DISTINCT workspace_id FROM {name}")
            assert [row["workspace_id"] for row in found] == [filled], name
        assert [row["id"] for row in rows(tx, "SELECT id FROM workspaces")] == [filled]
        assert len(rows(tx, "SELECT id FROM users")) == 1


def test_rows_of_another_workspace_can_be_neither_changed_nor_deleted(filled: UUID, other_workspace: UUID) -> None:
    before = _fingerprints(other_workspace)
    for name in sorted(_with_rows()):
        for statement in (f"UPDATE {name} SET workspace_id = workspace_id", f"DELETE FROM {name}"):
            _refused_or_without_effect(filled, f"{statement} WHERE workspace_id = %(other)s", other=other_workspace)
    assert _fingerprints(other_workspace) == before


def test_no_row_can_be_put_into_or_moved_to_another_workspace(filled: UUID, other_workspace: UUID) -> None:
    before = _fingerprints(other_workspace)
    for name in sorted(_with_rows()):
        with pytest.raises(DatabaseError), transaction(filled) as tx:
            run(tx, f"UPDATE {name} SET workspace_id = %(other)s", other=other_workspace)
    with pytest.raises(ProgrammingError, match="row-level security"), transaction(filled) as tx:
        a.a_contact(tx, other_workspace)
    assert _fingerprints(other_workspace) == before


def test_a_node_cannot_write_in_a_read_only_transaction(filled: UUID) -> None:
    with pytest.raises(DatabaseError, match="read-only transaction"), read_only(filled) as tx:
        run(tx, "UPDATE contacts SET name = 'x'")


def test_a_read_only_transaction_cannot_be_made_writable(filled: UUID) -> None:
    with pytest.raises(DatabaseError, match="read-write mode"), read_only(filled) as tx:
        rows(tx, "SELECT count(*) FROM contacts")
        run(tx, "SET LOCAL transaction_read_only = off")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor = 'nobody'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "INSERT INTO audit_log (workspace_id, actor, action, at) VALUES (current_workspace(), 'x', 'y', '2001-01-01')",
        "UPDATE automation_versions SET document = '{}'",
        "DELETE FROM automation_versions",
        "UPDATE users SET name = 'x'",
        "SELECT password_hash FROM users",
        "INSERT INTO workspaces (name, slug) VALUES ('x', 'x')",
        "DELETE FROM workspaces",
        "DELETE FROM limits",
        "ALTER TABLE contacts DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE mine (id integer)",
    ],
)
def test_the_workspace_role_is_refused(filled: UUID, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied|must be owner"), transaction(filled) as tx:
        run(tx, statement)


def test_contacts_of_another_workspace_are_not_found_by_the_search_function(filled: UUID, database: str) -> None:
    with transaction(filled) as tx:
        assert len(rows(tx, "SELECT contacts_like('%%Tom%%', 100)")) == 1
    with psycopg.connect(database) as connection:
        connection.execute("SET LOCAL ROLE frontdesk_app")
        assert connection.execute("SELECT contacts_like('%Tom%', 100)").fetchall() == []


def test_the_role_and_the_workspace_end_with_the_transaction(filled: UUID) -> None:
    with transaction(filled) as tx:
        inside = one(tx, "SELECT current_user::text AS who, pg_backend_pid() AS pid")
    with system() as tx:
        outside = one(tx, "SELECT current_user::text AS who, current_workspace() AS workspace, pg_backend_pid() AS pid")
    assert inside is not None and outside is not None
    assert inside["pid"] == outside["pid"]  # the same pooled connection
    assert (inside["who"], outside["who"], outside["workspace"]) == ("frontdesk_app", "postgres", None)


def test_every_table_has_row_level_security(database: str) -> None:
    with system() as tx:
        found = rows(tx, f"{_ALL_TABLES} AND NOT relrowsecurity")
    assert [row["relname"] for row in found] == []


def test_every_table_with_a_workspace_has_the_one_policy(database: str) -> None:
    """Also a table that is new, and of which the tests above have no rows yet."""
    condition = "(workspace_id = ( SELECT current_workspace() AS current_workspace))"
    with system() as tx:
        found = rows(
            tx, "SELECT tablename, roles::text, cmd, qual, with_check FROM pg_policies WHERE schemaname = 'public'"
        )
    policies = {row["tablename"]: row for row in found}
    assert len(found) == len(policies)
    for name in sorted(_tables() - WITHOUT_WORKSPACE):
        row = policies[name]
        assert (row["roles"], row["cmd"]) == ("{frontdesk_app}", "ALL"), name
        assert (row["qual"], row["with_check"]) == (condition, condition), name


_ALL_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"


def _tables() -> set[str]:
    with system() as tx:
        return {row["relname"] for row in rows(tx, _ALL_TABLES)}


def _with_rows() -> set[str]:
    with system() as tx:
        return {name for name in _tables() - WITHOUT_WORKSPACE if rows(tx, f"SELECT FROM {name} LIMIT 1")}


def _readable() -> set[str]:
    return _tables() - HIDDEN


def _refused_or_without_effect(workspace: UUID, statement: str, **params: Any) -> None:
    try:
        with transaction(workspace) as tx:
            assert run(tx, statement, **params) == 0, statement
    except ProgrammingError as error:
        assert "permission denied" in str(error), statement


def _fingerprints(workspace: UUID) -> dict[str, list[str]]:
    with system() as tx:
        return {
            name: sorted(
                row["t"]
                for row in rows(tx, f"SELECT t::text AS t FROM {name} t WHERE workspace_id = %(w)s", w=workspace)
            )
            for name in _tables() - WITHOUT_WORKSPACE
        }


def _fill(workspace: UUID) -> None:
    with system() as tx:
        user = a.a_user(tx, workspace, "admin")
        contact = a.a_contact(tx, workspace, [("phone", f"+1{workspace.int % 10**10}")])
        conversation = a.a_conversation(tx, workspace, contact)
        message = a.a_message(tx, workspace, conversation)
        a.a_handoff(tx, workspace, conversation)
        event = a.an_event(tx, workspace)
        automation = a.an_automation(tx, workspace)
        run_id = a.a_run(tx, workspace, automation, conversation)
        a.a_step(tx, workspace, run_id, "reply")
        a.an_outbox_row(tx, workspace, conversation)
        source = a.a_source(tx, workspace)
        values = {"w": workspace, "u": user, "c": conversation, "m": message, "e": event, "a": automation, "s": source}
        for statement in _MORE:
            run(tx, statement, **values, hash=uuid4().bytes, key=uuid4().hex)


_MORE = (
    "INSERT INTO sessions VALUES (%(hash)s, %(u)s, %(w)s, now(), now() + interval '1 day')",
    "INSERT INTO sign_in_links VALUES (%(hash)s, %(u)s, now() + interval '1 day')",
    "INSERT INTO api_keys (workspace_id, name, key_hash) VALUES (%(w)s, 'k', %(hash)s)",
    "INSERT INTO audit_log (workspace_id, actor, action) VALUES (%(w)s, 'system', 'test.filled')",
    "INSERT INTO limits VALUES (%(key)s, now(), 1)",
    "INSERT INTO limit_slots (key, frees_at, state) VALUES (%(key)s, now(), 'done')",
    "INSERT INTO ai_conversation_memory (workspace_id, conversation_id, role, text) VALUES (%(w)s, %(c)s, 'fact', 'x')",
    (
        "INSERT INTO decisions (workspace_id, event_id, message_id, automation_id, fired, reason)"
        " VALUES (%(w)s, %(e)s, %(m)s, %(a)s, true, 'x')"
    ),
    "INSERT INTO ai_models (workspace_id, purpose, provider, model_name) VALUES (%(w)s, 'chat', 'builtin', 'x')",
    (
        "INSERT INTO ai_embeddings (workspace_id, source_id, source_type, text, content_hash, model, embedding)"
        " VALUES (%(w)s, %(s)s, 'text', 'x', %(hash)s, 'm', array_fill(0.1, ARRAY[1536])::vector)"
    ),
    "INSERT INTO training_jobs (workspace_id, source_id, cause) VALUES (%(w)s, %(s)s, 'added')",
    "INSERT INTO training_documents (workspace_id, source_id, address) VALUES (%(w)s, %(s)s, 'x')",
    "INSERT INTO training_uploads SELECT id, workspace_id, 'x' FROM training_documents WHERE workspace_id = %(w)s",
    (
        "INSERT INTO training_changes (workspace_id, source_id, document_id, kind, state)"
        " SELECT workspace_id, source_id, id, 'changed', 'applied' FROM training_documents WHERE workspace_id = %(w)s"
    ),
    (
        "INSERT INTO passage_edits (passage_id, workspace_id, original_heading, original_text, original_hash)"
        " SELECT id, workspace_id, '', 'x', content_hash FROM ai_embeddings WHERE workspace_id = %(w)s"
    ),
    "INSERT INTO embedding_cache (workspace_id, model, text_hash, vector) VALUES (%(w)s, 'm', %(hash)s, 'x')",
)
