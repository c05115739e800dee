"""The button that makes the draft the live version: what will change, a note, and what stands in the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from db import automations, views
from flows import history
from flows.actions import ActionRefused
from flows.automation import Automation
from flows.check import CheckFailed, Problem
from flows.drafts import Draft
from flows.publish import publish, review_needed
from ui import builder_desk, builder_form, builder_published, builder_steps, builder_tabs, session
from ui.builder_desk import Desk
from ui.session import Here
from ui.text import plain

SHOWN = 12
REFUSED = "publish_refused"


@dataclass(frozen=True)
class Obstacle:
    """One reason not to publish: what it is about, what to do, and the way there."""

    about: str
    sentence: str
    action: str = ""
    go: Callable[[], None] = lambda: None


def button(me: Here, desk: Desk, draft: Draft, problems: list[Problem]) -> None:
    opened = st.popover(
        "Publish", icon=":material/rocket_launch:", type="primary", disabled=desk.conflict is not None,
        key=_key(desk, draft), on_change="rerun",
    )  # fmt: skip
    if not opened.open:
        st.session_state.pop(REFUSED, None)
        return
    with opened:
        if obstacles := _obstacles(me, desk, problems):
            _not_yet(obstacles, _key(desk, draft))
        else:
            _ready(me, desk, draft)


def _obstacles(me: Here, desk: Desk, problems: list[Problem]) -> list[Obstacle]:
    """Everything at once, so that nobody learns of the second reason only after the first is out of the way."""
    if not desk.document.steps:
        return [Obstacle("Nothing in it yet", "Choose what starts it, and add a step.")]
    found = [_of(desk, problem) for problem in problems]
    if desk.newer is not None:
        who = desk.newer.updated_by or "Somebody else"
        told = f"{who} changed this draft meanwhile. Look at the newest, then publish that."
        found.append(Obstacle("Not the newest draft", told, "Show the newest", builder_desk.load_theirs))
    with me.read() as tx:
        row = automations.editable(tx, desk.automation)
        needed = review_needed(tx, row) if row else ""
    if needed:
        found.append(Obstacle("Backtest", needed, "Go to the backtest", lambda: builder_tabs.show(desk.automation, "backtest")))  # fmt: skip
    return found


def _of(desk: Desk, problem: Problem) -> Obstacle:
    step = next((step for step in desk.document.steps if step.id == problem.step), None)
    if step is None:
        return Obstacle("The automation", builder_form.told(problem))
    about = builder_steps.title_of(step)
    return Obstacle(about, builder_form.told(problem), "Show", lambda: builder_tabs.show_step(desk.automation, problem.step))  # fmt: skip


def _not_yet(obstacles: list[Obstacle], popover: str) -> None:
    things = "1 thing is" if len(obstacles) == 1 else f"{len(obstacles)} things are"
    st.markdown(f"**Not yet: {things} open**")
    for number, each in enumerate(obstacles[:SHOWN]):
        with st.container(horizontal=True, vertical_alignment="center", key=f"obstacle_{number}"):
            st.markdown(f":red[:material/error: **{plain(each.about)}**]  \n{plain(each.sentence)}", width="stretch")
            if each.action:
                st.button(each.action, key=f"obstacle:{number}", on_click=_leave, args=(popover, each.go))
    if len(obstacles) > SHOWN:
        st.caption(f"And {len(obstacles) - SHOWN} more, which appear when these are settled.")


def _leave(popover: str, go: Callable[[], None]) -> None:
    st.session_state[popover] = False
    go()


def _ready(me: Here, desk: Desk, draft: Draft) -> None:
    with me.read() as tx:
        found = views.automation(tx, desk.automation)
    live = Automation.model_validate(found.document) if found and found.document else None
    changes = history.diff(live, desk.document) if live else []
    if live is None:
        st.markdown("**The first version.** From then on it is live, until you switch it off in the list.")
    elif not changes:
        st.markdown(f"Nothing differs from version {draft.live_version}, which is live.")
        return
    else:
        st.markdown(f"**Changes since version {draft.live_version}**")
        st.markdown("\n".join(f"- {plain(change.sentence)}" for change in changes[:SHOWN]))
        if len(changes) > SHOWN:
            st.caption(f"And {len(changes) - SHOWN} more: all of them are under Versions.")
    st.text_input("Note (optional)", key=desk.key("note"), max_chars=200, placeholder="What is new and why")
    st.caption("Runs that are under way end with the version they began with.")
    st.button("Publish now", type="primary", icon=":material/check:", key=desk.key("publish_now"), on_click=_publish)
    if refused := st.session_state.get(REFUSED):
        st.markdown(f":red[:material/error: **Not published.** {plain(refused)}]")


def _publish() -> None:
    desk = builder_desk.here()
    # Read now: what was typed last may have arrived with the click.
    note = str(st.session_state.get(desk.key("note")) or "").strip()
    number = session.act("build", lambda me: _published(me, desk, note))
    if number is not None:
        builder_published.remember(desk.automation, number)


def _published(me: Here, desk: Desk, note: str) -> int | None:
    """The number of the version; None where it was refused, which is then said beside the button."""
    st.session_state.pop(REFUSED, None)
    try:
        return publish(me.workspace.id, desk.automation, me.user.id, note, seen_revision=desk.revision)
    except CheckFailed as refusal:
        st.session_state[REFUSED] = " ".join(builder_form.told(problem) for problem in refusal.problems)
    except (ActionRefused, LookupError) as refusal:
        st.session_state[REFUSED] = str(refusal)
    return None


def _key(desk: Desk, draft: Draft) -> str:
    # Another live version is another popover: one that did its work is closed.
    return f"publish:{desk.automation}:{draft.live_version}"
