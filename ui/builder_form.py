"""The middle of the builder: the settings of the chosen step, what it works on, when it runs, and what happens when it fails."""

from __future__ import annotations

from typing import Any

import streamlit as st

from flows import editing, message_templates
from flows.automation import Step
from flows.check import Problem
from nodes.contract import NodeSpec
from ui import (
    builder_desk,
    builder_fields,
    builder_reach,
    builder_steps,
    builder_when,
    builder_widget,
    forms,
    parts,
    pickers,
    saved_texts,
    whatsapp_templates,
    words,
)
from ui.builder_desk import Desk
from ui.builder_widget import Around
from ui.session import Here
from ui.text import plain

ON_ERROR = {"stop": "Stop the run", "continue": "Go on with the next step"}


def draw(me: Here, desk: Desk, problems: list[Problem], *, may_edit: bool) -> None:
    step = next((step for step in desk.document.steps if step.id == desk.selected), None)
    if step is None:
        parts.empty("Tap a step", "Its settings appear here.", "touch_app")
        return
    spec = builder_steps.spec_of(step.node)
    ours = [problem for problem in problems if problem.step == step.id]
    with st.container(border=True, key="step_form"):
        _title(desk, step, spec, may_edit)
        if spec is None:
            st.warning("This version does not know this step. Remove it, or update Frontdesk.")
            return
        builder_reach.draw(me, desk, step, spec)
        _settings(me, desk, step, spec, ours, may_edit)
        if step is not desk.document.steps[0]:
            builder_when.draw(desk, step, ours, may_edit=may_edit)
            _inputs(desk, step, spec, ours, may_edit)
            _options(desk, step, may_edit)


def told(problem: Problem) -> str:
    """A problem for the reader who sees the field it is about."""
    return f"{problem.message} {problem.remedy}".strip()


def _title(desk: Desk, step: Step, spec: NodeSpec | None, may_edit: bool) -> None:
    key = desk.key(step.id, "title")
    if not may_edit:
        st.markdown(f"**{plain(builder_steps.title_of(step))}**")
        return

    def rename() -> None:
        title = st.session_state[key] or ""
        if title != step.title:  # a field that has just left the page reports once more: see builder_widget
            builder_desk.change(lambda doc: editing.set_title(doc, step.id, title))

    st.text_input(
        "Name of the step",
        value=step.title,
        key=key,
        placeholder=spec.title if spec else step.node,
        max_chars=80,
        label_visibility="collapsed",
        icon=f":material/{spec.icon if spec else 'help'}:",
        on_change=rename,
    )
    if spec is not None:
        st.caption(spec.description)


def _settings(me: Here, desk: Desk, step: Step, spec: NodeSpec, problems: list[Problem], may_edit: bool) -> None:
    is_first = step is desk.document.steps[0]
    around = Around(
        key=desk.key(step.id, "set"),
        disabled=not may_edit,
        offers=() if is_first else editing.references(desk.document, step.id, kind="text"),
        options=lambda picker, values: pickers.options(me.workspace.id, picker, values),
        kept=lambda name: builder_desk.setting(step.id, name),
        templates=lambda: whatsapp_templates.shelf(me.workspace.id),
        saved=lambda: message_templates.saved_texts(me.workspace.id),
        saved_for=saved_texts.fields(me.workspace.id, spec),
        problems=_by_field(problems, "config"),
    )
    with parts.slot("config"):
        if "config" in (around.problems or {}):
            builder_widget.wrong((around.problems or {})["config"])

    def put(name: str, value: Any) -> None:
        builder_desk.change(lambda doc: editing.set_config(doc, step.id, name, value))

    every = forms.fields_of(spec.config)
    long = [field for field in every if builder_fields.is_long(field)]
    builder_fields.draw_all([field for field in every if field not in long], step.config, around, put)
    if long:
        with st.expander("Words that count", icon=":material/format_list_bulleted:"):
            builder_fields.draw_all(long, step.config, around, put)


def _inputs(desk: Desk, step: Step, spec: NodeSpec, problems: list[Problem], may_edit: bool) -> None:
    """Which earlier results the step works on. Folded up where all is well: a new step is connected by itself."""
    fields = forms.fields_of(spec.input)
    if not fields:
        return
    wrong = _by_field(problems, "input")
    with st.expander("What it works on", icon=":material/input:", expanded=bool(wrong)):
        for field in fields:
            _input(desk, step, field, wrong.get(field.name, ""), may_edit)


def _input(desk: Desk, step: Step, field: forms.FormField, problem: str, may_edit: bool) -> None:
    offered = {offer.ref: offer for offer in editing.fitting(desk.document, step.id, field.name)}
    now = step.input.get(field.name, "")
    refs: list[str] = ["", *offered, *([now] if now and now not in offered else [])]
    key = desk.key(step.id, "in", field.name)

    def name(ref: str) -> str:
        if not ref:
            return "Choose" if field.required else "Not connected"
        return offered[ref].words if ref in offered else editing.in_words(desk.document, ref)

    def connect() -> None:
        chosen = st.session_state[key] or ""
        if chosen != now:
            builder_desk.change(lambda doc: editing.set_input(doc, step.id, field.name, chosen))

    st.selectbox(
        field.label, refs, index=refs.index(now), key=key, format_func=name, help=field.help, disabled=not may_edit,
        on_change=connect,
    )  # fmt: skip
    if problem:
        builder_widget.wrong(problem)


def _options(desk: Desk, step: Step, may_edit: bool) -> None:
    with st.expander("When it does not work", icon=":material/healing:"):
        stop, retries, timeout = desk.key(step.id, "error"), desk.key(step.id, "retries"), desk.key(step.id, "timeout")
        st.segmented_control(
            "What happens then",
            tuple(ON_ERROR),
            default=step.on_error,
            required=True,
            format_func=ON_ERROR.__getitem__,
            key=stop,
            disabled=not may_edit,
            on_change=lambda: _set(step, on_error=st.session_state[stop]),
        )
        st.number_input(
            "How often it is tried again", 0, 5, step.retries, key=retries, disabled=not may_edit,
            on_change=lambda: _set(step, retries=st.session_state[retries]),
        )  # fmt: skip
        st.number_input(
            "Seconds until it counts as failed", 1, 600, int(step.timeout_seconds), key=timeout, disabled=not may_edit,
            on_change=lambda: _set(step, timeout=st.session_state[timeout]),
        )  # fmt: skip
        st.caption(
            f"A later step can ask for it: “{plain(builder_steps.title_of(step))} {words.TRIGGER_NOTES['failed']}”."
        )


def _set(step: Step, **options: Any) -> None:
    now = {"on_error": step.on_error, "retries": step.retries, "timeout": int(step.timeout_seconds)}
    if any(now[name] != value for name, value in options.items()):
        builder_desk.change(lambda doc: editing.set_step_options(doc, step.id, **options))


def _by_field(problems: list[Problem], part: str) -> dict[str, str]:
    """The problems of the settings or of the inputs, by the path below."""
    return {
        problem.field.removeprefix(f"{part}."): told(problem)
        for problem in problems
        if problem.field == part or problem.field.startswith(f"{part}.")
    }
