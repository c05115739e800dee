"""What a run did becomes rows: journal, message, outbox and state in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from db import conversations, handoffs, outbox, runs
from db.conversations import ConversationRow
from db.engine import one, transaction
from db.runs import Run, StepRecord
from flows.crash_points import crash_point
from flows.steps import StepEffects
from nodes.clients import registry as clients
from nodes.effects import Effect, NotifyPeople, OpenHandoff, SendMessage


@dataclass
class LiveKeeper:
    """Keeps the steps of a claimed run. `state` and `outcome` say how the run stands after the last `keep`."""

    run: Run
    owner: str
    contact_limit_seconds: float
    state: Literal["running", "done", "superseded", "cancelled", "lost"] = "running"
    outcome: str = ""
    answered: bool = False  # something was said to the customer

    def keep(self, records: Sequence[StepRecord], effects: Sequence[StepEffects], *, last: bool) -> bool:
        crash_point("commit")
        with transaction(self.run.workspace_id) as tx:
            if not runs.hold(tx, self.run.id, self.owner):
                self.state = "lost"
                return False
            stopped = self._act(tx, effects) if effects else None
            runs.write_down(tx, self.run.workspace_id, self.run.id, records)
            if stopped is not None:
                self.state, self.outcome = stopped
                runs.finish(tx, self.run.id, self.state, self.outcome)
            elif last:
                self.state = "done"
                self.outcome = self.outcome or _nothing_said(records)
                runs.finish(tx, self.run.id, "done", self.outcome)
        return stopped is None

    def _act(self, tx: Session, steps: Sequence[StepEffects]) -> tuple[Literal["superseded", "cancelled"], str] | None:
        """Put the effects in line; returns why the run ends here instead, if it does."""
        if self.run.conversation_id is None:
            self._without_conversation(tx, steps)
            return None
        conversation = conversations.get(tx, self.run.conversation_id, lock=True)
        if conversation is None:
            return "cancelled", "The conversation was erased meanwhile."
        speaks = any(isinstance(effect, SendMessage | OpenHandoff) for step in steps for effect in step.effects)
        if speaks and conversation.owner_epoch != self.run.epoch:
            return "cancelled", "A person took over, or the AI was switched off, while this answer was in the making."
        if speaks and not self.answered and self._newer_turn(tx):
            return "superseded", "The customer wrote more; the answer covers it all."
        for step in steps:
            conversation = self._act_on(tx, conversation, step)
        return None

    def _newer_turn(self, tx: Session) -> bool:
        assert self.run.conversation_id is not None
        if not runs.newer_turn(tx, self.run.conversation_id, self.run.automation_id, self.run.last_seq):
            return False
        runs.pass_turn_on(tx, self.run.conversation_id, self.run.automation_id, self.run.first_seq)
        return True

    def _act_on(self, tx: Session, conversation: ConversationRow, step: StepEffects) -> ConversationRow:
        # The pen moves first: what the same step says to the customer belongs to the new epoch.
        for effect in step.effects:
            if isinstance(effect, OpenHandoff):
                conversation = self._hand_over(tx, conversation, effect)
        for position, effect in enumerate(step.effects):
            if isinstance(effect, SendMessage):
                self._say(tx, conversation, step, position, effect)
            elif isinstance(effect, NotifyPeople):
                self._put_in_line(tx, step, position, effect)
        return conversation

    def _hand_over(self, tx: Session, conversation: ConversationRow, effect: OpenHandoff) -> ConversationRow:
        moved = hand_over(tx, conversation, f"run:{self.run.id}", effect, self.run.id)
        self.run = replace(self.run, epoch=moved.owner_epoch)
        runs.set_epoch(tx, self.run.id, moved.owner_epoch)
        self.outcome = "Asked for a person."
        return moved

    def _say(
        self, tx: Session, conversation: ConversationRow, step: StepEffects, position: int, effect: SendMessage
    ) -> None:
        for part, piece in enumerate(pieces(effect, longest(tx, conversation))):
            message_id = conversations.record_outbound(
                tx,
                conversation,
                piece.text,
                "ai",
                media=[medium.model_dump() for medium in piece.media],
                metadata={"explanation": piece.explanation} if piece.explanation else None,
                run_id=self.run.id,
                step_id=step.step_id,
            )
            outbox.add(
                tx,
                workspace=self.run.workspace_id,
                idempotency_key=f"{self.run.id}:{step.step_id}:{position}" + (f".{part}" if part else ""),
                order_key=str(conversation.id),
                effect=piece.model_dump(mode="json", exclude={"explanation"}),
                author="ai",
                conversation_id=conversation.id,
                connection_id=conversation.connection_id,
                message_id=message_id,
                run_id=self.run.id,
                epoch=self.run.epoch,
            )
        self.answered = True
        self.outcome = self.outcome or "Answered."
        conversations.mark_answered(tx, conversation.id, self.run.last_seq, by_ai=True)
        if self.contact_limit_seconds and conversation.channel != "webchat":
            runs.hold_back(tx, conversation.id, self.contact_limit_seconds)

    def _put_in_line(self, tx: Session, step: StepEffects, position: int, effect: Effect) -> None:
        key = f"{self.run.id}:{step.step_id}:{position}"
        outbox.add(
            tx,
            workspace=self.run.workspace_id,
            idempotency_key=key,
            order_key=key,
            effect=effect.model_dump(mode="json"),
            author="system",
            conversation_id=self.run.conversation_id,
            run_id=self.run.id,
        )

    def _without_conversation(self, tx: Session, steps: Sequence[StepEffects]) -> None:
        for step in steps:
            for position, effect in enumerate(step.effects):
                if isinstance(effect, NotifyPeople):
                    self._put_in_line(tx, step, position, effect)


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
    conversations.record_note(tx, conversation, f"A person is asked for: {effect.reason}", handoff=str(handoff_id))
    mail_agents(tx, conversation, handoff_id, effect)
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
    """The message, cut at line or word ends into parts that the channel takes. Files go with the first part."""
    text, media = effect.text.strip(), effect.media
    while len(text) > longest:
        cut = max(text.rfind("\n", 0, longest), text.rfind(" ", longest // 2, longest))
        cut = cut if cut > 0 else longest
        yield effect.model_copy(update={"text": text[:cut].rstrip(), "media": media})
        text, media = text[cut:].lstrip(), ()
    yield effect.model_copy(update={"text": text, "media": media})


def longest(tx: Session, conversation: ConversationRow) -> int:
    """Characters that one message of this conversation's channel may have."""
    found = one(tx, "SELECT kind FROM connections WHERE id = %(id)s", id=conversation.connection_id)
    assert found is not None
    return clients.client(found["kind"]).max_text_length


def _nothing_said(records: Sequence[StepRecord]) -> str:
    skipped = next((record.note for record in records if record.state == "skipped" and record.note), "")
    return f"Nothing was sent. {skipped}".strip()
