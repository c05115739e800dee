"""Let a run that failed go on from the step that failed. What was done stays done: results are kept, nothing is said twice.

One that was stopped, because a person took over or the AI was switched off, goes on too where that is over and nobody has
said anything since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile
from uuid import UUID

from sqlmodel import Session

from db import audit, conversations, messages, reruns
from db.engine import transaction
from db.reruns import EndedRun, KeptStep
from flows.actions import ActionRefused, colleague
from flows.automation import Automation
from nodes import registry

MOST_AT_ONCE = 200


@dataclass(frozen=True)
class Rerun:
    """What became of several: those that go on, and of the others why not."""

    gone_on: tuple[UUID, ...]
    refused: tuple[tuple[UUID, str], ...]

    @property
    def sentence(self) -> str:
        went = f"{len(self.gone_on)} {'run goes' if len(self.gone_on) == 1 else 'runs go'} on."
        reasons = sorted({reason for _, reason in self.refused})
        return " ".join([went, *(f"{self._count(reason)} not: {reason}" for reason in reasons)])

    def _count(self, reason: str) -> int:
        return sum(told == reason for _, told in self.refused)


def rerun(workspace: UUID, user_id: UUID, run_id: UUID) -> None:
    """Go on with a failed run from the failed step, or with a stopped one from the first step whose effects were dropped, with the
    version that it ran. Raises ActionRefused with the reason.

    Its effects that are in line already are not repeated, and a request for a person that its failure made stays.
    """
    with transaction(workspace) as tx:
        name = colleague(tx, user_id)
        ended = reruns.ended(tx, run_id)
        if ended is None:
            raise ActionRefused("This run does not exist in this workspace. Runs are removed after some weeks.")
        journal = reruns.journal(tx, run_id)
        anew = _anew(ended, journal)
        reason = _refusal(ended, [step for step in journal if step not in anew], anew)
        if reason:
            raise ActionRefused(reason)
        reruns.forget(tx, run_id, anew, keep_pauses=ended.state == "failed")
        reruns.go_on(tx, ended, f"{name} let it go on.")
        audit.record(
            tx, workspace, f"user:{user_id}", "run.rerun", f"run:{run_id}", step=anew[0].step_id if anew else ""
        )
        _leave_a_note(tx, ended, name, user_id)


def rerun_many(workspace: UUID, user_id: UUID, run_ids: Sequence[UUID]) -> Rerun:
    """Each by itself: one that is refused keeps no other back."""
    if len(run_ids) > MOST_AT_ONCE:
        raise ActionRefused(f"These are {len(run_ids)} runs. Choose at most {MOST_AT_ONCE} at once.")
    gone_on, refused = [], []
    for run_id in run_ids:
        try:
            rerun(workspace, user_id, run_id)
            gone_on.append(run_id)
        except ActionRefused as refusal:
            refused.append((run_id, str(refusal)))
    return Rerun(tuple(gone_on), tuple(refused))


def _anew(ended: EndedRun, journal: Sequence[KeptStep]) -> list[KeptStep]:
    """The step at which the run stopped and what comes after it. One that failed and was told to go on is a result like any other."""
    if ended.state == "cancelled":
        return list(dropwhile(lambda step: not step.dropped, journal))
    goes_on = {step.id for step in Automation.model_validate(ended.document).steps if step.on_error == "continue"}
    for place, step in enumerate(journal):
        if step.state == "failed" and step.step_id not in goes_on:
            return list(journal[place:])
    return []


def _refusal(ended: EndedRun, kept: Sequence[KeptStep], anew: Sequence[KeptStep]) -> str:
    """Why the run may not go on; '' where it may."""
    if ended.state == "superseded":
        return "A newer message replaced this run, and the answer to that one covers it all."
    if ended.state not in ("failed", "cancelled"):
        return "Only a run that failed can go on. This one is " + _STANDING.get(ended.state, "at work") + "."
    if ended.state == "cancelled":
        return _refusal_of_stopped(ended, kept, anew)
    if ended.conversation_id is not None and ended.epoch != ended.owner_epoch and not ended.own_handoff:
        who = f"{ended.person} has this conversation" if ended.person else "The conversation changed hands"
        return f"{who} since. What the run would say is out of date, so it stays as it is."
    if any(step.emptied for step in kept):
        return _EMPTIED
    if _would_answer_late(ended, kept):
        return "The customer has a newer answer already, so this one would come too late."
    return ""


def _refusal_of_stopped(ended: EndedRun, kept: Sequence[KeptStep], anew: Sequence[KeptStep]) -> str:
    """Why a run that was stopped may not go on, and what to do instead. That it was stopped for a person must be over."""
    if ended.conversation_id is None:
        return "This run has nobody to speak to. Start the automation with a message."
    if ended.owner == "human":
        who = f"{ended.person} has this conversation" if ended.person else "A person is asked for in this conversation"
        return f"{who}. Give it back to the AI first, or answer yourself."
    if not ended.ai_enabled:
        return "The AI is switched off in this conversation. Switch it on first, or answer yourself."
    if ended.opted_out:
        return "The contact asked for no more automatic messages. Only a person may write."
    if ended.answered_since:
        return f"The customer has a newer answer already. {_TEST_IT}"
    if ended.wrote_since:
        return f"The customer has written more since, which this run would not answer. {_TEST_IT}"
    if any(step.emptied for step in kept):
        return _EMPTIED
    if not anew or any(step.pauses > 1 for step in anew):
        return f"This run was stopped where it cannot be taken up: what it asked cannot be asked again. {_TEST_IT}"
    return ""


_TEST_IT = "Answer yourself, or test the automation on that message to see what it would say."
_EMPTIED = "What its earlier steps gave was removed, because the workspace keeps it for a limited time."
_STANDING = {"done": "done", "waiting": "still waiting", "pending": "about to start", "running": "at work right now"}


def _would_answer_late(ended: EndedRun, kept: Sequence[KeptStep]) -> bool:
    if ended.said or not ended.last_seq or (ended.answered_seq or 0) < ended.last_seq:
        return False
    done = {step.step_id for step in kept}
    open_nodes = {step.node for step in Automation.model_validate(ended.document).steps if step.id not in done}
    return any(spec.key in open_nodes and "send_message" in spec.effects for spec in registry.all_specs())


def _leave_a_note(tx: Session, ended: EndedRun, name: str, user_id: UUID) -> None:
    """Who reads the conversation must not wonder why something is said after the request for a person."""
    conversation = conversations.get(tx, ended.conversation_id) if ended.conversation_id else None
    if conversation is not None:
        messages.record_note(
            tx,
            conversation,
            f"{name} let the automation '{ended.automation}' go on where it {_ENDED[ended.state]}.",
            user_id,
        )


_ENDED = {"failed": "failed", "cancelled": "was stopped"}
