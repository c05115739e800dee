"""What became of an effect that was performed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session


@dataclass(frozen=True)
class Done:
    """`also` is written in the same transaction as the settlement: which id it has elsewhere, what it changed.

    `refused` = it was refused for good, in a sentence, and `also` says what follows from that.
    """

    provider_message_id: str | None = None
    message_state: str = ""
    also: Callable[[Session], object] | None = None
    refused: str = ""
    refused_code: str = ""
