"""The length of vectors is a setting: chosen before anything is embedded, changed later only where nothing is lost."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from db import vectors
from db.migrate import MigrationRefused, migrate
from db.settings import get_settings
from flows.models import FittedEmbedder
from nodes.errors import Rejected


def chosen(monkeypatch: pytest.MonkeyPatch, dimensions: int) -> None:
    monkeypatch.setenv("FRONTDESK_EMBEDDING_DIMENSIONS", str(dimensions))
    get_settings.cache_clear()


def column(url: str) -> str:
    with psycopg.connect(url) as connection:
        return str(_one(connection, "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'ai_embeddings'::regclass"
                                    " AND attname = 'embedding'"))  # fmt: skip


def _one(connection: psycopg.Connection, statement: str, *values: Any) -> Any:
    row = connection.execute(statement, values).fetchone()
    assert row is not None
    return row[0]


def add_passage(url: str, model: str, vector: list[float]) -> None:
    with psycopg.connect(url) as connection:
        workspace = _one(
            connection, "INSERT INTO workspaces (name, slug) VALUES ('Shop', %s) RETURNING id", uuid4().hex
        )
        source = _one(
            connection,
            "INSERT INTO training_sources (workspace_id, type, name) VALUES (%s, 'text', 'x') RETURNING id",
            workspace,
        )
        connection.execute(
            "INSERT INTO ai_embeddings (workspace_id, source_id, source_type, text, content_hash, model, embedding)"
            " VALUES (%s, %s, 'text', 'x', '', %s, %s::real[]::vector)",
            [workspace, source, model, vector],
        )


def test_a_new_installation_gets_the_column_that_was_chosen(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen(monkeypatch, 768)
    migrate(empty_database_url)
    assert column(empty_database_url) == "vector(768)"


def test_another_length_later_is_refused_with_the_remedy_and_converted_where_nothing_is_lost(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty_database_url)
    assert column(empty_database_url) == "vector(1536)"
    add_passage(empty_database_url, "all-MiniLM-L6-v2", [0.5] * 384 + [0.0] * 1152)
    chosen(monkeypatch, 384)
    with pytest.raises(MigrationRefused, match=r"Set it back to 1536, or .* frontdesk migrate --resize-embeddings"):
        migrate(empty_database_url)
    migrate(empty_database_url, resize_embeddings=True)
    assert column(empty_database_url) == "vector(384)"
    chosen(monkeypatch, 1000)
    migrate(empty_database_url, resize_embeddings=True)
    with psycopg.connect(empty_database_url) as connection:
        assert _one(connection, "SELECT embedding::real[] FROM ai_embeddings") == [0.5] * 384 + [0.0] * 616


def test_what_would_be_lost_is_not_cut_off(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(empty_database_url)
    add_passage(empty_database_url, "large-model", [0.5] * 1536)
    chosen(monkeypatch, 768)
    with pytest.raises(MigrationRefused, match="The embedding model large-model has more than 768 numbers"):
        migrate(empty_database_url, resize_embeddings=True)


class Whole:
    def __init__(self, model: str) -> None:
        self.model = model

    def embed(self, texts: Any) -> list[list[float]]:
        return [[0.5] * 1024 + [0.0] * 512 for _ in texts]


def test_models_give_vectors_of_that_length_or_say_that_they_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch, 1024)
    assert FittedEmbedder(Whole("large-model")).embed(["x"]) == [[0.5] * 1024]
    chosen(monkeypatch, 768)
    assert FittedEmbedder(Whole("text-embedding-3-small")).embed(["x"]) == [[0.5] * 768]  # may be cut
    with pytest.raises(Rejected, match="vectors of large-model have more than 768 numbers"):
        FittedEmbedder(Whole("large-model")).embed(["x"])
    assert vectors.fitted([1.0], "m") == [1.0] + [0.0] * 767
