"""The two halves of a search, alone and fused, out of a real database."""

from __future__ import annotations

from typing import Any

import pytest

from db import heading_vectors, passages
from db.engine import transaction
from db.passages import Piece
from nodes.search import SAME_PAGE, SAME_SECTION, Hit, SearchSettings, ask, fused, search
from tests.nodes.conftest import Desk
from tests.nodes.contexts import WordEmbedder

TEXTS = {
    "Opening hours": "Saturday opening from ten to fourteen",
    "Prices": "Full service price is 119 francs",
    "Spare parts": "The part XK-2000 is in stock",
}


class Blind(WordEmbedder):
    """Sees no difference between passages: only words can tell them apart."""

    def embed(self, texts: Any) -> list[list[float]]:
        self.asked += texts
        return [[0.5 + 0.5 * text.endswith("?"), 0.8 * (not text.endswith("?")), *[0.0] * 1534] for text in texts]


def teach(desk: Desk, embedder: WordEmbedder, texts: dict[str, str] = TEXTS, source_type: str = "text") -> None:
    with transaction(desk.workspace) as tx:
        source = passages.add_source(tx, desk.workspace, source_type, f"Handbook as {source_type}")
        for heading, text in texts.items():
            [vector] = embedder.embed([heading if source_type == "qa" else f"{heading} {text}"])
            pieces = [Piece(text, heading, 0, vector, embedder.model, "en")]
            passages.replace_document(tx, desk.workspace, source, source_type, heading, pieces)


def found(desk: Desk, embedder: WordEmbedder, text: str, **settings: Any) -> list[Hit]:
    with desk.read() as tx:
        return search(tx, embedder, text, SearchSettings(**settings))


def test_a_hit_tells_how_each_half_saw_it(desk: Desk) -> None:
    teach(desk, embedder := WordEmbedder())
    best = found(desk, embedder, "Saturday opening hours")[0]
    assert (best.heading, best.document, best.source_name) == ("Opening hours", "Opening hours", "Handbook as text")
    assert (best.vector_rank, best.lexical_rank) == (1, 1)
    assert best.vector_score is not None and best.lexical_score is not None
    assert best.score == pytest.approx(fused(best.vector_score, None, best.lexical_score, best.lexical_score))
    assert best.vector_score < best.score <= 1


def test_words_find_what_meaning_does_not_tell_apart(desk: Desk) -> None:
    teach(desk, embedder := Blind())
    assert found(desk, embedder, "have you got the xk-2000?")[0].heading == "Spare parts"


def test_a_question_that_shares_no_word_is_ordered_by_meaning_alone(desk: Desk) -> None:
    teach(desk, embedder := WordEmbedder())
    hybrid = found(desk, embedder, "Saturdayish", minimum_score=0.0)
    vector = found(desk, embedder, "Saturdayish", minimum_score=0.0, mode="vector")
    assert [(hit.id, hit.score) for hit in hybrid] == [(hit.id, hit.score) for hit in vector]


def test_one_half_alone_leaves_the_other_out(desk: Desk) -> None:
    teach(desk, embedder := WordEmbedder())
    vector = found(desk, embedder, "service price", mode="vector")[0]
    assert vector.score == vector.vector_score and vector.lexical_score is None and vector.lexical_rank is None
    embedder.asked.clear()
    lexical = found(desk, embedder, "service price", mode="lexical")
    assert [hit.heading for hit in lexical] == ["Prices"] and embedder.asked == []
    assert lexical[0].score == lexical[0].lexical_score and lexical[0].vector_score is None


def test_filters_hold_for_both_halves(desk: Desk) -> None:
    teach(desk, embedder := WordEmbedder())
    teach(desk, embedder, {"Opening hours": "Saturday opening from nine"}, "website")
    for mode in ("hybrid", "vector", "lexical"):
        hits = found(desk, embedder, "Saturday opening", mode=mode, source_types=("website",), minimum_score=0.0)
        assert [hit.text for hit in hits] == ["Saturday opening from nine"]
        assert {
            hit.text for hit in found(desk, embedder, "Saturday opening", mode=mode, language="de", minimum_score=0.0)
        } == set()


