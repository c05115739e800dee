"""Templates that WhatsApp approved, as pages show them: what can be chosen, why one cannot, and how the whole will read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import streamlit as st

from db import connections
from db.engine import read_only
from flows import message_templates
from flows.message_templates import Offered
from flows.plan import TEMPLATE as REFERENCE
from nodes.clients.twilio_content import APPROVED, ContentTemplate
from nodes.message_template import BLANK
from ui.text import plain

WHY = (
    "WhatsApp takes free text only for 24 hours after the customer's last message. Later, this approved template goes "
    "instead."
)
WHERE = (
    "Templates are made at Twilio: in its console under Messaging, Content Template Builder. Hand one in for WhatsApp "
    "approval there; it appears here within a minute of the approval."
)
NOT_CONNECTED = (
    "No Twilio number is connected, so there is no template to choose. An admin connects one under Settings."
)
NONE_APPROVED = "WhatsApp has not approved a template of yours yet."
REASONS = {
    "unsubmitted": "not handed in for approval yet",
    "received": "waits for WhatsApp's decision",
    "pending": "waits for WhatsApp's decision",
    "rejected": "refused by WhatsApp",
    "paused": "paused by WhatsApp for now, because customers complained about it",
    "disabled": "switched off by WhatsApp",
}
AROUND = 28  # characters on each side that say where a blank stands


@dataclass(frozen=True)
class Shelf:
    """What there is to choose from. `trouble` = why it may be less than there is, as a sentence."""

    offered: Sequence[Offered] = ()
    trouble: str = ""

    @property
    def approved(self) -> dict[str, ContentTemplate]:
        """Those that may be sent, by their id."""
        return {each.template.id: each.template for each in self.offered if each.template.approval == APPROVED}

    @property
    def others(self) -> list[ContentTemplate]:
        return [each.template for each in self.offered if each.template.approval != APPROVED]

    def find(self, id: str) -> ContentTemplate | None:
        return next((each.template for each in self.offered if each.template.id == id), None)

    def of(self, connection_name: str) -> Shelf:
        """Only what this connection can send."""
        return Shelf([each for each in self.offered if each.connection_name == connection_name], self.trouble)


def shelf(workspace: UUID) -> Shelf:
    """The templates of the workspace. Twilio is asked once a minute at most."""
    with read_only(workspace) as tx:
        numbers = connections.of_kind(tx, "twilio")
    if not numbers:
        return Shelf(trouble=NOT_CONNECTED)
    if all(each.state != "active" for each in numbers):
        return Shelf(trouble=f"The connection “{numbers[0].name}” is paused: {numbers[0].state_reason}")
    return Shelf(message_templates.whatsapp(workspace), message_templates.unanswered(workspace))


def name_of(name: str, language: str) -> str:
    """'order_ready' in 'de' -> 'Order ready (de)'."""
    words = " ".join(name.replace("_", " ").split())
    told = words[:1].upper() + words[1:]
    return f"{told} ({language})" if language else told


def reason(template: ContentTemplate) -> str:
    """Why a template cannot be sent now; '' where it can."""
    if template.approval == APPROVED:
        return ""
    words = REASONS.get(template.approval, f"not approved ({template.approval})")
    return f"{words}: {template.reason}" if template.reason else words


def where(text: str, blank: str) -> str:
    """The words around a blank: '… your bike ___ is ready …'; '' where the text does not hold it."""
    before, found, after = text.partition(f"{{{blank}}}")
    if not found:
        return ""
    before, after = (" ".join(BLANK.sub("…", part).split()) for part in (before, after))
    left = f"…{before[-AROUND:].partition(' ')[2]}" if len(before) > AROUND else before
    right = f"{after[:AROUND].rpartition(' ')[0]}…" if len(after) > AROUND else after
    return f"{left} ____ {right}".strip().replace(" ,", ",").replace(" .", ".")


def preview(text: str, values: Mapping[str, str], said: Callable[[str], str] = str) -> str:
    """The whole text in Markdown: what is filled in, results of earlier steps by what `said` calls them, and blanks marked."""
    parts = BLANK.split(text)  # words, blank, words, blank, ..., words
    return "".join(_filled(part, values, said) if place % 2 else plain(part) for place, part in enumerate(parts))


def _filled(blank: str, values: Mapping[str, str], said: Callable[[str], str]) -> str:
    value = " ".join(values.get(blank, "").split())
    if not value:
        return f":orange-background[ blank {plain(blank)} ]"
    return with_chips(value, said)


def with_chips(text: str, said: Callable[[str], str]) -> str:
    """A text of a document in Markdown: results of earlier steps stand in it as marked words."""
    parts = REFERENCE.split(text)  # words, reference, words, ...
    return "".join(
        f":green-background[{plain(said(part))}]" if place % 2 else plain(part) for place, part in enumerate(parts)
    )


def has_chips(text: str) -> bool:
    return REFERENCE.search(text) is not None


def is_all_chips(text: str) -> bool:
    """Whether a text is nothing but results of earlier steps, so that it may turn out empty."""
    return has_chips(text) and not REFERENCE.sub("", text).strip()


def list_others(shelf: Shelf, most: int) -> None:
    """The templates that cannot be chosen, each with the reason, and where to make one."""
    others = shelf.others
    told = [f"- **{plain(name_of(each.name, each.language))}**: {plain(reason(each))}" for each in others[:most]]
    if len(others) > most:
        told.append(f"- and {len(others) - most} more")
    if told:
        st.caption("Not to be chosen now:\n" + "\n".join(told))
    st.caption(WHERE)
