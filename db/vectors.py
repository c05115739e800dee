"""Vectors that were made before, by the text that was embedded and the model: nothing is embedded twice."""

from __future__ import annotations

import array
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from db.embedding_column import SHORTENED
from db.engine import rows, run
from db.settings import get_settings


def dimensions() -> int:
    """How many numbers a vector has in this installation."""
    return get_settings().embedding_dimensions


def fitted(vector: Sequence[float], model: str) -> list[float]:
    """The vector in the length of this installation. Raises ValueError where numbers that count would be lost."""
    wanted = dimensions()
    if any(vector[wanted:]) and SHORTENED.strip("%") not in model:
        raise ValueError(f"vectors of {model} have more than {wanted} numbers")
    return [*vector[:wanted], *[0.0] * (wanted - len(vector))]


def text_hash(text: str) -> bytes:
    """What a text is found by."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def known(tx: Session, model: str, texts: Sequence[str], now: datetime) -> dict[str, list[float]]:
    """The vectors of those texts that this model embedded before."""
    by_hash = {text_hash(text): text for text in texts}
    found = rows(
        tx,
        """UPDATE embedding_cache SET used_at = %(now)s WHERE model = %(model)s AND text_hash = ANY(%(hashes)s)
           RETURNING text_hash, vector""",
        model=model,
        hashes=list(by_hash),
        now=now,
    )
    return {by_hash[bytes(row["text_hash"])]: _unpack(bytes(row["vector"])) for row in found}


def keep(tx: Session, workspace: UUID, model: str, vectors: Mapping[str, Sequence[float]], now: datetime) -> None:
    """Remember what was embedded."""
    run(
        tx,
        """INSERT INTO embedding_cache (workspace_id, model, text_hash, vector, used_at)
           SELECT %(w)s, %(model)s, hash, vector, %(now)s FROM unnest(%(hashes)s::bytea[], %(vectors)s::bytea[]) AS v(hash, vector)
           ON CONFLICT (workspace_id, model, text_hash) DO NOTHING""",
        w=workspace,
        model=model,
        hashes=[text_hash(text) for text in vectors],
        vectors=[_pack(vector) for vector in vectors.values()],
        now=now,
    )


def prune(tx: Session, before: datetime, most: int) -> int:
    """Forget vectors that nobody asked for since; returns how many. Needs a `system()` transaction."""
    return run(
        tx,
        """DELETE FROM embedding_cache WHERE ctid IN (SELECT ctid FROM embedding_cache WHERE used_at < %(before)s LIMIT %(most)s)""",
        before=before,
        most=most,
    )


def _pack(vector: Sequence[float]) -> bytes:
    """Float32 without the zeros at the end, which padding put there."""
    packed = array.array("f", vector)
    while packed and packed[-1] == 0.0:
        packed.pop()
    return packed.tobytes()


def _unpack(data: bytes) -> list[float]:
    vector = array.array("f")
    vector.frombytes(data)
    return [*vector, *[0.0] * (dimensions() - len(vector))]
