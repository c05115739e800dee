"""Recalls the conversation so far, so that the AI answers in context.

Only whole turns are recalled: what the customer wrote, with the answers to it. A history never begins with an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain

from pydantic import Field
from sqlmodel import Session

from db.engine import Row, rows
from nodes.contract import Context, NodeFailed, Settings, Values, node
from nodes.material import Line
from nodes.person_request import asks_for_person

LONGEST_TURN = 40  # messages; of a longer turn that does not fit, nothing is recalled
MOST_FACTS = 20
JUST_BEGUN = timedelta(seconds=30)
SETTLED = "The earlier request for a person is settled."


class Config(Settings):
    messages: int = Field(
        title="How many earlier messages",
        default=12,
        ge=2,
        le=50,
        description="At most so many messages, in whole turns.",
    )


class Input(Values):
    """It recalls the conversation of the run."""


class Output(Values):
    history: list[Line] = Field(description="The conversation before this message, oldest line first.")
    count: int = Field(description="How many messages were recalled.")
    facts: str = Field(description="What was noted about this conversation, as a text for the AI.")


@dataclass(frozen=True)
class _Marker:
    """A person gave the conversation back to the AI after the message `after_seq`."""

    text: str
    after_seq: int


Turn = list[Row]


@node("recall", title="Recall conversation", group="ai", icon="history", sample=Input())
def run(config: Config, input: Input, ctx: Context) -> Output:
    if ctx.conversation is None:
        raise NodeFailed("This run has no conversation to recall. Start it from a message.")
    if _has_just_begun(ctx):
        return Output(history=[], count=0, facts="")
    with ctx.read() as tx:
        messages = _messages(tx, ctx, limit=config.messages + LONGEST_TURN)
        memory = _memory(tx, ctx)
    recalled = _whole_turns(messages, config.messages)
    return Output(history=_lines(recalled, _marker(memory)), count=len(recalled), facts=_facts(memory))


def _has_just_begun(ctx: Context) -> bool:
    """Nobody had written before this turn, and it is so recent that nobody else can have: there is nothing to look for."""
    messages = ctx.turn.messages
    return ctx.turn.first_contact and bool(messages) and ctx.now - messages[0].at < JUST_BEGUN


def _whole_turns(messages: Sequence[Row], limit: int) -> list[Row]:
    """The newest turns with at most `limit` messages in all."""
    turns: list[Turn] = []
    previous = "out"
    for message in messages:
        if message["direction"] == "in" and previous == "out":
            turns.append([])
        if turns:  # an answer before the first question stays out
            turns[-1].append(message)
        previous = message["direction"]
    kept: list[Turn] = []
    while turns and sum(map(len, kept)) + len(turns[-1]) <= limit:
        kept.insert(0, turns.pop())
    if not kept and turns:  # one turn longer than the limit: its question and the end of what followed
        kept = [[turns[-1][0], *turns[-1][1 - limit :]]]
    return list(chain.from_iterable(kept))


def _lines(messages: Sequence[Row], marker: _Marker | None) -> list[Line]:
    if marker is None or (messages and messages[0]["seq"] > marker.after_seq):
        return [_line(message) for message in messages]
    before = [_settled(message) for message in messages if message["seq"] <= marker.after_seq]
    after = [_line(message) for message in messages if message["seq"] > marker.after_seq]
    return [*before, Line(role="system", content=_return_note(marker)), *after]


def _return_note(marker: _Marker) -> str:
    text = marker.text.strip() or "A colleague took over and gave the conversation back."
    ended = text if text[-1] in ".!?" else f"{text}."
    return text if SETTLED in text else f"{ended} {SETTLED}"


def _settled(message: Row) -> Line:
    line = _line(message)
    if line.role == "user" and asks_for_person(message["content"]):
        return Line(role="user", content=f"{line.content}\n(A colleague has already taken care of this request.)")
    return line


def _line(message: Row) -> Line:
    content = message["content"].strip() or "(a file without text)"
    if message["direction"] == "in":
        return Line(role="user", content=content)
    # The model must not take a colleague's promise for its own, nor the other way round.
    written = (
        f"(written by {message['author_name'] or 'a colleague'}, a person) " if message["author"] == "human" else ""
    )
    return Line(role="assistant", content=written + content)


def _messages(tx: Session, ctx: Context, limit: int) -> list[Row]:
    """The newest messages before this turn, oldest first; nothing of this run, and nothing that never reached the customer."""
    assert ctx.conversation is not None
    found = rows(
        tx,
        """
        SELECT m.seq, m.direction, m.author, m.content, u.name AS author_name
        FROM messages m LEFT JOIN users u ON u.id = m.author_user_id
        WHERE m.conversation_id = %(conversation)s
          AND (m.direction = 'in' AND (%(turn)s::bigint IS NULL OR m.seq < %(turn)s)
               OR m.direction = 'out' AND m.state NOT IN ('failed', 'error', 'cancelled') AND m.run_id IS DISTINCT FROM %(run)s)
        ORDER BY m.seq DESC LIMIT %(limit)s
        """,
        conversation=ctx.conversation.id,
        turn=min((message.seq for message in ctx.turn.messages), default=None),
        run=ctx.run_id,
        limit=limit,
    )
    return list(reversed(found))


def _memory(tx: Session, ctx: Context) -> Sequence[Row]:
    """What was noted about the conversation, the newest first."""
    assert ctx.conversation is not None
    return rows(
        tx,
        """SELECT role, text, after_seq FROM ai_conversation_memory
           WHERE conversation_id = %(conversation)s ORDER BY id DESC LIMIT 50""",
        conversation=ctx.conversation.id,
    )


def _marker(memory: Sequence[Row]) -> _Marker | None:
    newest = next((noted for noted in memory if noted["role"] == "return_marker"), None)
    return _Marker(newest["text"], newest["after_seq"]) if newest else None


def _facts(memory: Sequence[Row]) -> str:
    """The newest summary, then the facts in the order in which they were noted."""
    summary = [noted["text"] for noted in memory if noted["role"] == "summary"][:1]
    facts = [noted["text"] for noted in reversed(memory) if noted["role"] == "fact"]
    return "\n".join([*summary, *facts[-MOST_FACTS:]])
