"""The tab of versions: what is live, what changed from one to the next, who published it; go back, export."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from db import views
from flows import history
from flows.automation import Automation
from flows.drafts import Draft
from flows.history import Difference, VersionLine
from ui import builder_desk, parts, passing, session, words
from ui.builder_desk import Desk
from ui.session import Here
from ui.text import plain


def draw(me: Here, desk: Desk, draft: Draft) -> None:
    with me.read() as tx:
        lines = history.versions(tx, desk.automation)
        found = views.automation(tx, desk.automation)
    live = Automation.model_validate(found.document) if found and found.document else None
    _draft(me, desk, draft, live)
    if not lines:
        parts.empty("Not published yet", "Each time you publish, the version stays here for good.", "history")
    for line in lines:
        _version(me, desk, draft, line, lines)


def _draft(me: Here, desk: Desk, draft: Draft, live: Automation | None) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            by = f" by {plain(draft.updated_by)}" if draft.updated_by else ""
            st.markdown(f"**Draft**  \n:small[:gray[Changed {words.minute(draft.updated_at, me.workspace.timezone)}{by}]]", width="stretch")  # fmt: skip
            _export(me, desk, None)
        if live is not None:
            differences(history.diff(live, desk.document), "The draft is the same as the live version.")


def differences(found: Sequence[Difference], none: str) -> None:
    """A readable comparison: what changed, with before and after."""
    if not found:
        st.caption(none)
    for change in found:
        more = {"added": change.after, "removed": change.before}.get(change.what, "")
        st.markdown(f"- {plain(change.sentence)}" + (f" :gray[{plain(more)}]" if more else ""))


def _version(me: Here, desk: Desk, draft: Draft, line: VersionLine, lines: Sequence[VersionLine]) -> None:
    is_live = line.number == draft.live_version
    with st.container(border=True, key=f"version_{line.number}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            by = f" by {plain(line.by)}" if line.by else ""
            st.markdown(
                f"**Version {line.number}**{f': {plain(line.note)}' if line.note else ''}  \n"
                f":small[:gray[Published {words.minute(line.at, me.workspace.timezone)}{by} · {line.runs} {'run' if line.runs == 1 else 'runs'}]]",
                width="stretch",
            )
            if is_live:
                st.badge(
                    "Live" if draft.enabled else "Newest, switched off", color="green" if draft.enabled else "gray"
                )
            _export(me, desk, line.number)
            if me.may("build") and not is_live:
                _roll_back(line.number)
        earlier = next((other for other in lines if other.number < line.number), None)
        if earlier is not None:
            with st.expander(
                f"What changed since version {earlier.number}", on_change="rerun", key=f"diff:{line.number}"
            ) as opened:
                if opened.open:
                    with me.read() as tx:
                        before = history.version_document(tx, desk.automation, earlier.number)
                        after = history.version_document(tx, desk.automation, line.number)
                    differences(history.diff(before, after), "Nothing changed.")


def _roll_back(number: int) -> None:
    with st.popover("Go back to this", icon=":material/settings_backup_restore:", key=f"back:{number}"):
        st.markdown(f"Version {number} is published again as the newest, and the draft becomes it.")
        st.button("Yes, go back", key=f"back_now:{number}", type="primary", on_click=_back, args=(number,))


def _back(number: int) -> None:
    desk = builder_desk.here()
    made = session.act("build", lambda me: history.roll_back(me.workspace.id, me.user.id, desk.automation, number))
    if made is not None:
        builder_desk.load_theirs()
        passing.say(f"Version {made} is live; it is the same as version {number}.")


def _export(me: Here, desk: Desk, number: int | None) -> None:
    """A file without secrets. It is made only when it is asked for."""
    name = re.sub(r"[^a-z0-9]+", "-", desk.document.name.lower()).strip("-") or "automation"
    workspace, automation = me.workspace.id, desk.automation
    st.download_button(
        "Export",
        data=lambda: history.export_file(workspace, automation, number),
        file_name=f"{name}{f'-v{number}' if number else ''}.json",
        mime="application/json",
        icon=":material/download:",
        key=f"export:{number or 'draft'}",
        on_click="ignore",
    )
