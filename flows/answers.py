"""What ends a pause in a test: the customer answers, a colleague approves. Values that fit what a step asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from db.journal import StepRecord
from flows.plan import BoundStep
from flows.rehearsal import Wake

_ANSWERS = {"text": "Yes, please.", "number": "3", "email": "sam@example.com", "phone": "+12025550142"}


def approved(step: BoundStep, record: StepRecord) -> Mapping[str, Any] | None:
    """A colleague approves what waits for one; everything else waits for its time."""
    if "approval" not in record.detail.get("wakes_on", ()):
        return None
    return {"kind": "approval", "approved": True, "by": "A colleague", "note": ""}


def answering(answers: Mapping[str, str]) -> Wake:
    """Like `approved`, and the customer answers: what is given for the step, else something that fits."""

    def wake(step: BoundStep, record: StepRecord) -> Mapping[str, Any] | None:
        if "message" not in record.detail.get("wakes_on", ()):
            return approved(step, record)
        return {"kind": "message", "text": answers.get(step.id) or _fitting(step, record)}

    return wake


def _fitting(step: BoundStep, record: StepRecord) -> str:
    config = step.step.config
    if config.get("kind") == "choice" and config.get("choices"):
        return str(config["choices"][0])
    if config.get("kind") == "date":
        return (record.started_at + timedelta(days=7)).strftime("%d %B %Y")
    return _ANSWERS.get(str(config.get("kind")), _ANSWERS["text"])
