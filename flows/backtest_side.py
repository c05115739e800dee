"""What one version did with a past turn, in a form that can be kept, shown and compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from flows.answers import approved
from flows.memo import AskingOnce, OnceCrm, OnceModel
from flows.occasions import refusal
from flows.plan import Plan
from flows.rehearsal import Outside, Rehearsed, rehearse
from flows.situation import Case
from flows.would import Setting, in_full, would
from nodes.contract import Embedder
from nodes.effects import ChangeTags, Effect, NotifyPeople, OpenHandoff, SendMessage
from nodes.ports import Web


@dataclass(frozen=True)
class Shared:
    """What the sides of a comparison ask, each question once."""

    llm: OnceModel | None
    embedder: Embedder
    crm: OnceCrm | None = None
    web: Web | None = None

    def outside(self, case: Case) -> tuple[Outside, AskingOnce | None]:
        """As one side sees it: a colleague approves everything, and a question to the customer ends the walk."""
        model = AskingOnce(self.llm) if self.llm else None
        crm = self.crm.reader(case.situation.contact) if self.crm else None
        return Outside(model, self.embedder, crm, self.web, approved, ends_at_question=True), model


@dataclass(frozen=True)
class Change:
    """Something in the CRM or another system that would be changed."""

    kind: str
    sentence: str
    before: str
    after: str
    effect: dict[str, Any]


@dataclass(frozen=True)
class Side:
    """One version's answer to a turn. `route`: step -> done, skipped or failed; `handoff`: why a person is asked for, or ''.

    `tags_of_today`: it looked at the contact's tags, and nobody knows those of that time.
    """

    started: bool
    refusal: str = ""
    failed: str = ""
    replies: list[str] = field(default_factory=list)
    from_documents: bool = False  # the answer rests on passages
    handoff: str = ""
    handoff_code: str = ""
    changes: list[Change] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    route: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    waits: list[str] = field(default_factory=list)
    cost_usd: float = 0.0
    tokens: int = 0
    ms: float = 0.0
    tags_of_today: bool = False

    @property
    def reply(self) -> str:
        return "\n\n".join(self.replies)

    def stored(self) -> dict[str, Any]:
        return asdict(self)


def side_of(plan: Plan | None, case: Case, shared: Shared) -> Side:
    """What a version does with a case; None = nothing was published. Raises Throttled."""
    if plan is None:
        return Side(False, "Nothing was published.")
    refused = refusal(plan, case.occasion)
    if refused:
        return Side(False, refused)
    as_seen, model = shared.outside(case)
    done = rehearse(plan, case.situation, as_seen)
    effects = [effect for _, effect in done.effects]
    handoff = next((effect for effect in effects if isinstance(effect, OpenHandoff)), None)
    return Side(
        started=True,
        failed=done.sentence if done.state == "failed" else "",
        replies=[in_full(effect, _channel(case)) for effect in effects if isinstance(effect, SendMessage)],
        from_documents=any(_rests_on_passages(record.output) for record in done.records),
        handoff=handoff.reason if handoff else "",
        handoff_code=handoff.reason_code if handoff else "",
        changes=_changes(effects, case),
        notices=[f"{e.subject}\n{e.text}".strip() for e in effects if isinstance(e, NotifyPeople)],
        route={record.step_id: record.state for record in done.records},
        titles={bound.id: bound.title for bound in plan.steps},
        waits=[reason for reasons in done.waits.values() for reason in reasons],
        cost_usd=_sum(done, "cost_usd"),
        tokens=int(_sum(done, "tokens_in") + _sum(done, "tokens_out")),
        ms=done.duration_ms + (model.saved_seconds * 1000 if model else 0.0),
        tags_of_today=_tags_of_today(done, case),
    )


def _channel(case: Case) -> str:
    conversation = case.situation.conversation
    return conversation.channel if conversation else case.occasion.channel


def _tags_of_today(done: Rehearsed, case: Case) -> bool:
    known = case.situation.contact.crm if case.situation.contact else {}
    if case.tags != "of today" or "tags" not in known:
        return False
    looked = any(record.node.startswith("lookup_contact@") and record.state == "done" for record in done.records)
    return looked or any(isinstance(effect, ChangeTags) for _, effect in done.effects)


def _changes(effects: list[Effect], case: Case) -> list[Change]:
    at = Setting(case.situation.contact, timezone=case.situation.business.timezone)
    changing = [effect for effect in effects if not isinstance(effect, SendMessage | OpenHandoff | NotifyPeople)]
    told = [(effect, would(effect, at)) for effect in changing]
    return [Change(e.kind, w.sentence, w.before, w.after, e.model_dump(mode="json")) for e, w in told]


def _rests_on_passages(output: Any) -> bool:
    return bool(output.get("used_passages"))


def _sum(done: Rehearsed, name: str) -> float:
    return sum(float(record.detail.get(name) or 0) for record in done.records)
