""" "Only if": the conditions of a step in words, chosen from what earlier steps found out."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from flows import editing
from flows.automation import Automation, Step, When
from flows.check import Problem
from ui import builder_desk, builder_steps, builder_widget, canvas
from ui.builder_desk import Desk
from ui.text import plain

WORDS = {"Only if": True, "Unless": False}


def draw(desk: Desk, step: Step, problems: list[Problem], *, may_edit: bool) -> None:
    wrong = next((problem for problem in problems if problem.field == "when"), None)
    st.markdown(":small[**Runs**]")
    if not step.when:
        st.caption("Always. Add a condition to run it only in some cases.")
    for number, condition in enumerate(step.when):
        _condition(desk, step, condition, number, may_edit)
    if wrong:
        builder_widget.wrong(f"{wrong.message} {wrong.remedy}")
    if may_edit:
        _add(desk, step)


def claim(document: Automation, ref: str) -> str:
    """What a yes/no result says, as the diagram words it: 'nothing blocks'."""
    specs = {step.id: builder_steps.spec_of(step.node) for step in document.steps}
    return canvas.label(canvas.Asked(ref, True), document, specs).removeprefix("Only if ")


def source(document: Automation, ref: str) -> str:
    """The step that a condition asks."""
    id = ref.partition(".")[0]
    return next((builder_steps.title_of(step) for step in document.steps if step.id == id), "a step that is gone")


def _condition(desk: Desk, step: Step, condition: When, number: int, may_edit: bool) -> None:
    word = "Only if" if condition.is_ else "Unless"
    key = desk.key(step.id, "turn", number, len(step.when), condition.value)

    def turn() -> None:
        is_ = WORDS[st.session_state[key] or word]
        if is_ != condition.is_:
            turned = When.model_validate({"value": condition.value, "is": is_})
            _set(step.id, [turned if other == condition else other for other in _by_now(step)])

    def remove() -> None:
        _set(step.id, [other for other in _by_now(step) if other != condition])

    with st.container(border=True, gap="xsmall", key=f"when_{number}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.segmented_control(
                "Only if or unless", tuple(WORDS), default=word, required=True, key=key, disabled=not may_edit,
                label_visibility="collapsed", on_change=turn,
            )  # fmt: skip
            if may_edit:
                st.button(
                    ":material/close:", key=f"{key}:gone", type="tertiary", help="Remove the condition",
                    on_click=remove,
                )  # fmt: skip
        says, about = claim(desk.document, condition.value), source(desk.document, condition.value)
        of = "" if f"“{about}”" in says else f"  \n:small[:gray[{plain(about)}]]"
        st.markdown(f":small[{plain(says)}]{of}")


def _add(desk: Desk, step: Step) -> None:
    """A menu of yes/no results of earlier steps; choosing one adds the condition, which can then be turned round."""
    asked = {condition.value for condition in step.when}
    offers = {
        offer.ref: offer
        for offer in editing.references(desk.document, step.id, kind="boolean")
        if offer.ref not in asked
    }
    if not offers:
        return
    key = desk.key(step.id, "when", len(step.when), *sorted(asked))

    def add() -> None:
        chosen = st.session_state[key]
        now = _by_now(step)
        if chosen and chosen not in {condition.value for condition in now}:
            _set(step.id, [*now, When(value=chosen)])

    st.selectbox(
        "Add a condition",
        list(offers),
        index=None,
        key=key,
        placeholder="Only if …",
        format_func=named(desk.document),
        label_visibility="collapsed",
        on_change=add,
    )


def named(document: Automation) -> Callable[[str], str]:
    def name(ref: str) -> str:
        says, about = claim(document, ref), source(document, ref)
        return f"Only if {says}" if f"“{about}”" in says else f"Only if {says} ({about})"

    return name


def _by_now(step: Step) -> list[When]:
    """Its conditions when a report arrives: another one of the same moment may have changed them."""
    now = next((other for other in builder_desk.here().document.steps if other.id == step.id), step)
    return list(now.when)


def _set(step: str, conditions: list[When]) -> None:
    builder_desk.change(lambda doc: editing.set_when(doc, step, conditions))
