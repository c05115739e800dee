"""The demo workspace is consistent, invented, and its documents can be found by the questions of customers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, datetime, time
from itertools import chain
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from nodes.chunk import Chunk, split
from nodes.clients.embeddings import BuiltinEmbedder
from nodes.contract import Business, Embedder
from nodes.hours import hours_of

FOLDER = Path(__file__).parents[2] / "flows" / "demo_data"
DOCUMENTS = {path.name: path.read_text(encoding="utf-8") for path in sorted((FOLDER / "documents").glob("*.md"))}
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_short_has_headings_and_facts(name: str) -> None:
    text = DOCUMENTS[name]
    assert 120 <= len(text.split()) <= 350
    assert text.startswith("# ")
    assert text.count("\n## ") >= 3
    assert len(re.findall(r"\d", text)) >= 8


def test_there_are_documents_enough() -> None:
    assert 12 <= len(DOCUMENTS) <= 16


def test_the_answer_to_every_question_is_in_its_document() -> None:
    questions = load("questions.json")
    assert len(questions) == 30
    assert {question["document"] for question in questions} == set(DOCUMENTS)
    for question in questions:
        assert question["fact"] in one_line(DOCUMENTS[question["document"]]), question


def test_plain_cosine_finds_the_passage_with_the_answer(tmp_path: Path) -> None:
    embedder: Embedder = BuiltinEmbedder(tmp_path)
    passages = [(name, chunk) for name, text in DOCUMENTS.items() for chunk in split(text)]
    matrix = np.array(embedder.embed([chunk.embedding_text for _, chunk in passages]))
    questions = load("questions.json")
    asked = np.array(embedder.embed([question["question"] for question in questions]))
    ranking = [[passages[place] for place in np.argsort(-(matrix @ vector))[:5]] for vector in asked]

    document = [rank(question, found) for question, found in zip(questions, ranking, strict=True)]
    answer = [rank(question, found, question["fact"]) for question, found in zip(questions, ranking, strict=True)]
    print(f"\n{len(passages)} passages; right document at 1: {document.count(1)}/30, in 5: {30 - document.count(0)}/30")
    print(f"passage with the answer at 1: {answer.count(1)}/30, in 5: {30 - answer.count(0)}/30")
    print(*[(q["question"], place) for q, place in zip(questions, answer, strict=True) if place != 1], sep="\n")
    assert 0 not in document
    assert 0 not in answer
    assert document.count(1) >= 26


def rank(question: dict[str, str], found: Sequence[tuple[str, Chunk]], fact: str = "") -> int:
    """The place, from 1, of the first passage of the right document that holds `fact`; 0 = not among the five."""
    for place, (name, chunk) in enumerate(found, start=1):
        if name == question["document"] and fact in one_line(chunk.text):
            return place
    return 0


def test_opening_hours_are_intervals_in_order() -> None:
    business = load("business.json")
    ZoneInfo(business["timezone"])
    hours = business["settings"]["hours"]
    assert list(hours) == WEEKDAYS
    for intervals in [*hours.values(), *(day["hours"] for day in business["settings"]["holidays"])]:
        ends = [time.fromisoformat(end) for interval in intervals for end in interval]
        assert ends == sorted(set(ends))
    dates = [date.fromisoformat(day["date"]) for day in business["settings"]["holidays"]]
    assert dates == sorted(set(dates))


def test_the_document_and_the_settings_agree_on_the_hours() -> None:
    text, hours = DOCUMENTS["opening-hours.md"], load("business.json")["settings"]["hours"]
    for intervals, weekday in [(hours["thu"], "Thursday"), (hours["sat"], "Saturday"), (hours["tue"], "Tuesday, Wed")]:
        line = next(line for line in text.splitlines() if line.startswith(f"- {weekday}"))
        assert [as_24_hours(*found) for found in re.findall(r"(\d+):(\d\d) ([ap])\.m\.", line)] == [*chain(*intervals)]
    assert [day for day in WEEKDAYS if not hours[day]] == ["mon", "sun"]


def test_the_shop_opens_and_closes_as_the_settings_say() -> None:
    business = load("business.json")
    zone = ZoneInfo(business["timezone"])
    hours = hours_of(Business(business["name"], zone, business["settings"]))
    assert hours.is_open(datetime(2026, 12, 3, 19, 30, tzinfo=zone)), "the long Thursday"
    assert not hours.is_open(datetime(2026, 12, 1, 13, 0, tzinfo=zone)), "the lunch break of a Tuesday"
    closed_for_thanksgiving = datetime(2026, 11, 26, 10, 0, tzinfo=zone)
    assert hours.next_opening(closed_for_thanksgiving) == datetime(2026, 11, 28, 9, 0, tzinfo=zone)


def as_24_hours(hour: str, minute: str, half: str) -> str:
    return f"{int(hour) % 12 + (12 if half == 'p' else 0):02}:{minute}"


def test_the_conversations_are_complete() -> None:
    people = {person["key"] for person in load("business.json")["people"]}
    conversations = load("conversations.json")
    assert {each["channel"] for each in conversations} == {"webchat", "sms", "whatsapp"}
    assert len({each["key"] for each in conversations}) == len(conversations)
    for each in conversations:
        minutes = [message["minute"] for message in each["messages"]]
        assert minutes == sorted(minutes)
        assert minutes[-1] < each["started_minutes_ago"]
        for message in each["messages"]:
            assert (
                message["author"]
                in {"in": ["contact"], "out": ["ai", "human"], "note": ["system"]}[message["direction"]]
            )
            assert (message.get("by") in people) == (message["author"] == "human")


def test_the_conversations_show_every_situation() -> None:
    conversations = load("conversations.json")
    handoffs = [each["handoff"] for each in conversations if each["handoff"]]
    assert sorted(handoff["state"] for handoff in handoffs) == ["pending", "resolved"]
    assert sum(each["contact"]["opted_out"] for each in conversations) == 1
    waiting = [each for each in conversations if each["owner"] == "human"]
    assert [each["handoff"]["state"] for each in waiting] == ["pending"]
    for handoff in handoffs:
        steps = [handoff[f"{step}_minute"] for step in ("requested", "assigned", "resolved")]
        known = [step for step in steps if step is not None]
        assert known == sorted(known)
        assert len(known) == {"pending": 1, "assigned": 2, "resolved": 3}[handoff["state"]]


def test_phone_numbers_and_addresses_are_the_ones_reserved_for_fiction() -> None:
    everything = "\n".join([*DOCUMENTS.values(), *(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json"))])
    for number in re.findall(r"\+1\d{10}|\d{3}-\d{3}-\d{4}", everything):
        assert re.search(r"555-?01\d\d$", number), number
    for domain in re.findall(r"@([\w.-]+\w)", everything):
        assert domain == "example.com" or domain.endswith(".example.com"), domain
