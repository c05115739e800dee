"""How many conversations of the last days a start or a condition would have caught, with examples. No model is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db import past
from db.engine import read_only
from db.journal import StepRecord
from db.past import Heard
from flows.actions import ActionRefused
from flows.automation import Automation, Step
from flows.check import check
from flows.occasions import refusal
from flows.plan import Plan, compile_document, reference, references_in
from flows.rehearsal import Outside, Situation, rehearse
from flows.situation import Case, business_of, past_case
from flows.wiring import spec_of, title_of
from nodes.contract import Business, ContactFacts, ConversationFacts, Occasion, Turn, TurnMessage

MOST_DAYS = 30
MOST_TURNS, MOST_TURNS_OF_ONE = 2_000, 10
MOST_READ_TURNS = 200  # where steps look around in the database for each
EXAMPLES = 5
# Steps that need nothing but the turn and the contact.
_LIGHT = {"message_received", "condition", "set_values"}
# The output by which a step says that something is caught; of others it counts that they run.
_SAYS_YES = {"condition": "yes", "gate": "may_answer", "hand_off": "requested", "retrieve": "found"}


@dataclass(frozen=True)
class ReachExample:
    conversation_id: UUID
    contact: str
    text: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class Reach:
    """Of `conversations` in which customers wrote, `caught` had a message that fits. `missed` says of some others why not."""

    conversations: int
    caught: int
    examples: list[ReachExample]
    missed: list[ReachExample]
    days: int
    note: str = ""

    @property
    def sentence(self) -> str:
        time = "today" if self.days == 1 else f"in the last {self.days} days"
        if not self.conversations:
            return f"No customer wrote {time}, so nobody can tell yet."
        return f"{self.caught} of {self.conversations} conversations {time}."


def reach(workspace: UUID, document: Automation, *, step_id: str | None = None, days: int = 7) -> Reach:
    """What the start, or a step, would have caught. Raises ActionRefused where that cannot be told."""
    days = max(1, min(days, MOST_DAYS))
    plan = _plan(document, step_id)
    is_light = {bound.spec.name for bound in plan.steps} <= _LIGHT
    with read_only(workspace) as tx:
        ours = business_of(tx, workspace)
        turns = past.heard(
            tx, days=days, most_turns=MOST_TURNS if is_light else MOST_READ_TURNS, most_of_one=MOST_TURNS_OF_ONE
        )
    case_of: Callable[[Heard], Case] = (
        (lambda heard: _light_case(workspace, ours, heard))
        if is_light
        else lambda heard: past_case(workspace, heard.turn)
    )
    judged = [(heard, *_judge(plan, case_of(heard), step_id)) for heard in turns]
    return _counted(judged, days, "" if is_light else f"Of the newest {MOST_READ_TURNS} messages.")


def _counted(judged: Sequence[tuple[Heard, bool, str]], days: int, note: str) -> Reach:
    caught = {heard.turn.conversation_id for heard, yes, _ in judged if yes}
    return Reach(
        len({heard.turn.conversation_id for heard, _, _ in judged}),
        len(caught),
        list(_examples([each for each in judged if each[1]])),
        list(_examples([each for each in judged if not each[1] and each[0].turn.conversation_id not in caught])),
        days,
        note,
    )


def _examples(judged: Sequence[tuple[Heard, bool, str]]) -> Iterator[ReachExample]:
    """One per conversation, the newest first."""
    seen: set[UUID] = set()
    for heard, _, reason in judged:
        turn = heard.turn
        if turn.conversation_id not in seen and len(seen) < EXAMPLES:
            seen.add(turn.conversation_id)
            who = heard.contact_name or heard.phone or heard.email or "Visitor"
            yield ReachExample(turn.conversation_id, who, turn.text, turn.at, reason)


def _plan(document: Automation, step_id: str | None) -> Plan:
    """The steps that the answer depends on, and no others."""
    if not document.steps:
        raise ActionRefused("Choose first what starts the automation.")
    if spec_of(document.steps[0].node) is None or document.steps[0].node.split("@")[0] != "message_received":
        raise ActionRefused("This automation does not start with a message, so past conversations cannot tell.")
    needed = _needed(document, step_id or document.steps[0].id)
    part = document.model_copy(update={"steps": [step for step in document.steps if step.id in needed]})
    for step in part.steps:
        if (spec := spec_of(step.node)) is not None and spec.costly:
            raise ActionRefused(f"This depends on what '{title_of(step)}' says, which a comparison can tell.")
    if problems := check(part):
        raise ActionRefused(f"Correct this first. {problems[0]}")
    return compile_document(part.model_dump(mode="json", by_alias=True))


def _needed(document: Automation, step_id: str) -> set[str]:
    by_id = {step.id: step for step in document.steps}
    if step_id not in by_id:
        raise ActionRefused("This step is not there any more.")
    needed, open_ends = {document.steps[0].id}, [step_id]
    while open_ends:
        id = open_ends.pop()
        if id in by_id and (id not in needed or id == document.steps[0].id):
            needed.add(id)
            open_ends += [other for other in _named(by_id[id]) if other not in needed]
    return needed


def _named(step: Step) -> Iterator[str]:
    written = [*step.input.values(), *(condition.value for condition in step.when), *references_in(str(step.config))]
    for ref in written:
        try:
            yield reference(ref).step
        except ValueError:
            continue  # the check names it


def _judge(plan: Plan, case: Case, step_id: str | None) -> tuple[bool, str]:
    refused = refusal(plan, case.occasion)
    if refused:
        return False, refused
    if step_id is None or step_id == plan.trigger.id:
        return True, "It fits."
    done = rehearse(plan, case.situation, Outside(None, _NoEmbedder()))
    record = next((each for each in done.records if each.step_id == step_id), None)
    if record is None:
        return False, done.sentence or "The step is not reached."
    return _says(plan, record)


def _says(plan: Plan, record: StepRecord) -> tuple[bool, str]:
    if record.state != "done":
        return False, record.note
    name = next(bound.spec.name for bound in plan.steps if bound.id == record.step_id)
    output: Mapping[str, Any] = record.output
    told = str(output.get("because") or output.get("reason") or "The step runs.")
    return bool(output[_SAYS_YES[name]]) if name in _SAYS_YES else True, told


class _NoEmbedder:
    """Search by meaning is not asked for here; a step that needs it fails and says so."""

    model = ""

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        raise ActionRefused("This depends on what the documents say, which a comparison can tell.")


def _light_case(workspace: UUID, ours: Business, heard: Heard) -> Case:
    turn = heard.turn
    contact = ContactFacts(
        heard.contact_id, heard.contact_name, heard.phone, heard.email, heard.language, crm=heard.crm
    )
    written = Turn((TurnMessage(turn.message_id, turn.last_seq, turn.text, turn.at),), heard.first_contact)
    situation = Situation(
        workspace, ours, contact, ConversationFacts(turn.conversation_id, heard.channel), written,
        {"kind": "message", "channel": heard.channel, "first_contact": heard.first_contact}, turn.at,
        lambda: past.read_past(workspace, turn.last_seq, turn.at),
    )  # fmt: skip
    return Case(situation, Occasion("message", heard.channel, turn.text, heard.first_contact, turn.at, ours))
