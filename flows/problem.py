"""A problem of an automation, as the page shows it beside the field."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """What is wrong, where, and what to do about it. `step` is '' where the automation as a whole is meant."""

    step: str
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        where = f"Step '{self.step}', {self.field}: " if self.step else ""
        return f"{where}{self.message} {self.remedy}"
