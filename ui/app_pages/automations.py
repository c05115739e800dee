"""Automations: what happens when a customer writes, as a diagram and in words."""

from __future__ import annotations

import streamlit as st

from db import views
from db.views import AutomationDetail, AutomationLine
from flows.automation import Automation, Step
from nodes import registry
from ui import canvas, parts, session, words
from ui.session import Here
from ui.text import plain


@st.fragment
def page() -> None:
    me = session.here()
    parts.live(me.workspace.id, "run", "automation", key="live_automations")
    with me.read() as tx:
        lines = views.automation_list(tx)
    st.subheader("Automations")
    if not lines:
        parts.empty(
            "No automation yet",
            "Without one nothing is answered automatically: every message waits for a person.",
            "account_tree",
        )
        return
    picked = _pick(me, lines)
    with me.read() as tx:
        automation = views.automation(tx, picked.id)
    if automation is not None:
        _show(me, automation)


def _pick(me: Here, lines: list[AutomationLine]) -> AutomationLine:
    """The automation that the address names, else the first; a choice only where there are several."""
    named = st.query_params.get("id", "")
    current = next((line for line in lines if str(line.id) == named), lines[0])
    if len(lines) > 1:
        parts.rows(
            [_item(line) for line in lines],
            key="automation_rows",
            label="Automations",
            empty={"title": "", "text": ""},
            selected=str(current.id),
            on_choose=_open,
        )
    return current


def _item(line: AutomationLine) -> dict[str, object]:
    state, tone = status(line)
    return {
        "id": str(line.id),
        "title": line.name,
        "symbol": "account_tree",
        "text": line.description,
        "at": line.last_run_at.isoformat() if line.last_run_at else "",
        "chips": [{"text": state, "tone": tone}],
    }


def status(line: AutomationLine) -> tuple[str, str]:
    """Whether an automation answers, in words, with its tone."""
    if line.live_version is None:
        return "Never published", "warn"
    return (f"Live, version {line.live_version}", "good") if line.enabled else ("Switched off", "")


def _show(me: Here, automation: AutomationDetail) -> None:
    state, tone = status(automation)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"### {plain(automation.name)}", width="content")
        st.badge(state, color="green" if tone == "good" else "orange" if tone == "warn" else "gray")
    st.markdown(plain(automation.description))
    if automation.published_at:
        by = f" by {plain(automation.published_by)}" if automation.published_by else ""
        st.caption(f"Published {words.local(automation.published_at, me.workspace.timezone)}{by}")
    document = Automation.model_validate(automation.document or automation.draft)
    selected = st.session_state.get("step", "")
    diagram, words_tab = st.tabs(["Diagram", "In words"])
    with diagram:
        left, right = st.columns([2, 1], gap="medium")
        with left:
            parts.canvas(canvas.drawing(document, selected=selected), key="canvas", on_step=_select)
        with right:
            _step(document, selected)
    with words_tab:
        _in_words(document)


def _step(document: Automation, selected: str) -> None:
    """What the tapped step gets, does and gives."""
    step = next((step for step in document.steps if step.id == selected), None)
    if step is None:
        parts.empty("Tap a step", "Its settings and results appear here.", "touch_app")
        return
    spec = next((spec for spec in registry.all_specs() if spec.key == step.node), None)
    with st.container(border=True):
        st.markdown(f"**{plain(step.title or (spec.title if spec else step.node))}**")
        if spec is None:
            st.warning("This version does not know this step.")
            return
        st.markdown(spec.description)
        for told in words.settings_of(step, spec):
            st.markdown(f"- {plain(told)}")
        if step.input:
            st.markdown(
                "**Gets**\n"
                + "\n".join(
                    f"- {words.named(name)}: {plain(source(reference, document))}"
                    for name, reference in step.input.items()
                )
            )
        st.markdown(
            "**Gives**\n"
            + "\n".join(f"- {plain(info.description or name)}" for name, info in spec.output.model_fields.items())
        )


def source(reference: str, document: Automation) -> str:
    """Where an input comes from: 'text of “A customer writes”'."""
    step_id, _, field = reference.partition(".")
    step = next((step for step in document.steps if step.id == step_id), None)
    return f"{words.named(field).lower()} of “{(step.title or step.id) if step else step_id}”"


def _in_words(document: Automation) -> None:
    specs = {
        step.id: next((spec for spec in registry.all_specs() if spec.key == step.node), None) for step in document.steps
    }
    lines = []
    for number, step in enumerate(document.steps, 1):
        conditions = [canvas.label(canvas.Asked(when.value, when.is_), document, specs) for when in step.when]
        lines.append(f"{number}. {_sentence(step, specs, conditions)}")
    st.markdown("\n".join(lines))


def _sentence(step: Step, specs: canvas.Specs, conditions: list[str]) -> str:
    card = canvas.card(step, specs[step.id])
    asked = f" :gray[{plain('; '.join(conditions))}]" if conditions else ""
    told = f" :gray[{plain(' · '.join(card['settings']))}]" if card["settings"] else ""
    return f"**{plain(card['title'])}**{asked}  \n{plain(card['sentence'])}{told}"


def _select(step: str) -> None:
    st.session_state["step"] = step


def _open(automation: str) -> None:
    st.query_params["id"] = automation
    st.session_state["step"] = ""


page()
