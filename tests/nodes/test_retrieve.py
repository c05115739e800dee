"""Passages that fit a message, out of a real database."""

from __future__ import annotations

from typing import Any

from db import passages
from db.engine import transaction
from db.passages import Piece
from nodes import retrieve
from tests.nodes.conftest import Desk, open_desk
from tests.nodes.contexts import WordEmbedder, carry_out

TEXTS = {
    "Opening hours": "Saturday opening from ten to fourteen",
    "Prices": "Full service price is 119 francs",
    "Dogs": "Dogs are welcome inside",
}


def teach(desk: Desk, texts: dict[str, str] = TEXTS, model: str = "words") -> None:
    with transaction(desk.workspace) as tx:
        source = passages.add_source(tx, desk.workspace, "text", f"Handbook of {model}")
        for heading, text in texts.items():
            [vector] = WordEmbedder().embed([f"{heading} {text}"])
            passages.replace_document(
                tx, desk.workspace, source, "text", heading, [Piece(text, heading, 0, vector, model)]
            )


def search(desk: Desk, message: str, config: dict[str, Any] | None = None, **given: Any) -> Any:
    return carry_out(retrieve, desk.context(embedder=WordEmbedder()), config, message=message, **given)


def test_the_best_passage_comes_first_with_source_heading_and_score(desk: Desk) -> None:
    teach(desk)
    output = search(desk, "opening hours on Saturday").output
    assert output.found and output.best_score == output.passages[0].score > 0.5
    best = output.passages[0]
    assert (best.source, best.heading, best.text) == (
        "Handbook of words: Opening hours",
        "Opening hours",
        TEXTS["Opening hours"],
    )


def test_what_fits_too_little_is_left_out_but_shown_in_the_run(desk: Desk) -> None:
    teach(desk)
    result = search(desk, "full service price", {"minimum_score": 0.4})
    assert [passage.heading for passage in result.output.passages] == ["Prices"]
    assert {entry["heading"] for entry in result.detail["scores"]} == set(TEXTS)


def test_nothing_fits_is_no_error(desk: Desk) -> None:
    teach(desk)
    output = search(desk, "quantum chromodynamics").output
    assert (output.passages, output.found, output.best_score) == ([], False, 0.0)


def test_it_gives_at_most_as_many_as_wanted(desk: Desk) -> None:
    teach(desk, {f"Saturday {number}": "Saturday opening" for number in range(8)})
    assert len(search(desk, "saturday opening please now dear").output.passages) == 5
    assert len(search(desk, "saturday opening", {"passages": 2}).output.passages) == 2


def test_a_very_short_message_is_searched_with_what_came_before(desk: Desk) -> None:
    teach(desk)
    history = [{"role": "user", "content": "full service price"}, {"role": "assistant", "content": "119 francs."}]
    result = search(desk, "and now?", history=history)
    assert result.detail["query"] == "full service price\nand now?"
    assert result.output.passages[0].heading == "Prices"
    assert search(desk, "and now?", {"use_previous": False}, history=history).detail["query"] == "and now?"
    assert search(desk, "are the dogs welcome here", history=history).detail["query"] == "are the dogs welcome here"


def test_an_empty_message_asks_neither_model_nor_database(desk: Desk) -> None:
    embedder = WordEmbedder()
    result = carry_out(retrieve, desk.context(embedder=embedder), message="  ")
    assert not result.output.found and embedder.asked == []


def test_another_workspace_and_another_model_are_out_of_reach(desk: Desk) -> None:
    teach(desk, model="other")
    teach(open_desk("rival"))
    assert not search(desk, "opening hours on Saturday").output.found
