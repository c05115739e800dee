"""What a run did becomes rows: journal, message, outbox and state in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db import conversations, handoffs, journal, messages, outbox, run_waits, runs
from db.conversations import ConversationRow, conversation_row
from db.engine import one, transaction
from db.journal import StepRecord
from db.runs import Run
from flows import conversation_events, start_automation
from flows.crash_points import crash_point
from flows.free_text import as_it_leaves, leaves_as_template
from flows.steps import StepEffects
from nodes.clients import registry as clients
from nodes.effects import CRM_KINDS, Effect, NotifyPeople, OpenHandoff, SendMessage, StartAutomation


@dataclass(frozen=True)
class Held:
    """What a commit has locked: the conversation, where something is said, and how long a message of its channel may be."""

    conversation: ConversationRow | None
    longest: int


Stopped = tuple[Literal["superseded", "cancelled"], str]


@dataclass
class LiveKeeper:
    """Keeps the steps of a claimed run. `state` and `outcome` say how the run stands after the last `keep`."""

    run: Run
    owner: str
    contact_limit_seconds: float
    state: Literal["running", "waiting", "done", "superseded", "cancelled", "lost"] = "running"
    outcome: str = ""
    answered: bool = False  # something was said to the customer

    def keep(self, records: Sequence[StepRecord], effects: Sequence[StepEffects], *, last: bool) -> bool:
        crash_point("commit")
        # Not durable by itself: the claim of what is put in line here waits for the disk before anything leaves.
        with transaction(self.run.workspace_id, durable=False) as tx:
            speaks = any(isinstance(effect, SendMessage | OpenHandoff) for step in effects for effect in step.effects)
            held = self._hold(tx, speaks)
            if held is None:
                self.state = "lost"
                return False
            stopped = self._stopped(tx, held) if speaks else None
            if stopped is None:
                self._act(tx, effects, held)
            self._write_down(tx, records, stopped, last)
        return stopped is None

    def _hold(self, tx: Session, speaks: bool) -> Held | None:
        """Lock the run, and the conversation where something is said; None = the run is not ours any more."""
        if speaks and self.run.conversation_id is not None:
            row = runs.hold_speaking(tx, self.run.id, self.owner)
            return Held(conversation_row(row), clients.client(row["connection_kind"]).max_text_length) if row else None
        return Held(None, 0) if runs.hold(tx, self.run.id, self.owner) else None

    def _stopped(self, tx: Session, held: Held) -> Stopped | None:
        """Why nothing may be said any more, if so."""
        if held.conversation is None:
            return "cancelled", "There is no conversation to speak in."
        if held.conversation.owner_epoch != self.run.epoch:
            return "cancelled", "A person took over, or the AI was switched off, while this answer was in the making."
        if not self.answered and self._newer_turn(tx):
            return "superseded", "The customer wrote more; the answer covers it all."
        return None

    def _write_down(self, tx: Session, records: Sequence[StepRecord], stopped: Stopped | None, last: bool) -> None:
        if stopped is not None:
            self.state, self.outcome = stopped
            records = [journal.not_in_line(record) for record in records]
        elif last:
            self.state, self.outcome = "done", self.outcome or _nothing_said(records)
        waiting = next((record for record in records if record.state == "waiting"), None)
        if self.state == "running" and waiting is not None:
            # In the same transaction as the question: an answer that comes at once finds a run that waits for it.
            journal.write_down(tx, self.run.id, records)
            run_waits.wait(tx, self.run.id, waiting)
            self.state = "waiting"
        elif self.state == "running":
            journal.write_down(tx, self.run.id, records)
        else:
            runs.finish(tx, self.run.id, self.state, self.outcome, records)

    def _act(self, tx: Session, steps: Sequence[StepEffects], held: Held) -> None:
        """Put the effects in line."""
        for step in steps:
            if held.conversation is not None:
                held = self._speak(tx, held, held.conversation, step)
            for position, effect in enumerate(step.effects):
                if isinstance(effect, StartAutomation):
                    start_automation.start(tx, self.run, f"{self.run.id}:{step.key}:{position}", effect)
                elif not isinstance(effect, SendMessage | OpenHandoff):
                    self._put_in_line(tx, step, position, effect)

    def _newer_turn(self, tx: Session) -> bool:
        assert self.run.conversation_id is not None
        if not runs.newer_turn(tx, self.run.conversation_id, self.run.automation_id, self.run.last_seq):
            return False
        runs.pass_turn_on(tx, self.run.conversation_id, self.run.automation_id, self.run.first_seq)
        return True

    def _speak(self, tx: Session, held: Held, conversation: ConversationRow, step: StepEffects) -> Held:
        # The pen moves first: what the same step says to the customer belongs to the new epoch.
        for effect in step.effects:
            if isinstance(effect, OpenHandoff):
                conversation = self._hand_over(tx, conversation, effect)
        for position, effect in enumerate(step.effects):
            if isinstance(effect, SendMessage):
                self._say(tx, conversation, held.longest, f"{self.run.id}:{step.key}:{position}", step.step_id, effect)
        return Held(conversation, held.longest)

    def _hand_over(self, tx: Session, conversation: ConversationRow, effect: OpenHandoff) -> ConversationRow:
        moved = hand_over(tx, conversation, f"run:{self.run.id}", effect, self.run.id)
        self.run = replace(self.run, epoch=moved.owner_epoch)
        runs.set_epoch(tx, self.run.id, moved.owner_epoch)
        self.outcome = "Asked for a person."
        return moved

    def _say(
        self, tx: Session, conversation: ConversationRow, longest: int, key: str, step_id: str, effect: SendMessage
    ) -> None:
        leaving = as_it_leaves(effect, conversation.channel, conversation.last_inbound_at, datetime.now(UTC))
        for part, piece in enumerate(pieces(leaving, longest)):
            outbox.say(
                tx,
                conversation,
                "ai",
                piece.model_dump(mode="json", exclude={"explanation"}),
                key + (f".{part}" if part else ""),
                answers_up_to=self.run.last_seq,
                explanation=piece.explanation,
                run_id=self.run.id,
                step_id=step_id,
                epoch=self.run.epoch,
            )
        self.answered = True
        self.outcome = self.outcome or "Answered."
        if self.contact_limit_seconds and conversation.channel != "webchat":
            runs.hold_back(tx, conversation.id, self.contact_limit_seconds)

    def _put_in_line(self, tx: Session, step: StepEffects, position: int, effect: Effect) -> None:
        key = f"{self.run.id}:{step.key}:{position}"
        outbox.add(
            tx,
            workspace=self.run.workspace_id,
            idempotency_key=key,
            # What changes one contact in the CRM happens in order, and no message waits for it.
            order_key=f"crm:{self.run.contact_id}" if effect.kind in CRM_KINDS else key,
            effect=effect.model_dump(mode="json"),
            author="system",
            conversation_id=self.run.conversation_id,
            run_id=self.run.id,
        )


def hand_over(
    tx: Session, conversation: ConversationRow, requested_by: str, effect: OpenHandoff, by_run: UUID | None = None
) -> ConversationRow:
    """Ask for a person: the handoff, the pen, a line in the thread and a mail to the agents, in the caller's transaction.

    What the run `by_run` has said or says still reaches the customer, until a person takes over.
    """
    handoff_id, is_new = handoffs.open_one(
        tx, conversation, requested_by, effect.reason_code, effect.reason, effect.summary, effect.priority
    )
    if not is_new:
        return conversation
    moved = conversations.move_pen(tx, conversation, "human", None, by_run=by_run)
    messages.record_note(tx, conversation, f"A person is asked for: {effect.reason}", handoff=str(handoff_id))
    mail_agents(tx, conversation, handoff_id, effect)
    conversation_events.tell(tx, moved, "handoff_opened", str(handoff_id), effect.reason)
    return moved


def mail_agents(tx: Session, conversation: ConversationRow, handoff_id: UUID, effect: OpenHandoff) -> None:
    """Put a mail to all agents in line, where the workspace has a mail connection."""
    mailbox = one(
        tx, "SELECT id FROM connections WHERE kind = 'email_smtp' AND state = 'active' ORDER BY is_default DESC LIMIT 1"
    )
    if mailbox is None:
        return
    notice = NotifyPeople(
        via="email",
        subject="A customer waits for a person",
        text="\n\n".join(part for part in (effect.reason, effect.summary) if part),
    )
    outbox.add(
        tx,
        workspace=conversation.workspace_id,
        idempotency_key=f"handoff:{handoff_id}",
        order_key=f"handoff:{handoff_id}",
        effect=notice.model_dump(mode="json"),
        author="system",
        conversation_id=conversation.id,
        connection_id=mailbox["id"],
    )


def pieces(effect: SendMessage, longest: int) -> Iterator[SendMessage]:
    """The message, cut at line or word ends into parts that the channel takes. Files go with the first part.

    So does a template that stands by: it would leave instead of all of them. One that leaves is not cut.
    """
    if leaves_as_template(effect):
        yield effect
        return
    text, media, template = effect.text.strip(), effect.media, effect.template
    while len(text) > longest:
        cut = max(text.rfind("\n", 0, longest), text.rfind(" ", longest // 2, longest))
        cut = cut if cut > 0 else longest
        yield effect.model_copy(update={"text": text[:cut].rstrip(), "media": media, "template": template})
        text, media, template = text[cut:].lstrip(), (), None
    yield effect.model_copy(update={"text": text, "media": media, "template": template})


def longest(tx: Session, conversation: ConversationRow) -> int:
    """Characters that one message of this conversation's channel may have."""
    found = one(tx, "SELECT kind FROM connections WHERE id = %(id)s", id=conversation.connection_id)
    assert found is not None
    return clients.client(found["kind"]).max_text_length


def _nothing_said(records: Sequence[StepRecord]) -> str:
    skipped = next((record.note for record in records if record.state == "skipped" and record.note), "")
    return f"Nothing was sent. {skipped}".strip()
