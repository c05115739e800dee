"""Execute one claimed run: load what it is about, walk its steps, write down how it ended. Plain Python, no Prefect."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from db import conversations, journal, runs
from db.engine import read_only, transaction
from db.runs import Run
from flows.commit import LiveKeeper, hand_over
from flows.crm import is_connected
from flows.crm_context import CrmContexts, CrmReader
from flows.facts import Facts, ReadDesk, load
from flows.models import Models
from flows.observe import Execution, PlannedStep
from flows.plan import Plan, Plans
from flows.steps import RunFailed, RunPaused, RunStopped, Walk
from flows.web_reader import WebReader, hosts_of
from nodes.clients.embeddings import BuiltinEmbedder
from nodes.contract import Context, Embedder, LanguageModel
from nodes.effects import OpenHandoff
from nodes.errors import NotSent, Throttled

log = logging.getLogger(__name__)

RETRY_SECONDS = (2, 15)  # before a run is taken up for the second and the third time


@dataclass(frozen=True)
class Outcome:
    """How a taking-up of a run ended."""

    state: Literal["done", "waiting", "failed", "superseded", "cancelled", "lost"]
    sentence: str


class OutsideTransaction:
    """An embedder that may be a server elsewhere: no transaction stays open while it is asked."""

    def __init__(self, embedder: Embedder, desk: ReadDesk) -> None:
        self.model = embedder.model
        self._embedder = embedder
        self._desk = desk

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if not isinstance(self._embedder, BuiltinEmbedder):
            self._desk.close()
        return self._embedder.embed(texts)


def now_utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Engine:
    """Executes runs for one worker. `owner` is the worker's name in the leases."""

    owner: str
    models: Models
    clock: Callable[[], datetime] = now_utc
    plans: Plans = field(default_factory=Plans)
    crm: CrmContexts = field(default_factory=CrmContexts)

    def execute(self, run: Run, execution: Execution) -> Outcome:
        """Carry a claimed run as far as it goes. Never raises for trouble of the run itself: that is its outcome."""
        desk = ReadDesk(lambda: read_only(run.workspace_id))
        try:
            outcome = self._execute(run, execution, desk)
        finally:
            desk.close()
        execution.ended(outcome.state, outcome.sentence)
        return outcome

    def _execute(self, run: Run, execution: Execution, desk: ReadDesk) -> Outcome:
        if run.deaths >= runs.MAX_DEATHS:
            return self._fail(run, "Workers died again and again while they worked on this run.")
        plan = self.plans.of(run.version_id, run.document)
        # Both have transactions of their own: asked before the desk opens, for threads with two each could use up all connections.
        models, has_crm = self.models.of(run.workspace_id), is_connected(run.workspace_id)
        with desk() as tx:
            facts = load(tx, run)
            kept = {} if run.fresh else journal.read(tx, run.id)
        execution.plan(run.automation, _who(facts), _planned(plan))
        keeper = LiveKeeper(run, self.owner, facts.business.contact_limit_seconds)
        keeper.answered = any(
            effect.get("kind") == "send_message" for record in kept.values() for effect in record.effects
        )
        contexts = self._contexts(run, facts, desk, models, has_crm)
        walk = Walk(plan, contexts, kept, keeper, execution, before_costly=desk.close)
        try:
            walk.go()
            return Outcome("done", keeper.outcome)
        except RunStopped:
            return Outcome(keeper.state if keeper.state != "running" else "lost", keeper.outcome)
        except RunPaused as pause:
            return Outcome("waiting", pause.reason)  # the keeper let the run wait already
        except Throttled as busy:
            return self._wait(
                run, self.clock() + timedelta(seconds=busy.retry_after_seconds), busy.reason, counted=False
            )
        except NotSent as trouble:
            return self._try_again(keeper.run, trouble.reason)
        except RunFailed as failure:
            return self._fail(keeper.run, str(failure))

    def _contexts(
        self, run: Run, facts: Facts, desk: ReadDesk, models: tuple[LanguageModel | None, Embedder], has_crm: bool
    ) -> Callable[[str, datetime | None], Context]:
        llm, embedder = models
        first = Context(
            run_id=run.id,
            step_id="",
            now=self.clock(),
            business=facts.business,
            contact=facts.contact,
            conversation=facts.conversation,
            turn=facts.turn,
            trigger=run.trigger,
            llm=llm,
            embedder=OutsideTransaction(embedder, desk),
            read=desk,
            crm=self._crm(run, facts, desk) if has_crm else None,
            woken_by=run.woken_by,
            web=WebReader(hosts_of(facts.business.settings)),
        )

        def context(step_id: str, paused_since: datetime | None) -> Context:
            return replace(first, step_id=step_id, now=self.clock(), paused_since=paused_since)

        return context

    def _crm(self, run: Run, facts: Facts, desk: ReadDesk) -> CrmReader:
        known = facts.contact.crm if facts.contact else {}
        return CrmReader(self.crm, run.workspace_id, run.contact_id, known, facts.crm_fetched_at, desk.close)

    def _wait(self, run: Run, until: datetime, reason: str, *, counted: bool) -> Outcome:
        with transaction(run.workspace_id) as tx:
            if not runs.hold(tx, run.id, self.owner):
                return Outcome("lost", "")
            runs.put_off(tx, run.id, until, reason, counted=counted)
        return Outcome("waiting", reason)

    def _try_again(self, run: Run, reason: str) -> Outcome:
        if run.attempts >= runs.MAX_ATTEMPTS:
            return self._fail(run, reason)
        delay = RETRY_SECONDS[min(run.attempts, len(RETRY_SECONDS)) - 1]
        log.warning("A run is tried again", extra={"action": "run.retry", "run": str(run.id), "reason": reason})
        return self._wait(run, self.clock() + timedelta(seconds=delay), reason, counted=True)

    def _fail(self, run: Run, sentence: str) -> Outcome:
        """The run failed for good: the customer must not be left without anybody, so a person is asked for."""
        log.error("A run failed", extra={"action": "run.failed", "run": str(run.id), "reason": sentence})
        return self.fail(run, sentence)

    def fail(self, run: Run, sentence: str) -> Outcome:
        """Write the failure down and ask for a person where the AI held the conversation; what it said before still leaves."""
        with transaction(run.workspace_id) as tx:
            if not runs.hold(tx, run.id, self.owner):
                return Outcome("lost", "")
            runs.finish(tx, run.id, "failed", sentence)
            conversation = run.conversation_id and conversations.get(tx, run.conversation_id, lock=True)
            if conversation and conversation.owner == "ai" and conversation.owner_epoch == run.epoch:
                request = OpenHandoff(
                    kind="open_handoff",
                    reason_code="tool_failure",
                    reason=f"The automation '{run.automation}' failed. {sentence}",
                )
                hand_over(tx, conversation, f"run:{run.id}", request, run.id)
        return Outcome("failed", sentence)


def _who(facts: Facts) -> str:
    contact = facts.contact
    return (contact.name or contact.phone or contact.email or "Visitor") if contact else "Nobody in particular"


def _planned(plan: Plan) -> tuple[PlannedStep, ...]:
    return tuple(PlannedStep(bound.id, bound.title, bound.spec.key) for bound in plan.steps)
