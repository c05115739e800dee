"""The models of a workspace: which one answers, which one embeds, what they cost."""

from decimal import Decimal
from typing import Literal
from uuid import UUID

from sqlmodel import Session, col, select

from db import tables
from db.engine import run
from db.records import Model, record

Purpose = Literal["chat", "embedding"]


def default(tx: Session, purpose: Purpose) -> Model | None:
    """The model that is used for this purpose when nothing else is said; None where none was chosen."""
    table = tables.Model
    row = tx.exec(select(table).where(table.purpose == purpose, col(table.is_default))).first()
    return record(Model, row) if row else None


def all_models(tx: Session) -> list[Model]:
    """Every model of the workspace, by purpose and name."""
    table = tables.Model
    found = tx.exec(select(table).order_by(table.purpose, table.model_name, col(table.id)))
    return [record(Model, row) for row in found]


def upsert(
    tx: Session,
    workspace: UUID,
    purpose: Purpose,
    provider: str,
    model_name: str,
    *,
    connection: UUID | None = None,
    temperature: float = 0.3,
    max_tokens: int = 600,
    price_in_per_million: Decimal | None = None,
    price_out_per_million: Decimal | None = None,
    is_default: bool = True,
) -> Model:
    """Set a model of the workspace, found by purpose, connection and name. A price of None is unknown."""
    row = _find(tx, workspace, purpose, connection, model_name) or tables.Model(
        workspace_id=workspace, connection_id=connection, purpose=purpose, provider=provider, model_name=model_name
    )
    if is_default and not row.is_default:
        _clear_default(tx, workspace, purpose)
    row.provider, row.temperature, row.max_tokens = provider, temperature, max_tokens
    row.price_in_per_million, row.price_out_per_million = price_in_per_million, price_out_per_million
    row.is_default = is_default
    tx.add(row)
    tx.flush()
    return record(Model, row)


def _clear_default(tx: Session, workspace: UUID, purpose: Purpose) -> None:
    run(
        tx,
        "UPDATE ai_models SET is_default = false WHERE workspace_id = %(workspace)s AND purpose = %(purpose)s AND is_default",
        workspace=workspace,
        purpose=purpose,
    )


def _find(
    tx: Session, workspace: UUID, purpose: Purpose, connection: UUID | None, model_name: str
) -> tables.Model | None:
    table = tables.Model
    same_connection = table.connection_id == connection if connection else col(table.connection_id).is_(None)
    return tx.exec(
        select(table).where(
            table.workspace_id == workspace, table.purpose == purpose, table.model_name == model_name, same_connection
        )
    ).first()
