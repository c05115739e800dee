"""The rules by which an answer of the draft is the same as that of the live version, better, worse, or for a person to look at.

In words:
  worse   the draft fails, does not start, stays silent or asks for a person where the live version answered.
  better  the draft answers where the live version failed, did not start or stayed silent; or it answers from the documents where
          the live version asked for a person without the customer wanting one; or it gives a person to who wants one.
  look    both do something, and it is not the same: another text, another change in the CRM, another notice, another reason for
          a person, another pause.
  same    none of these. The way through the steps, the cost and the time are shown, and decide nothing: what counts is what the
          customer, the colleagues and the CRM notice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from db.backtests import Verdict
from flows.backtest_side import Change, Side
from nodes.person_request import KEYWORDS, NOT_WHEN, SHORT_KEYWORDS, asks_for_person

What = Literal["start", "failure", "reply", "handoff", "crm", "notice", "pause", "route", "cost", "time", "tags"]
_TAGS_OF_TODAY = "The contact's tags are those of today here; which it had then is not known."
# Below these a difference is noise.
COST_USD, COST_FACTOR = 0.0005, 1.25
TIME_MS, TIME_FACTOR = 1_000.0, 1.5


@dataclass(frozen=True)
class Unlike:
    """One thing that the two did differently."""

    what: What
    sentence: str
    before: str
    after: str
    decides: bool = True

    def stored(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Judged:
    verdict: Verdict
    reasons: list[str]
    differences: list[Unlike]


def judge(live: Side, draft: Side, text: str) -> Judged:
    """Compare what the live version and the draft did with the same turn; `text` is what the customer wrote."""
    differences = list(_differences(live, draft))
    for verdict, reason in _clear(live, draft, text):
        return Judged(verdict, [reason], differences)
    deciding = [unlike.sentence for unlike in differences if unlike.decides]
    if deciding:
        return Judged("look", deciding, differences)
    return Judged("same", ["Both do the same." if draft.started else "Neither would have started."], differences)


def _clear(live: Side, draft: Side, text: str) -> Iterator[tuple[Verdict, str]]:
    """The rules that need no person, the first one counts."""
    if draft.failed and not live.failed:
        yield "worse", f"The draft fails. {draft.failed}"
    if live.failed and not draft.failed and draft.started:
        yield "better", f"The live version fails here, the draft does not. {live.failed}"
    if live.started and not draft.started and _does_something(live):
        yield "worse", f"The draft would not have started. {draft.refusal}"
    if draft.started and not live.started and _does_something(draft) and live.refusal != "Nothing was published.":
        yield "better", f"The live version would not have started. {live.refusal}"
    if live.replies and not draft.replies and not draft.handoff:
        yield "worse", "The customer gets no answer any more."
    if draft.replies and not live.replies and not live.handoff and live.started:
        yield "better", "The customer gets an answer, and got none before."
    yield from _of_persons(live, draft, text)


def _of_persons(live: Side, draft: Side, text: str) -> Iterator[tuple[Verdict, str]]:
    wants_person = bool(asks_for_person(text, KEYWORDS, SHORT_KEYWORDS, NOT_WHEN))
    if draft.handoff and not live.handoff and live.replies:
        if wants_person:
            yield "better", "The customer asks for a person and gets one now."
        else:
            yield "worse", f"A person is asked for where the AI answered before. {draft.handoff}"
    if live.handoff and not draft.handoff and draft.replies:
        if wants_person:
            yield "worse", "The customer asks for a person and gets none any more."
        elif draft.from_documents:
            yield "better", "The AI answers from the documents where a person was asked for before."


def _does_something(side: Side) -> bool:
    return bool(side.replies or side.handoff or side.changes or side.notices)


def _differences(live: Side, draft: Side) -> Iterator[Unlike]:
    if live.started != draft.started:
        words = {True: "starts", False: "does not start"}
        why = draft.refusal or live.refusal
        yield Unlike("start", f"The draft {words[draft.started]}. {why}", words[live.started], words[draft.started])
    if live.failed != draft.failed:
        yield Unlike("failure", "One of them fails, or both fail differently.", live.failed, draft.failed)
    if _plain(live.reply) != _plain(draft.reply):
        yield Unlike("reply", _about_reply(live, draft), live.reply, draft.reply)
    if (live.handoff_code, live.handoff) != (draft.handoff_code, draft.handoff):
        yield Unlike("handoff", _about_handoff(live, draft), live.handoff, draft.handoff)
    yield from _of_changes(live.changes, draft.changes)
    if live.notices != draft.notices:
        told = "Colleagues are told something else."
        yield Unlike("notice", told, "\n\n".join(live.notices), "\n\n".join(draft.notices))
    if live.waits != draft.waits:
        yield Unlike("pause", "They wait for something else.", "\n".join(live.waits), "\n".join(draft.waits))
    yield from _of_route(live, draft)
    yield from _of_effort(live, draft)
    if live.tags_of_today or draft.tags_of_today:
        yield Unlike("tags", _TAGS_OF_TODAY, "", "", decides=False)


def _about_reply(live: Side, draft: Side) -> str:
    if not live.replies:
        return "The draft answers, the live version does not."
    if not draft.replies:
        return "The live version answers, the draft does not."
    return "The answer reads differently."


def _about_handoff(live: Side, draft: Side) -> str:
    if not live.handoff:
        return "The draft asks for a person."
    if not draft.handoff:
        return "The draft asks for no person any more."
    return "Both ask for a person, for different reasons."


def _of_changes(live: list[Change], draft: list[Change]) -> Iterator[Unlike]:
    kept = [change.effect for change in draft]
    for change in live:
        if change.effect in kept:
            kept.remove(change.effect)
        else:
            yield Unlike("crm", f"No longer: {change.sentence}", change.after, "")
    known = [change.effect for change in live]
    for change in draft:
        if change.effect in known:
            known.remove(change.effect)
        else:
            yield Unlike("crm", f"New: {change.sentence}", "", change.after)


def _of_route(live: Side, draft: Side) -> Iterator[Unlike]:
    if not (live.started and draft.started):
        return
    words = {"done": "runs", "skipped": "is left out", "failed": "fails", "waiting": "waits", "": "is not reached"}
    for step in dict.fromkeys([*live.route, *draft.route]):
        in_both = step in live.titles and step in draft.titles
        before, after = live.route.get(step, ""), draft.route.get(step, "")
        if before != after:
            title = draft.titles.get(step) or live.titles.get(step, step)
            told = (
                f"'{title}' {words[after]}; in the live version it {words[before]}."
                if in_both
                else _only(step, title, draft)
            )
            yield Unlike("route", told, words[before], words[after], decides=False)


def _only(step: str, title: str, draft: Side) -> str:
    return f"'{title}' is a step of the draft alone." if step in draft.titles else f"'{title}' is not in the draft."


def _of_effort(live: Side, draft: Side) -> Iterator[Unlike]:
    if not (live.started and draft.started):
        return
    low, high = sorted((live.cost_usd, draft.cost_usd))
    if high - low >= COST_USD and high > low * COST_FACTOR:
        word = "more" if draft.cost_usd > live.cost_usd else "less"
        before, after = f"${live.cost_usd:.4f}", f"${draft.cost_usd:.4f}"
        yield Unlike("cost", f"It costs {word}: {after} instead of {before}.", before, after, decides=False)
    low, high = sorted((live.ms, draft.ms))
    if high - low >= TIME_MS and high > low * TIME_FACTOR:
        word = "longer" if draft.ms > live.ms else "shorter"
        before, after = f"{live.ms / 1000:.1f} s", f"{draft.ms / 1000:.1f} s"
        yield Unlike("time", f"It takes {word}: {after} instead of {before}.", before, after, decides=False)


def _plain(text: str) -> str:
    """Spaces and line breaks do not make another answer."""
    return " ".join(text.split())
