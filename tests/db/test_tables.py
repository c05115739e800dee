"""The classes of `db.tables` and the migrated schema say the same."""

import pytest
from sqlalchemy import Table, inspect
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from db import tables
from db.engine import engine

CLASSES = [
    kind
    for kind in vars(tables).values()
    if isinstance(kind, type) and issubclass(kind, SQLModel) and kind is not SQLModel
]
COMPUTED = {"ai_embeddings": {"search"}}


def test_the_classes_are_found() -> None:
    assert len(CLASSES) >= 10


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_columns_types_keys_and_defaults_match_the_schema(kind: type[SQLModel], database: str) -> None:
    table: Table = kind.__table__  # type: ignore[attr-defined]
    inspector = inspect(engine())
    found = {column["name"]: column for column in inspector.get_columns(table.name)}
    assert set(table.columns.keys()) == set(found) - COMPUTED.get(table.name, set())
    assert [key.name for key in table.primary_key] == inspector.get_pk_constraint(table.name)["constrained_columns"]
    for column in table.columns:
        real = found[column.name]
        assert column.nullable == real["nullable"], column.name
        assert _type(column.type) == _type(real["type"]), column.name


def _type(kind: TypeEngine[object]) -> str:
    written = kind.compile(engine().dialect).upper()
    return "VECTOR" if written.startswith("VECTOR(") else written  # how long a vector is, is a setting
