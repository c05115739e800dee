"""Whole words, whatever the case, the accents and the signs."""

import pytest

from nodes.words import found, plain, without


def test_case_accents_and_signs_do_not_count() -> None:
    assert plain("  Où est-ce, JOSÉ?  Straße!") == "ou est ce jose strasse"


@pytest.mark.parametrize(
    ("text", "phrase", "holds"),
    [
        ("What is the PRICE?", "price", True),
        ("It is priceless", "price", False),
        ("el precio, por favor", "Précio", True),
        ("opening   hours please", "opening hours", True),
        ("hours of opening", "opening hours", False),
        ("我要人工客服谢谢", "人工客服", True),
        ("anything", "", False),
        ("a.b", "a b", True),
        ("c++ (beginner)", "c++", True),
    ],
)
def test_a_phrase_is_found_as_whole_words(text: str, phrase: str, holds: bool) -> None:
    assert bool(found(text, [phrase])) is holds


def test_the_phrase_is_given_back_as_it_was_written() -> None:
    assert found("bonjour, quel est le prix", ["Coût", "PRIX"]) == "PRIX"


def test_masked_phrases_leave_no_word_behind() -> None:
    assert found(without("human resources and human rights", ["human resources", "human rights"]), ["human"]) == ""
    assert found(without("human resources, or any human", ["human resources"]), ["human"]) == "human"