def test_a_passage_under_a_fitting_heading_comes_before_another(desk: Desk) -> None:
    teach(desk, embedder := WordEmbedder(), {"Refunds": "Ask at the desk", "Other": "Ask at the desk please"})
    assert found(desk, embedder, "ask about refunds desk", mode="vector", minimum_score=0.0)[0].vector_rank == 1
    with transaction(desk.workspace) as tx:
        heading_vectors.keep(tx, desk.workspace, embedder.model, {"Refunds": embedder.embed(["refunds"])[0]})
    best, other = found(desk, embedder, "refunds", mode="vector", minimum_score=0.0)
    assert best.heading == "Refunds" and best.vector_score is not None and best.score > best.vector_score > other.score


def test_other_sections_come_before_more_of_the_same(desk: Desk) -> None:
    embedder = WordEmbedder()
    with transaction(desk.workspace) as tx:
        source = passages.add_source(tx, desk.workspace, "text", "Handbook")
        texts = [
            ("Prices", "wash"),
            ("Prices", "wash bikes"),
            ("Prices", "wash bikes too"),
            ("Hours", "wash all bikes too"),
        ]
        pieces = [
            Piece(text, heading, place, vector, embedder.model)
            for place, ((heading, text), vector) in enumerate(
                zip(texts, embedder.embed([t for _, t in texts]), strict=True)
            )
        ]
        passages.replace_document(tx, desk.workspace, source, "text", "handbook.md", pieces)
    hits = found(desk, embedder, "wash", mode="vector", minimum_score=0.0)
    assert hits[0].text == "wash" and {hit.heading for hit in hits} == {"Prices", "Hours"}
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    repeated = [hit for hit in hits if hit.heading == "Prices"][1]
    stands_back = SAME_SECTION + SAME_PAGE * hits.index(repeated)
    assert repeated.vector_score is not None and repeated.score == pytest.approx(repeated.vector_score - stands_back)


def test_a_question_and_answer_pair_is_matched_by_its_question(desk: Desk) -> None:
    teach(desk, embedder := WordEmbedder(), {"May dogs come inside?": "Certainly, on a leash."}, "qa")
    [hit] = found(desk, embedder, "are dogs allowed to come inside")
    assert hit.text == "Certainly, on a leash." and hit.score > 0.5


def test_what_fits_less_than_the_minimum_is_left_out_and_the_limit_is_kept(desk: Desk) -> None:
    teach(desk, embedder := WordEmbedder())
    assert [hit.heading for hit in found(desk, embedder, "full service price")] == ["Prices"]
    assert len(found(desk, embedder, "full service price", minimum_score=0.0, limit=2)) == 2
    assert found(desk, embedder, "   ") == []


def test_the_parent_section_comes_along_when_it_is_asked_for(desk: Desk) -> None:
    teach(desk, embedder := WordEmbedder())
    assert found(desk, embedder, "service price", parent=True)[0].context == TEXTS["Prices"]
    assert found(desk, embedder, "service price")[0].context == ""


def test_the_fused_score_stays_between_the_cosine_and_one() -> None:
    for cosine in (0.0, 0.3, 0.9, 1.0):
        for words in (0.0, 0.2, 0.6, 1.0):
            assert cosine <= fused(cosine, None, words) <= 1
    assert fused(-0.2, None, 0.0) == 0 and fused(None, None, 0.4) == 0.4 and fused(0.4) == 0.4
    assert 0.4 < fused(0.4, 0.7) < 0.7


def test_words_count_only_where_all_that_are_rare_are_there() -> None:
    assert 0.3 < fused(0.3, None, 0.5) < 0.301
    assert fused(0.3, None, 0.6) > 0.7
    assert 0.3 < fused(0.3, None, 0.6, most_words=1.0) < 0.301


def test_asking_for_words_only_costs_no_embedding() -> None:
    embedder = WordEmbedder()
    assert ask(embedder, " chain ", SearchSettings(mode="lexical")).text == "chain" and embedder.asked == []
