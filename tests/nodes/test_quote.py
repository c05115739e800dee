"""The answerer without a model: it quotes what fits, says that it quotes, and knows what it does not know."""

from __future__ import annotations

import pytest

from nodes.material import Passage
from nodes.quote import Quote, quote
from tests.nodes.contexts import WordEmbedder

HOURS = Passage(
    id="1",
    source="Opening hours",
    heading="Lindner Cycles > Opening hours",
    text="We are **open** Monday to Friday from 9:00 to 18:00. On Saturday we are open from 10:00 to 14:00.\n\n"
    "The workshop has a key box.",
    score=0.7,
)
PRICES = Passage(
    id="2",
    source="Prices",
    heading="Prices",
    text="| Service | Price |\n|---|---|\n| Full service | 119 EUR |\n| Flat tyre repair | 19 EUR |",
    score=0.4,
)
FAQ = Passage(id="3", source="FAQ", heading="Dogs", text="Q: May I bring my dog?\nA: Yes, on a lead.", score=0.4)


def answer(message: str, *passages: Passage, language: str = "en") -> Quote:
    return quote(message, passages, language, WordEmbedder())


def test_the_fitting_sentence_is_quoted_with_its_frame() -> None:
    found = answer("Are you open on Saturday?", PRICES, HOURS)
    assert found.found and found.passages == (HOURS,)
    assert (
        found.text.startswith("From our documents: “") and "On Saturday we are open from 10:00 to 14:00." in found.text
    )
    assert "key box" not in found.text and "**" not in found.text


@pytest.mark.parametrize(
    ("language", "frame"),
    [
        ("de", "Aus unseren Unterlagen:"),
        ("es", "De nuestros documentos:"),
        ("fr", "D'après nos documents :"),
        ("pt", "Dos nossos documentos:"),
        ("", "From our documents:"),
    ],
)
def test_the_frame_is_in_the_language_of_the_customer(language: str, frame: str) -> None:
    assert answer("open on Saturday", HOURS, language=language).text.startswith(frame)


def test_a_row_of_a_table_reads_as_a_sentence_and_its_head_says_nothing() -> None:
    assert answer("price for full service", PRICES).text == "From our documents: “Full service: 119 EUR.”"


def test_a_cell_of_a_wide_table_is_named_by_its_column() -> None:
    table = "| Bike | Half day | Week |\n| --- | --- | --- |\n| City bike | $18 | $120 |\n| Cargo bike | $45 | |"
    rental = Passage(id="6", source="Rental", heading="Rental", text=table)
    assert answer("rental city bike week", rental).text.startswith(
        "From our documents: “City bike: Half day $18, Week $120."
    )


def test_lines_that_an_editor_wrapped_are_one_sentence() -> None:
    text = "The covered rack behind the workshop building is open until\nnine in the evening. Free.\n- Bring locks\n- Bring lights"
    wrapped = Passage(id="7", source="Rack", text=text)
    assert (
        "workshop building is open until nine in the evening." in answer("covered rack workshop building", wrapped).text
    )
    assert answer("bring lights", wrapped).text == "From our documents: “Bring lights.”"


def test_what_the_edges_of_a_passage_cut_in_two_is_not_quoted() -> None:
    cut = Passage(
        id="8", source="Bikes", text="from nineteen dollars for cargo. Helmets are included. Trailers cost about"
    )
    assert not answer("nineteen dollars cargo", cut).found
    assert not answer("trailers cost about", cut).found
    assert "“Helmets are included.”" in answer("helmets included", cut).text


def test_the_question_of_an_faq_leads_to_its_answer() -> None:
    assert answer("may I bring my dog", FAQ).text == "From our documents: “Yes, on a lead.”"


def test_what_does_not_fit_is_not_quoted() -> None:
    found = answer("Who won the cup?", HOURS, PRICES, FAQ)
    assert found == Quote("I could not find an answer to that in our documents.", found=False)
    assert not answer("Where is my parcel?").found


@pytest.mark.parametrize(
    "message", ["Hi", "hello there!", "Good morning", "¡Hola!", "Guten Tag", "Bonjour", "Olá, bom dia"]
)
def test_a_greeting_gets_a_greeting_and_no_search(message: str) -> None:
    embedder = WordEmbedder()
    found = quote(message, [HOURS], "en", embedder)
    assert found.found and found.text.startswith("Hello!") and embedder.asked == []


@pytest.mark.parametrize("message", ["Thanks a lot", "ok thanks, bye", "Danke schön", "Muchas gracias"])
def test_thanks_are_taken(message: str) -> None:
    assert answer(message, HOURS).text.startswith("You are welcome!")


def test_a_greeting_with_a_question_is_a_question() -> None:
    assert "Saturday" in answer("Hello, are you open on Saturday?", HOURS).text


def test_abbreviations_and_dates_do_not_end_a_sentence() -> None:
    dates = Passage(
        id="4", source="Closed", text="We are closed from 24. December on, e.g. Boxing day. We are back soon."
    )
    assert "closed from 24. December on, e.g. Boxing day." in answer("closed december boxing day", dates).text


def test_a_quotation_stays_short() -> None:
    long = Passage(
        id="5", source="Bikes", text=" ".join(f"The bike shop has bike number {n} for you." for n in range(60))
    )
    assert len(answer("bike shop has bike number", long).text) < 500
