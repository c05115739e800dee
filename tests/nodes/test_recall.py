"""What the AI remembers of a conversation: whole turns, what reached the customer, and that a person gave it back."""

from __future__ import annotations

import pytest

from nodes import recall
from nodes.contract import NodeFailed, Turn, TurnMessage
from nodes.material import Line
from tests.nodes.conftest import Desk, make_user
from tests.nodes.contexts import MONDAY_NOON, carry_out, context


def lines(desk: Desk, limit: int = 12, **changes: object) -> list[tuple[str, str]]:
    output = carry_out(recall, desk.context(**changes), {"messages": limit}).output
    return [(line.role, line.content) for line in output.history]


def ask_and_answer(desk: Desk, count: int) -> None:
    for number in range(1, count + 1):
        desk.say("in", f"question {number}")
        desk.say("out", f"answer {number}")


def now_written(desk: Desk, *texts: str) -> Turn:
    """The turn of the run, as messages that are in the database."""
    messages = []
    for text in texts:
        seq = desk.say("in", text)
        messages.append(TurnMessage(desk.conversation, seq, text, MONDAY_NOON))
    return Turn(tuple(messages))


def test_the_history_is_the_conversation_before_this_turn(desk: Desk) -> None:
    ask_and_answer(desk, 1)
    turn = now_written(desk, "and now?", "hello?")
    assert lines(desk, turn=turn) == [("user", "question 1"), ("assistant", "answer 1")]


def test_at_most_twelve_messages_come_back(desk: Desk) -> None:
    ask_and_answer(desk, 10)
    history = lines(desk)
    assert len(history) == 12
    assert history[0] == ("user", "question 5") and history[-1] == ("assistant", "answer 10")


def test_a_turn_is_never_cut_in_two(desk: Desk) -> None:
    desk.say("in", "first")
    desk.say("in", "second")
    desk.say("out", "answer to both")
    ask_and_answer(desk, 1)
    assert lines(desk, limit=4) == [("user", "question 1"), ("assistant", "answer 1")]
    assert len(lines(desk, limit=5)) == 5


def test_it_never_begins_with_an_answer(desk: Desk) -> None:
    desk.say("out", "We wrote first.")
    ask_and_answer(desk, 1)
    assert lines(desk)[0] == ("user", "question 1")


def test_a_turn_longer_than_the_limit_keeps_its_question_and_its_end(desk: Desk) -> None:
    desk.say("in", "question")
    for number in range(9):
        desk.say("out", f"part {number}")
    assert lines(desk, limit=3) == [("user", "question"), ("assistant", "part 7"), ("assistant", "part 8")]


@pytest.mark.parametrize("state", ["failed", "error", "cancelled"])
def test_what_never_reached_the_customer_was_never_said(desk: Desk, state: str) -> None:
    desk.say("in", "question")
    desk.say("out", "lost", state=state)
    assert lines(desk) == [("user", "question")]


@pytest.mark.parametrize("state", ["pending", "sending", "unknown", "delivered"])
def test_what_is_on_its_way_was_said(desk: Desk, state: str) -> None:
    desk.say("in", "question")
    desk.say("out", "on its way", state=state)
    assert lines(desk)[-1] == ("assistant", "on its way")


def test_notes_for_colleagues_stay_with_them(desk: Desk) -> None:
    ask_and_answer(desk, 1)
    desk.say("note", "Ana took over", author="system")
    assert len(lines(desk)) == 2


def test_a_colleagues_words_are_marked_as_theirs(desk: Desk) -> None:
    desk.say("in", "question")
    desk.say("out", "I call you at five.", author="human", author_user_id=make_user(desk, "Ana"))
    desk.say("out", "It is ready.", author="human")
    assert lines(desk)[1:] == [
        ("assistant", "(written by Ana, a person) I call you at five."),
        ("assistant", "(written by a colleague, a person) It is ready."),
    ]


def test_a_picture_without_words_leaves_a_line(desk: Desk) -> None:
    desk.say("in", "")
    assert lines(desk) == [("user", "(a file without text)")]


def test_messages_that_this_run_sent_before_are_not_history(desk: Desk) -> None:
    ctx = desk.context()
    desk.say("in", "question")
    desk.say("out", "One moment.", run_id=ctx.run_id)
    assert lines(desk, run_id=ctx.run_id) == [("user", "question")]


def test_after_a_person_gave_it_back_the_history_says_so_and_settles_the_wish(desk: Desk) -> None:
    desk.say("in", "I want to speak to a person")
    after = desk.say("out", "Done, your bike is ready.", author="human")
    desk.remember("return_marker", "A colleague (Ana) took over and gave back: bike is ready.", after)
    turn = now_written(desk, "thanks, when do you close?")
    assert lines(desk, turn=turn) == [
        ("user", "I want to speak to a person\n(A colleague has already taken care of this request.)"),
        ("assistant", "(written by a colleague, a person) Done, your bike is ready."),
        (
            "system",
            "A colleague (Ana) took over and gave back: bike is ready. The earlier request for a person is settled.",
        ),
    ]


def test_the_return_stands_where_it_happened_and_a_new_wish_is_open(desk: Desk) -> None:
    after = desk.say("in", "human please")
    desk.remember("return_marker", "Old marker.", after - 1)
    desk.remember("return_marker", "", after)
    desk.say("in", "agent")
    assert [role for role, _ in lines(desk)] == ["user", "system", "user"]
    assert lines(desk)[1][1].startswith("A colleague took over and gave the conversation back. The earlier")
    assert lines(desk)[2] == ("user", "agent")


def test_a_return_long_ago_is_no_news(desk: Desk) -> None:
    after = desk.say("in", "human")
    desk.remember("return_marker", "Given back.", after)
    ask_and_answer(desk, 6)
    assert "system" not in [role for role, _ in lines(desk)]


def test_facts_and_the_newest_summary_come_as_text(desk: Desk) -> None:
    desk.remember("summary", "Old summary.")
    desk.remember("summary", "Wants a red bike.")
    desk.remember("fact", "Rides to work.")
    assert carry_out(recall, desk.context()).output.facts == "Wants a red bike.\nRides to work."


def test_an_empty_conversation_is_an_empty_history(desk: Desk) -> None:
    output = carry_out(recall, desk.context()).output
    assert (output.history, output.count, output.facts) == ([], 0, "")


def test_lines_are_what_a_later_step_takes(desk: Desk) -> None:
    ask_and_answer(desk, 1)
    output = carry_out(recall, desk.context()).output
    assert output.history == [Line(role="user", content="question 1"), Line(role="assistant", content="answer 1")]
    assert output.count == 2


def test_a_run_without_a_conversation_says_so() -> None:
    with pytest.raises(NodeFailed, match="no conversation"):
        carry_out(recall, context(conversation=None))
