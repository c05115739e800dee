"""Before a draft is published: the draft and the live version over the same past turns, side by side, with nothing leaving.

`start` makes a row; whoever claims it works it off (`work`): the process that serves the schedules, the Prefect deployment
`backtest`, or the caller. A process that dies leaves what it compared; the next one goes on with the rest.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Literal
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from db import automations, backtests, past, versions
from db.backtests import MOST_ATTEMPTS, Backtest, End, Turn
from db.engine import DatabaseUnreachable, read_only, system, transaction
from flows.actions import ActionRefused
from flows.backtest_side import Shared, Side, side_of
from flows.backtest_verdict import Judged, judge
from flows.check import check
from flows.crm import is_connected
from flows.memo import OnceCrm, OnceEmbedder, OnceModel, OnceWeb
from flows.models import ConnectedModels, LimitedModel, Models
from flows.plan import Plan, compile_document
from flows.situation import business_of, past_case
from flows.timing import lease_seconds
from flows.web_reader import WebReader, hosts_of
from nodes.errors import Throttled

log = logging.getLogger(__name__)

MOST_DAYS, MOST_CONVERSATIONS = 90, 1_000
MOST_TURNS, MOST_TURNS_OF_ONE = 3_000, 20
USUAL_CONVERSATIONS = 50  # where nothing is said
THREADS = 4  # a turn waits for Postgres and the model most of its time
LOOK_SECONDS = 1.0  # how often the lease is kept and a cancel is noticed
LONGEST_PATIENCE_SECONDS = 60.0

Ended = End | Literal["lost", "given back"]


def start(
    workspace: UUID,
    user: UUID | None,
    automation_id: UUID,
    *,
    days: int | None = None,
    conversations: int | None = None,
) -> UUID:
    """Begin to compare the draft with the live version over the last days, or the last conversations. Raises ActionRefused."""
    if days is None and conversations is None:
        conversations = USUAL_CONVERSATIONS
    _in_bounds("days", days, MOST_DAYS)
    _in_bounds("conversations", conversations, MOST_CONVERSATIONS)
    with transaction(workspace) as tx:
        row = automations.editable(tx, automation_id)
        if row is None:
            raise ActionRefused("This automation does not exist any more.")
        if problems := check(row.draft):
            raise ActionRefused(f"Correct this first. {problems[0]}")
        made = backtests.add(
            tx, workspace, automation_id, row.draft, row.draft_revision, row.live_version or 0, days=days,
            conversations=conversations, user_id=user,
        )  # fmt: skip
    if made is None:
        raise ActionRefused("A comparison of this automation is under way already. Wait for it, or cancel it.")
    return made


def cancel(workspace: UUID, backtest_id: UUID) -> None:
    """Stop a comparison; what was compared stays."""
    with transaction(workspace) as tx:
        if not backtests.request_cancel(tx, backtest_id):
            raise ActionRefused("This comparison is at its end already.")


def review(
    workspace: UUID,
    user: UUID | None,
    result_id: UUID,
    verdict: Literal["same", "better", "worse"] | None,
    note: str = "",
) -> None:
    """What a person says of a result; None takes it back."""
    with transaction(workspace) as tx:
        if not backtests.review(tx, result_id, user, verdict, note.strip()[:2000]):
            raise ActionRefused("This result does not exist, or is not ready yet.")


def work(
    backtest_id: UUID | None = None, *, models: Models | None = None, stopping: threading.Event | None = None
) -> tuple[str, str] | None:
    """Claim a comparison (the oldest open one where none is named) and do it; returns its end and the sentence about it.

    None = there is nothing to do, or another process does it. `stopping` gives it back unfinished.
    """
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    with system() as tx:
        claimed = backtests.claim(tx, owner, lease_seconds(), backtest_id)
    return do(claimed, owner, models, stopping) if claimed else None


def do(
    claimed: Backtest, owner: str, models: Models | None = None, stopping: threading.Event | None = None
) -> tuple[str, str]:
    """Do a comparison that this process holds. Raises only where Postgres is away: then its lease ends by itself."""
    log.info("A comparison began", extra={"action": "backtest.began", "backtest": str(claimed.id)})
    comparison = Comparison(claimed, owner, models or ConnectedModels(), stopping or threading.Event())
    try:
        state, sentence = comparison.run()
    except (DBAPIError, DatabaseUnreachable):
        raise
    except Exception as error:
        log.error(
            "A comparison broke", exc_info=error, extra={"action": "backtest.broken", "backtest": str(claimed.id)}
        )
        state, sentence = "failed", f"Something unexpected happened ({type(error).__name__}). The log has the details."
    with transaction(claimed.workspace_id) as tx:
        match state:
            case "given back":
                backtests.release(tx, claimed.id, owner)
            case "done" | "failed" | "cancelled":
                backtests.finish(tx, claimed, owner, state, sentence)
    log.info("A comparison ended", extra={"action": f"backtest.{state}", "backtest": str(claimed.id)})
    return state, sentence


class Comparison:
    """One comparison under way in this process."""

    def __init__(self, claimed: Backtest, owner: str, models: Models, stopping: threading.Event) -> None:
        self._of, self._owner, self._stopping = claimed, owner, stopping
        self._workspace = claimed.workspace_id
        llm, embedder = models.of(self._workspace)
        if isinstance(llm, LimitedModel):
            llm = llm.without_limit()
        self._shared = Shared(
            OnceModel(llm) if llm else None,
            OnceEmbedder(embedder),
            OnceCrm(self._workspace) if is_connected(self._workspace) else None,
            OnceWeb(WebReader(self._hosts())),
        )
        self._ended: tuple[Ended, str] | None = None
        self._looked = 0.0
        self._over = threading.Event()  # wakes a turn that waits for the model

    def run(self) -> tuple[Ended, str]:
        if self._of.attempts > MOST_ATTEMPTS:
            return (
                "failed",
                f"It was taken up {MOST_ATTEMPTS} times and the process died each time. The log has the details.",
            )
        live, draft = self._plans()
        turns = self._turns()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="frontdesk-backtest") as pool:
            try:
                self._all(pool, turns, lambda turn: self._compare(turn, live, draft))
            finally:
                self._over.set()
        return self._ended or ("done", self._summary())

    def _hosts(self) -> list[str]:
        with read_only(self._workspace) as tx:
            return hosts_of(business_of(tx, self._workspace).settings)

    def _plans(self) -> tuple[Plan | None, Plan]:
        with read_only(self._workspace) as tx:
            document = versions.document(tx, self._of.automation_id, self._of.live_version)
        return compile_document(document) if document else None, compile_document(self._of.draft)

    def _turns(self) -> list[Turn]:
        """What is still to be compared; chosen by the first process that works on it."""
        with transaction(self._workspace) as tx:
            if not self._of.listed:
                found = past.recent_turns(
                    tx,
                    days=self._of.days,
                    conversations=self._of.conversations,
                    most_turns=MOST_TURNS,
                    most_of_one=MOST_TURNS_OF_ONE,
                )
                backtests.set_turns(tx, self._of, found)
            return backtests.open_turns(tx, self._of.id)

    def _all(self, pool: ThreadPoolExecutor, turns: Iterable[Turn], compare: Callable[[Turn], None]) -> None:
        """Compare turn by turn, a few at once, and look about every second whether to go on."""
        waiting, under_way = iter(turns), set[Future[None]]()
        self._look()
        while self._ended is None:
            while len(under_way) < 2 * THREADS and (turn := next(waiting, None)) is not None:
                under_way.add(pool.submit(compare, turn))
            if not under_way:
                return
            done, under_way = wait(under_way, LOOK_SECONDS, return_when=FIRST_COMPLETED)
            for each in done:
                each.result()
            self._look(only_if_due=True)
        for each in under_way:
            each.cancel()

    def _look(self, *, only_if_due: bool = False) -> None:
        """Keep the lease, tell the pages, notice a cancel."""
        if only_if_due and time.monotonic() - self._looked < LOOK_SECONDS and not self._stopping.is_set():
            return
        self._looked = time.monotonic()
        with transaction(self._workspace) as tx:
            now = backtests.hold(tx, self._of.id, self._owner, lease_seconds())
        if now is None:
            self._ended = "lost", "Another process goes on with it, or it was deleted."
        elif now.cancel_requested:
            self._ended = "cancelled", f"Cancelled after {now.compared} of {now.found} turns."
        elif self._stopping.is_set():
            self._ended = "given back", "This process ends."

    def _compare(self, turn: Turn, live: Plan | None, draft: Plan) -> None:
        sides = self._sides(turn, live, draft)
        if sides is None:
            return
        before, after = sides
        judged = judge(before, after, turn.turn.text)
        self._settle(turn, judged, before, after)

    def _sides(self, turn: Turn, live: Plan | None, draft: Plan) -> tuple[Side, Side] | None:
        """None = stopped while the model asked for patience."""
        while True:
            try:
                case = past_case(self._workspace, turn.turn)
                return side_of(live, case, self._shared), side_of(draft, case, self._shared)
            except Throttled as busy:
                if self._over.wait(min(busy.retry_after_seconds, LONGEST_PATIENCE_SECONDS)) or self._ended:
                    return None

    def _settle(self, turn: Turn, judged: Judged, live: Side, draft: Side) -> None:
        with transaction(self._workspace, durable=False) as tx:
            backtests.settle(
                tx,
                turn.id,
                judged.verdict,
                judged.reasons,
                [unlike.stored() for unlike in judged.differences],
                live.stored(),
                draft.stored(),
            )

    def _summary(self) -> str:
        with read_only(self._workspace) as tx:
            figures = backtests.figures(tx, self._of.id)
        if not figures.turns:
            return "No customer wrote in this time. Choose more days, or more conversations."
        counts = [
            (figures.same, "the same"),
            (figures.better, "better"),
            (figures.worse, "worse"),
            (figures.look, "to look at"),
        ]
        told = ", ".join(f"{number} {words}" for number, words in counts if number)
        return f"{_several(figures.turns, 'turn')} of {_several(figures.talks, 'conversation')}: {told}."


def _several(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _in_bounds(name: str, number: int | None, most: int) -> None:
    if number is not None and not 1 <= number <= most:
        raise ActionRefused(f"Choose between 1 and {most} {name}.")
