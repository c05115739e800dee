"""Asks a person to take over, when the customer wants one or when the AI cannot answer, and tells the customer."""

from __future__ import annotations

from pydantic import Field

from nodes.contract import Context, NodeFailed, Result, Settings, Values, node
from nodes.effects import Effect, OpenHandoff, Priority, ReasonCode, SendMessage
from nodes.hours import HoursInvalid, hours_of
from nodes.language import guess
from nodes.person_request import KEYWORDS, NOT_WHEN, SHORT_KEYWORDS, asks_for_person
from nodes.phrases import Phrases, moment, phrases

QUOTED_CHARACTERS = 300  # of the message, in the reason that the colleague reads


class Config(Settings):
    keywords: list[str] = Field(
        title="Words that ask for a person",
        default_factory=lambda: list(KEYWORDS),
        description="Words and phrases by which a customer asks for a person; case, accents and articles do not count.",
    )
    short_keywords: list[str] = Field(
        title="Words that ask for one in a short message",
        default_factory=lambda: list(SHORT_KEYWORDS),
        description="Words that count only in a message of at most four words.",
    )
    not_when: list[str] = Field(
        title="Phrases that mean something else",
        default_factory=lambda: list(NOT_WHEN),
        description="Phrases in which such a word means something else, for example 'human resources'.",
    )
    verdict_reason: ReasonCode = Field(
        title="Reason that is noted when a step asks",
        default="missing_knowledge",
        description="Category of the reason when an earlier step asks for the person.",
    )
    priority: Priority = Field(default="normal", description="How soon a person should look.")
    notice: str = Field(
        title="What the customer is told",
        default="",
        description="What the customer is told during opening hours; empty means our own words in the customer's language.",
        json_schema_extra={"widget": "textarea"},
    )
    notice_when_closed: str = Field(
        title="What the customer is told when you are closed",
        default="",
        description="What the customer is told outside opening hours; {back} becomes the time when people are back.",
        json_schema_extra={"widget": "textarea"},
    )
    tell_customer: bool = Field(
        title="Tell the customer", default=True, description="Send the notice; without it the customer hears nothing."
    )


class Input(Values):
    message: str = Field(default="", description="What the customer wrote.")
    verdict: bool = Field(
        title="A step asks for a person",
        default=False,
        description="Whether an earlier step asks for a person, for example reply.needs_person.",
    )
    reason: str = Field(default="", description="Why an earlier step asks for a person.")


class Output(Values):
    requested: bool = Field(description="Whether a person is asked for now.")
    reason: str = Field(description="Why, in words; or why not although there was a wish for it.")


@node(
    "hand_off",
    title="Hand over to a person",
    group="out",
    icon="support_agent",
    sample=Input(message="Can I speak to a person?"),
    effects=("open_handoff", "send_message"),
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    if ctx.conversation is None:
        raise NodeFailed("This run has no conversation to hand over. Start it from a message.")
    message = input.message or ctx.turn.text
    keyword = asks_for_person(message, config.keywords, config.short_keywords, config.not_when)
    if not keyword and not input.verdict:
        return Result(Output(requested=False, reason=""))
    if ctx.conversation.owner == "human":
        return Result(Output(requested=False, reason="A colleague has this conversation already."))
    handoff = _handoff(config, input, message, keyword)
    detail: dict[str, object] = {"keyword": keyword}
    effects: tuple[Effect, ...] = (handoff,)
    if config.tell_customer:
        effects = (handoff, SendMessage(text=_notice(config, ctx, message, bool(keyword), detail)))
    return Result(Output(requested=True, reason=handoff.reason), effects, detail)


def _handoff(config: Config, input: Input, message: str, keyword: str) -> OpenHandoff:
    code: ReasonCode = "customer_request" if keyword else config.verdict_reason
    reason = (
        f"The customer asked for a person ('{keyword}')." if keyword else input.reason or "The AI cannot answer this."
    )
    return OpenHandoff(reason_code=code, reason=reason, summary=_shortened(message), priority=config.priority)


def _notice(config: Config, ctx: Context, message: str, wished: bool, detail: dict[str, object]) -> str:
    """What the customer is told. Outside opening hours it says when people are back."""
    language = guess(message) or (ctx.contact.language if ctx.contact else "")
    said, back = phrases(language), _back(ctx, language, detail)
    if back is None:
        return config.notice.strip() or f"{_opening(said, wished)} {said.somebody_reads}"
    own = config.notice_when_closed.strip() or config.notice.strip()
    return own.replace("{back}", back) if own else f"{_opening(said, wished)} {said.closed.format(back=back)}"


def _opening(said: Phrases, wished: bool) -> str:
    return said.asked_for_person if wished else said.no_answer


def _back(ctx: Context, language: str, detail: dict[str, object]) -> str | None:
    """When people are back, in words; None while it is open, or when nobody can say."""
    try:
        hours = hours_of(ctx.business)
    except HoursInvalid as error:
        # A wish for a person must not founder on a slip in the settings; the run shows it.
        detail["opening_hours"] = str(error)
        return None
    if hours.is_open(ctx.now):
        return None
    opens = hours.next_opening(ctx.now)
    return moment(opens, ctx.now, ctx.business, language) if opens else None


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= QUOTED_CHARACTERS else f"{text[:QUOTED_CHARACTERS].rstrip()}…"
