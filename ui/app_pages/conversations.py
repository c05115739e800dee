"""Conversations: who wrote, who answers, and the thread, which changes by itself while it is open."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import streamlit as st

from db import connections, views
from flows import actions
from ui import explain, frame, health, inbox, parts, pen, place, session, talk, template_reply
from ui.session import Here

PAGE = 50
THREAD = "thread"


@st.fragment
def conversations() -> None:
    me = session.here()
    parts.live(me.workspace.id, "message", "conversation", "handoff", "run", key="live_conversations")
    left, right = st.columns([1, 1.9], gap="medium")
    opened, is_any = place.identity("c"), _is_any(me)
    frame.show_on_phone("pane_thread" if opened else "pane_list", among=("pane_list", "pane_thread"))
    with left, st.container(key="pane_list"):
        if is_any:
            _list(me)
        else:
            _first(me)
    with right, st.container(key="pane_thread"):
        if opened:
            _thread(me, opened)
        elif is_any:
            _invitation(me)


def _is_any(me: Here) -> bool:
    with me.read() as tx:
        return bool(views.conversation_list(tx, limit=1))


def _list(me: Here) -> None:
    search = st.text_input(
        "Search",
        key="search",
        placeholder="Name, phone or e-mail",
        icon=":material/search:",
        label_visibility="collapsed",
    )
    picked = st.pills("Show", inbox.FILTERS, key="filter", default="All", label_visibility="collapsed") or "All"
    wanted = st.session_state.get("wanted", PAGE)
    with me.read() as tx:
        found = inbox.find(tx, picked, search.strip(), me.user.id, wanted + 1)
    parts.rows(
        [inbox.item(row) for row in found[:wanted]],
        key="inbox",
        label="Conversations",
        empty=inbox.nothing(picked, search),
        selected=place.at("c"),
        tall=True,
        more="Show more" if len(found) > wanted else "",
        on_choose=_open,
        on_more=_more,
    )


def _first(me: Here) -> None:
    """Nobody wrote yet: where the first conversation comes from."""
    with me.read() as tx:
        chat = health.chat_address(connections.all_connections(tx))
    parts.empty("No conversations yet", "Write in the web chat, and the conversation appears here at once.", "forum")
    st.link_button("Open the web chat", chat, icon=":material/open_in_new:")


def _thread(me: Here, conversation_id: UUID) -> None:
    st.container(key="narrow_back").button("Back to the list", icon=":material/arrow_back:", on_click=place.go)
    limit = st.session_state.get(f"limit:{conversation_id}", PAGE)
    with me.read() as tx:
        conversation = views.conversation(tx, conversation_id)
        messages = views.thread(tx, conversation_id, limit=limit + 1)
    if conversation is None:
        st.warning("This conversation does not exist in this workspace, or it was deleted.")
        return
    if conversation.unread and me.may("reply"):
        actions.mark_read(me.workspace.id, conversation_id, me.user.id)
    pen.header(me, conversation)
    pen.request(conversation)
    now = datetime.now(UTC)
    needs_template = me.may("reply") and talk.is_closed(conversation, now)
    parts.thread(
        talk.thread_data(
            conversation,
            messages[-limit:],
            now=now,
            may_reply=me.may("reply"),
            me=me.user.name,
            older=len(messages) > limit,
            settled=st.session_state.get("settled", []),
            refused=st.session_state.get("refused"),
            below=template_reply.height(conversation) if needs_template else 0,
        ),
        key=THREAD,
        on_reply=_reply,
        on_why=_ask,
        on_older=_older,
    )
    if needs_template:
        template_reply.draw(me, conversation)
    asked = st.session_state.pop("asked", None)
    message = explain.find(messages, asked) if asked else None
    if message is not None:
        explain.message(me, message)


def _invitation(me: Here) -> None:
    with me.read() as tx:
        counts = views.counts(tx)
    unread, waiting = counts.unread_conversations, counts.pending_handoffs
    parts.empty(
        "Choose a conversation",
        f"{unread or 'No'} unread, {waiting or 'nobody'} waiting for a person. Arrow keys move through the list.",
        "forum",
    )


def _open(conversation: str) -> None:
    place.go(c=conversation)


def _more() -> None:
    st.session_state["wanted"] = st.session_state.get("wanted", PAGE) + PAGE


def _older() -> None:
    key = f"limit:{place.identity('c')}"
    st.session_state[key] = st.session_state.get(key, PAGE) + PAGE


def _ask(message: str) -> None:
    st.session_state["asked"] = message


def _reply(draft: dict[str, str]) -> None:
    """Send what was typed; where that is refused, the text goes back into the field with the reason."""
    me = session.here("reply")
    st.session_state["refused"] = None
    try:
        actions.reply(me.workspace.id, UUID(draft["conversation"]), me.user.id, draft["text"], draft["key"])
    except actions.ActionRefused as refusal:
        st.session_state["refused"] = {"key": draft["key"], "text": draft["text"], "sentence": str(refusal)}
    st.session_state["settled"] = [*st.session_state.get("settled", []), draft["key"]][-20:]


place.arrive()
conversations()
