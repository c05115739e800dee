"""The only door in: an event becomes contact, conversation, message, decisions and runs, in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import assert_never
from uuid import UUID

from sqlmodel import Session

from db import automations, contacts, conversations, decisions, deliveries, events, live, messages, run_waits, runs
from db.automations import LiveAutomation
from db.conversations import ConversationRow
from db.decisions import Decision
from db.engine import one, transaction
from db.events import Ended, Event
from db.settings import get_settings
from flows import calls, crm_intake, crm_sync
from flows.accounts import Accounts
from flows.facts import business
from flows.occasions import refusal
from flows.plan import Plan, Plans
from flows.requests import request_of
from nodes.clients import registry as clients
from nodes.clients.channel import Arrival, Called, CrmEvent, Ignored, IncomingMessage, OutgoingTyped, Receipt
from nodes.contract import Business, Occasion
from nodes.language import guess

# What a linked phone or a provider delivers from long ago is kept, but not answered.
OLD_HISTORY = timedelta(hours=24)
BUSINESS_FRESH_SECONDS = 2.0


class ReceiptTooEarly(Exception):
    """The receipt of a message whose provider id is not written down yet: the event is tried again in a moment."""


class EventLost(Exception):
    """The lease of the event ended and another worker has it: what that one does counts."""


@dataclass
class Sitting:
    """One transaction of the intake: the automations are read once, the decisions are written together at its end."""

    tx: Session
    decisions: list[Decision] = field(default_factory=list)
    _offered: list[LiveAutomation] | None = None

    def offered(self) -> list[LiveAutomation]:
        if self._offered is None:
            self._offered = automations.live(self.tx)
        return self._offered

    def decide(
        self, event: Event, message_id: UUID | None, automation_id: UUID | None, reason: str, run_id: UUID | None = None
    ) -> None:
        self.decisions.append(Decision(event.id, message_id, automation_id, reason, run_id))


@dataclass(frozen=True)
class Intake:
    """Accepts events for one worker. `owner` is the worker's name in the leases."""

    owner: str
    accounts: Accounts = field(default_factory=Accounts)
    plans: Plans = field(default_factory=Plans)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _businesses: dict[UUID, tuple[float, Business]] = field(default_factory=dict)

    def accept(self, *batch: Event) -> None:
        """Work claimed events of one workspace off, all in one transaction.

        Raises whatever went wrong with any of them; nothing of the batch is kept then. Accept them one by one to find out which.
        """
        # Not durable by itself: where it is lost, the events are still in the queue, which is.
        with transaction(batch[0].workspace_id, durable=False) as tx:
            at = Sitting(tx)
            ended = [self._accept(at, event) for event in batch]
            decisions.write(tx, batch[0].workspace_id, at.decisions)
            if events.finish(tx, self.owner, ended) != len(batch):
                raise EventLost("Another worker has taken over an event of this batch.")

    def _accept(self, at: Sitting, event: Event) -> Ended:
        account = self.accounts.get(at.tx, event.connection_id).account
        told = clients.listening(account.kind).parse(account, request_of(event.payload))
        notes = [self._arrival(at, event, arrival) for arrival in told]
        ignored = bool(notes) and all(note.startswith("Ignored") for note in notes)
        return Ended(event.id, " ".join(note for note in notes if note), ignored)

    def _arrival(self, at: Sitting, event: Event, arrival: Arrival) -> str:
        match arrival:
            case IncomingMessage():
                return self._message(at, event, arrival)
            case Receipt():
                return self._receipt(at, event, arrival)
            case CrmEvent() | OutgoingTyped():
                return crm_intake.accept(at.tx, event, arrival)
            case Called():
                return calls.accept(at.tx, event, arrival)
            case Ignored():
                at.decide(event, None, None, arrival.reason)
                return f"Ignored: {arrival.reason}"
            case _:
                assert_never(arrival)

    def _message(self, at: Sitting, event: Event, arrival: IncomingMessage) -> str:
        conversation, is_new = self._conversation(at, event, arrival)
        kept = messages.record_inbound(
            at.tx,
            conversation,
            arrival.provider_message_id,
            arrival.text,
            [{"url": m.url, "content_type": m.content_type, "name": m.name} for m in arrival.media],
            arrival.metadata,
            self.clock(),
            guess(arrival.text),
        )
        if kept is None:
            return "Ignored: this message is here already."
        message_id, seq = kept
        crm_sync.came_in(at.tx, conversation, message_id)
        reason = self._not_for_automations(at, event, conversation, arrival)
        if reason:
            at.decide(event, message_id, None, reason)
            return ""
        if conversation.asked and self._answers(at, event, conversation, message_id, seq, arrival.text):
            return ""
        occasion = Occasion("message", arrival.channel, arrival.text, is_new, self.clock(), self._business(at, event))
        self._offer(at, event, conversation, message_id, seq, occasion)
        return ""

    def _answers(
        self, at: Sitting, event: Event, conversation: ConversationRow, message_id: UUID, seq: int, text: str
    ) -> bool:
        """A run asked the customer and waits: it gets the message, unless a person has the conversation meanwhile."""
        if conversation.owner != "ai" or not conversation.ai_enabled:
            return False
        asking = run_waits.answered(at.tx, conversation.id, text, seq, get_settings().wait_for_more)
        if asking is None:
            return False
        reason = "It answers a question of this automation, which goes on with it."
        at.decide(event, message_id, asking["automation_id"], reason, asking["id"])
        return True

    def _conversation(self, at: Sitting, event: Event, arrival: IncomingMessage) -> tuple[ConversationRow, bool]:
        known = conversations.at_address(at.tx, event.connection_id, arrival.channel, arrival.address)
        if known is not None:
            return known, False
        contact = contacts.resolve(
            at.tx,
            event.workspace_id,
            [(identity.kind, identity.address) for identity in arrival.identities],
            arrival.name,
        )
        return conversations.find_or_create(
            at.tx, event.workspace_id, contact.id, event.connection_id, arrival.channel, arrival.address
        )

    def _not_for_automations(
        self, at: Sitting, event: Event, conversation: ConversationRow, arrival: IncomingMessage
    ) -> str:
        """Why no automation is even asked, or ''."""
        if arrival.opt_out:
            crm_sync.opted(at.tx, conversation, arrival.opt_out == "stop", event.id)
            contacts.set_opt_out(at.tx, conversation.contact_id, arrival.opt_out == "stop", self.clock())
            live.publish(at.tx, conversation.workspace_id, "conversation", conversation=conversation.id)
            return (
                "The contact wrote a stop word: nothing automatic is sent any more."
                if arrival.opt_out == "stop"
                else "The contact wrote a start word: automatic messages are allowed again."
            )
        if arrival.sent_at is not None and self.clock() - arrival.sent_at > OLD_HISTORY:
            return "The message is more than 24 hours old: it is kept, and not answered."
        return ""

    def _business(self, at: Sitting, event: Event) -> Business:
        """Remembered for two seconds: hours and limits change rarely, messages come often."""
        kept = self._businesses.get(event.workspace_id)
        if kept is None or time.monotonic() - kept[0] > BUSINESS_FRESH_SECONDS:
            kept = time.monotonic(), self._read_business(at, event)
            self._businesses[event.workspace_id] = kept
        return kept[1]

    def _read_business(self, at: Sitting, event: Event) -> Business:
        found = one(
            at.tx,
            "SELECT name AS business_name, timezone, settings FROM workspaces WHERE id = %(id)s",
            id=event.workspace_id,
        )
        assert found is not None
        return business(found)

    def _offer(
        self, at: Sitting, event: Event, conversation: ConversationRow, message_id: UUID, seq: int, occasion: Occasion
    ) -> None:
        """Ask the automations in order of priority; the first that fires takes the message. Each answer is written down."""
        taken_by = ""
        offered = at.offered()
        if not offered:
            at.decide(event, message_id, None, "No automation is published.")
        for automation in offered:
            plan = self.plans.of(automation.version_id, automation.document)
            reason = f"'{taken_by}' took this message first." if taken_by else refusal(plan, occasion)
            run_id = None if reason else self._start(at, event, conversation, automation, plan, seq, occasion)
            if run_id is not None:
                taken_by = automation.name
            at.decide(event, message_id, automation.id, reason or "It fired.", run_id)

    def _start(
        self,
        at: Sitting,
        event: Event,
        conversation: ConversationRow,
        automation: LiveAutomation,
        plan: Plan,
        seq: int,
        occasion: Occasion,
    ) -> UUID:
        assert occasion.business is not None
        run_id, _ = runs.collect(
            at.tx,
            workspace=event.workspace_id,
            automation_id=automation.id,
            version_id=automation.version_id,
            conversation_id=conversation.id,
            contact_id=conversation.contact_id,
            event_id=event.id,
            trigger={"kind": "message", "channel": occasion.channel, "first_contact": occasion.first_contact},
            seq=seq,
            wait_seconds=_quiet_window(plan),
            not_before=_after_the_limit(conversation, occasion.business),
        )
        return run_id

    def _receipt(self, at: Sitting, event: Event, receipt: Receipt) -> str:
        message_id, outbox_id = _message_of(at.tx, event, receipt)
        if message_id is None:
            if event.attempts < events.MAX_ATTEMPTS:
                raise ReceiptTooEarly("The message of this receipt is not known yet.")
            return "Ignored: the receipt is for a message that was not sent from here."
        failed = receipt.state == "failed"
        messages.advance_state(
            at.tx,
            message_id,
            receipt.state,
            provider_message_id=receipt.provider_message_id,
            error_code=receipt.error_code,
            error=receipt.error,
        )
        if outbox_id is not None:
            deliveries.settle_known(at.tx, outbox_id, "failed" if failed else "done", receipt.provider_message_id)
        crm_sync.moved(at.tx, event.workspace_id, message_id, receipt.state, receipt.error)
        return ""


def _quiet_window(plan: Plan) -> float:
    chosen = plan.trigger.step.config.get("wait_for_more")
    return float(chosen) if chosen is not None else get_settings().wait_for_more


def _after_the_limit(conversation: ConversationRow, business: Business) -> datetime | None:
    """The earliest time for the next AI answer. Not in a web chat: there somebody sits and waits."""
    if conversation.channel == "webchat" or not business.contact_limit_seconds or conversation.last_ai_reply_at is None:
        return None
    return conversation.last_ai_reply_at + timedelta(seconds=business.contact_limit_seconds)


def _message_of(tx: Session, event: Event, receipt: Receipt) -> tuple[UUID | None, UUID | None]:
    """(message id, outbox id) of a receipt: by our own id where the callback carried it, else by the provider's."""
    found = one(
        tx,
        """SELECT message_id, id FROM outbox
           WHERE id = %(outbox)s OR (connection_id = %(connection)s AND provider_message_id = %(pid)s)
           ORDER BY id = %(outbox)s DESC NULLS LAST LIMIT 1""",
        outbox=receipt.outbox_id,
        connection=event.connection_id,
        pid=receipt.provider_message_id,
    )
    return (found["message_id"], found["id"]) if found else (None, None)
