"""A test in this window: what it is run with, what was pinned and changed by hand, and what came out. Nothing of it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import streamlit as st

from flows import trial
from flows.automation import Automation
from flows.trial import PastMessage, Sample, Trial, Typed
from ui import builder_desk, session
from ui.session import Here

KEY = "trial"
Given = Sample | Typed | PastMessage


@dataclass
class Bench:
    """The last test of one automation."""

    automation: UUID
    given: Given = field(default_factory=Sample)
    document: Automation | None = None  # that was tested
    found: Trial | None = None
    pins: dict[str, Mapping[str, Any]] = field(
        default_factory=dict
    )  # step -> the output that is used instead of running it
    inputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # step -> the input that a person wrote
    number: int = 0  # of the test: part of the keys of its fields


def bench(automation: UUID) -> Bench:
    found = st.session_state.get(KEY)
    if not isinstance(found, Bench) or found.automation != automation:
        found = st.session_state[KEY] = Bench(automation)
    return found


def run(given: Given, *, afresh: bool = True) -> None:
    """Test the draft of this window. `afresh` forgets what was changed by hand; pins stay."""
    desk = builder_desk.here()
    held = bench(desk.automation)
    if afresh:
        held.inputs.clear()
    held.given = given
    _run(held, desk.document)


def again_from(step: str, values: Mapping[str, Any] | None) -> None:
    """Run the step, and all behind it, anew; what came before keeps its results. `values` = the input that a person wrote."""
    desk = builder_desk.here()
    held = bench(desk.automation)
    if values is not None:
        held.inputs[step] = values
    if held.found is not None:
        _run(held, desk.document, step)


def pin(step: str, output: Mapping[str, Any] | None) -> None:
    """Use this output from now on instead of running the step; None runs it again."""
    held = bench(builder_desk.here().automation)
    if output is None:
        held.pins.pop(step, None)
    else:
        held.pins[step] = output


def _run(held: Bench, document: Automation, start_at: str | None = None) -> None:
    earlier = held.found.outputs if start_at is not None and held.found is not None else {}
    found = session.act("build", lambda me: _tried(me, held, document, start_at, earlier))
    if found is not None:
        held.found, held.document = found, document
        held.number += 1


def _tried(me: Here, held: Bench, document: Automation, start_at: str | None, earlier: Mapping[str, Any]) -> Trial:
    return trial.trial(
        me.workspace.id, document, held.given, pins=held.pins, inputs=held.inputs, start_at=start_at, earlier=earlier
    )
