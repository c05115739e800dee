"""What a run knows when it is taken up: business, contact, conversation, turn. Read in one go, in one read-only transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from db import messages
from db.engine import Row, one
from db.runs import Run
from db.settings import get_settings
from nodes.contract import Business, ContactFacts, ConversationFacts, Turn, TurnMessage


@dataclass(frozen=True)
class Facts:
    """The unchanging part of a run's context."""

    business: Business
    contact: ContactFacts | None
    conversation: ConversationFacts | None
    turn: Turn
    crm_fetched_at: datetime | None = None  # when what the CRM knows of the contact was read; None = read it again


class ReadDesk:
    """One read-only transaction that the cheap steps of a run share, so that each does not pay for its own.

    Calling it gives the open session; `close` ends the transaction, before a step that takes long and at the end.
    """

    def __init__(self, opening: Callable[[], AbstractContextManager[Session]]) -> None:
        self._open = opening
        self._stack = ExitStack()
        self._session: Session | None = None

    @contextmanager
    def __call__(self) -> Iterator[Session]:
        if self._session is None:
            self._session = self._stack.enter_context(self._open())
        try:
            yield self._session
        except BaseException as error:
            # After an error Postgres refuses every further query of the transaction. It ends with that error and not with
            # a commit, which on a connection that is gone would raise another one in its place.
            self._session = None
            self._stack.__exit__(type(error), error, error.__traceback__)
            raise

    def close(self) -> None:
        self._session = None
        self._stack.close()


def load(tx: Session, run: Run) -> Facts:
    """Read what the run is about."""
    found = one(tx, _FACTS, conversation=run.conversation_id, contact=run.contact_id, workspace=run.workspace_id)
    assert found is not None, "a run belongs to a workspace"
    return Facts(business(found), _contact(found), _conversation(found), _turn(tx, run), found["crm_fetched_at"])


def business(found: Row) -> Business:
    """A workspace row (business_name, timezone, settings) as nodes see it."""
    settings = found["settings"]
    limit = settings.get("limits", {}).get("contact_seconds", get_settings().limit_contact_seconds)
    return Business(found["business_name"], ZoneInfo(found["timezone"]), settings, float(limit))


_FACTS = """
    SELECT w.name AS business_name, w.timezone, w.settings,
           t.id AS contact_id, t.name, t.phone, t.email, t.language, t.opted_out_at, t.metadata, t.crm, t.crm_fetched_at,
           c.id AS conversation_id, c.channel, c.owner, c.ai_enabled, c.last_ai_reply_at,
           (SELECT max(m.after_seq) FROM ai_conversation_memory m
            WHERE m.conversation_id = c.id AND m.role = 'return_marker') AS returned_at_seq
    FROM workspaces w
    LEFT JOIN contacts t ON t.id = %(contact)s
    LEFT JOIN conversations c ON c.id = %(conversation)s
    WHERE w.id = %(workspace)s
"""


def _contact(found: Row) -> ContactFacts | None:
    if found["contact_id"] is None:
        return None
    return ContactFacts(
        id=found["contact_id"],
        name=found["name"],
        phone=found["phone"] or "",
        email=found["email"] or "",
        language=found["language"],
        opted_out=found["opted_out_at"] is not None,
        metadata=found["metadata"],
        crm=found["crm"],
    )


def _conversation(found: Row) -> ConversationFacts | None:
    if found["conversation_id"] is None:
        return None
    return ConversationFacts(
        id=found["conversation_id"],
        channel=found["channel"],
        owner=found["owner"],
        ai_enabled=found["ai_enabled"],
        last_ai_reply_at=found["last_ai_reply_at"],
        returned_at_seq=found["returned_at_seq"] or 0,
    )


def _turn(tx: Session, run: Run) -> Turn:
    if run.conversation_id is None:
        return Turn()
    said = tuple(
        TurnMessage(r["id"], r["seq"], r["content"], r["created_at"], tuple(r["media"]))
        for r in messages.turn_messages(tx, run.conversation_id, run.first_seq, run.last_seq)
    )
    return Turn(said, first_contact=bool(run.trigger.get("first_contact")))
