"""Passages that fit a message, out of a real database."""

from __future__ import annotations

from typing import Any

from db import passages, sources
from db.engine import transaction
from db.passages import Piece
from nodes import retrieve
from tests.nodes.conftest import Desk, open_desk
from tests.nodes.contexts import RecordingModel, WordEmbedder, carry_out

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


def test_it_keeps_to_the_named_sources_and_says_when_none_of_them_is_there(desk: Desk) -> None:
    teach(desk)
    assert search(desk, "opening hours on Saturday", {"sources": ["handbook of WORDS "]}).output.found
    result = search(desk, "opening hours on Saturday", {"sources": ["Gone"]})
    assert not result.output.found and "Choose others" in result.detail["note"]


def test_a_question_counts_alone_and_below_the_subject_of_the_documents(desk: Desk) -> None:
    embedder = WordEmbedder()
    teach(desk)
    carry_out(retrieve, desk.context(embedder=embedder), {"about": "Handbook"}, message="opening hours on Saturday")
    assert embedder.asked == ["opening hours on Saturday", "Handbook\nopening hours on Saturday"]


def test_the_run_shows_what_each_half_made_of_a_passage(desk: Desk) -> None:
    teach(desk)
    best = search(desk, "opening hours on Saturday").detail["scores"][0]
    assert best["heading"] == "Opening hours" and best["meaning"] > 0 and best["words"] > 0
    assert "words" not in search(desk, "opening hours", {"mode": "vector"}).detail["scores"][0]


def test_the_whole_section_is_read_where_that_is_wanted(desk: Desk) -> None:
    with transaction(desk.workspace) as tx:
        source = passages.add_source(tx, desk.workspace, "text", "Handbook")
        pieces = [
            Piece(text, "Prices", place, WordEmbedder().embed([text])[0], "words")
            for place, text in enumerate(["wash 18", "tune-up 119"])
        ]
        passages.replace_document(tx, desk.workspace, source, "text", "prices.md", pieces)
    assert search(desk, "tune-up", {"whole_section": True}).output.passages[0].text == "wash 18\n\ntune-up 119"
    assert search(desk, "tune-up").output.passages[0].text == "tune-up 119"


def test_a_connected_model_chooses_among_the_passages_where_that_is_wanted(desk: Desk) -> None:
    teach(desk)
    model = RecordingModel('{"best": [2]}')
    ctx = desk.context(embedder=WordEmbedder(), llm=model)
    usual = carry_out(retrieve, ctx, {"minimum_score": 0}, message="full service price").output
    assert model.asked == []
    judged = carry_out(retrieve, ctx, {"minimum_score": 0, "rerank": True}, message="full service price").output
    assert judged.passages[0] == usual.passages[1] and judged.best_score == usual.best_score


def test_where_nobody_says_what_the_documents_are_about_the_website_does(desk: Desk) -> None:
    teach(desk)
    embedder = WordEmbedder()
    with transaction(desk.workspace) as tx:
        [source] = passages.sources(tx)
        sources.configure(tx, source.id, subject={"about": "bicycles", "pages": 9})
    for config, above in (
        ({}, "bicycles\n"),
        ({"about": "kites"}, "kites\n"),
        ({"sources": [source.name]}, "bicycles\n"),
    ):
        result = carry_out(retrieve, desk.context(embedder=embedder), config, message="what does a service cost")
        assert embedder.asked[-1] == f"{above}what does a service cost"
        assert result.detail["about"] == above.strip()
    plain = carry_out(
        retrieve, desk.context(embedder=embedder), {"mode": "lexical"}, message="service price now please"
    )
    assert "about" not in plain.detail and embedder.asked[-1] != "service price now please"
