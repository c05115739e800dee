"""A judge sorts what was found; a judge who fails changes nothing."""

from uuid import uuid4

import pytest

from nodes.errors import NotSent
from nodes.rerank import READ, reranked
from nodes.search import Hit
from tests.nodes.contexts import RecordingModel


def hits(count: int) -> list[Hit]:
    source = uuid4()
    return [
        Hit(
            uuid4(),
            source,
            "Handbook",
            "text",
            "a.md",
            f"Heading {n}",
            f"Text {n}",
            1 - n / 100,
            0.5,
            n + 1,
            None,
            None,
        )
        for n in range(count)
    ]


def order(answer: str | Exception, found: list[Hit]) -> list[int]:
    chosen = reranked(RecordingModel(answer), "How much?", found)
    assert {hit.id for hit in chosen} == {hit.id for hit in found}
    return [int(hit.text.split()[1]) for hit in chosen]


@pytest.mark.parametrize(
    "answer", ['{"best": [3, 1]}', 'Sure:\n```json\n{"best": [3, 1, 3, 99, 0]}\n```', '{"best": [3, 1, "x"]}']
)
def test_what_the_judge_chose_comes_first_and_the_rest_keeps_its_order(answer: str) -> None:
    assert order(answer, hits(4)) == [2, 0, 1, 3]


@pytest.mark.parametrize(
    "answer", ["", "I like the third", '{"best": []}', '{"best": null}', NotSent("The model is away.")]
)
def test_without_a_sensible_answer_the_order_stays(answer: str | Exception) -> None:
    assert order(answer, hits(3)) == [0, 1, 2]


def test_the_judge_reads_question_headings_and_texts_of_the_first_ones() -> None:
    model = RecordingModel('{"best": []}')
    reranked(model, "How much?", hits(READ + 5))
    said = model.asked[0][1].content
    assert "Question: How much?" in said and "Heading 0\nText 0" in said and f"Text {READ - 1}<" in said
    assert f"Text {READ}<" not in said


def test_a_single_passage_needs_no_judge() -> None:
    model = RecordingModel('{"best": [1]}')
    assert len(reranked(model, "How much?", hits(1))) == 1 and model.asked == []
