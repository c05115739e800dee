"""Questions with their answers: one by one, or many at once from a list or a spreadsheet."""

from __future__ import annotations

import csv
import re

import streamlit as st

from flows import training
from flows.training import Added
from ui import place
from ui.session import Here
from ui.text import plain
from ui.training_act import actor, attempt, refusal, value
from ui.training_words import count

FORM = "pairs"
ROWS = "pairs:rows"
FIRST_ROWS, SHOWN = 3, 20
_QUESTION, _ANSWER = r"(?:q|question|frage)\s*\d*\s*[:.)]\s*", r"(?:a|answer|antwort)\s*\d*\s*[:.)]\s*"

Pairs = list[tuple[str, str]]


def pairs_of(text: str) -> tuple[Pairs, list[str]]:
    """The pairs of a pasted text, and the questions without an answer.

    Cells of a spreadsheet (question, answer), or lines marked Q: and A:, or a question with its answer below and an empty line
    between two pairs.
    """
    if "\t" in text:
        rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(keepends=True), delimiter="\t")]
        found = [(row[0], " ".join(cell for cell in row[1:] if cell)) for row in rows if row and row[0]]
    elif re.search(rf"^\s*{_QUESTION}", text, re.IGNORECASE | re.MULTILINE):
        blocks = re.split(rf"^\s*{_QUESTION}", text, flags=re.IGNORECASE | re.MULTILINE)[1:]
        found = [_marked(block) for block in blocks]
    else:
        found = [_below(block) for block in re.split(r"\n\s*\n", text) if block.strip()]
    return [pair for pair in found if all(pair)], [question for question, answer in found if question and not answer]


def _marked(block: str) -> tuple[str, str]:
    question, *answers = re.split(rf"^\s*{_ANSWER}", block, maxsplit=1, flags=re.IGNORECASE | re.MULTILINE)
    return " ".join(question.split()), "\n".join(answers).strip()


def _below(block: str) -> tuple[str, str]:
    question, _, answer = block.strip().partition("\n")
    return question.strip(), answer.strip()


def draw(me: Here) -> None:
    st.session_state.setdefault(f"{FORM}:name", "Questions and answers")
    st.text_input(
        "Name of the collection",
        key=f"{FORM}:name",
        help="Pairs are added to the collection of this name. A question that is there already gets the new answer.",
    )
    way = st.segmented_control(
        "How", ("Write", "Paste many"), default="Write", key=f"{FORM}:way", label_visibility="collapsed"
    )
    if way == "Paste many":
        _pasted()
    else:
        _written()
    st.button("Save the pairs", type="primary", icon=":material/save:", on_click=_save)
    refusal(FORM)


def _written() -> None:
    for number in range(st.session_state.get(ROWS, FIRST_ROWS)):
        left, right = st.columns([1, 1.4], gap="small")
        left.text_area(
            f"Question {number + 1}",
            key=f"{FORM}:q{number}",
            height=68,
            placeholder="Do you repair electric bikes?" if number == 0 else None,
        )
        right.text_area(
            f"Answer {number + 1}",
            key=f"{FORM}:a{number}",
            height=68,
            placeholder="Yes, all makes. Bring the charger along." if number == 0 else None,
        )
    st.button("One more", icon=":material/add:", on_click=_one_more)


def _pasted() -> None:
    text = st.text_area(
        "Questions and answers",
        key=f"{FORM}:text",
        height=220,
        placeholder="Do you repair electric bikes?\nYes, all makes. Bring the charger along.\n\nDo I need an appointment?\nNo.",
        help="Two columns of a spreadsheet, lines that begin with Q: and A:, or each question with its answer below and an empty line between.",
    )
    pairs, lonely = pairs_of(text)
    if not text.strip():
        st.caption("Copy two columns of a spreadsheet, or write each question with its answer below.")
        return
    st.markdown(f":green[:material/check:] {count(len(pairs), 'pair')} understood")
    for question in lonely[:SHOWN]:
        st.markdown(f":orange[:material/help:] No answer for “{plain(question)}”")
    with st.expander("Look at them", expanded=len(pairs) <= FIRST_ROWS):
        for question, answer in pairs[:SHOWN]:
            st.markdown(f"**{plain(question)}**  \n{plain(answer)}")
        if len(pairs) > SHOWN:
            st.caption(f"And {count(len(pairs) - SHOWN, 'more pair')}.")


def _one_more() -> None:
    st.session_state[ROWS] = st.session_state.get(ROWS, FIRST_ROWS) + 1


def _pairs() -> Pairs:
    if value(f"{FORM}:way", "Write") == "Paste many":
        return pairs_of(value(f"{FORM}:text", ""))[0]
    numbers = range(st.session_state.get(ROWS, FIRST_ROWS))
    return [(value(f"{FORM}:q{number}", ""), value(f"{FORM}:a{number}", "")) for number in numbers]


def _save() -> None:
    name, pairs = value(f"{FORM}:name", ""), _pairs()

    def add(me: Here) -> Added:
        return training.add_qa(me.workspace.id, actor(me), name, pairs)

    added = attempt(FORM, add, done="The pairs are saved.")
    if added is not None:
        for key in [key for key in st.session_state if str(key).startswith(f"{FORM}:")]:
            del st.session_state[key]
        place.go(s=str(added.source))
