"""Five languages by their small words, and the honest answer where a text does not tell."""

import pytest

from nodes.language import guess


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("When do you open on Saturday?", "en"),
        ("I need help", "en"),
        ("¿Cuándo abren el sábado?", "es"),
        ("mi bici esta rota", "es"),
        ("Wann habt ihr am Samstag offen?", "de"),
        ("Kann ich mit einem Menschen sprechen?", "de"),
        ("Quand êtes-vous ouverts le samedi ?", "fr"),
        ("combien ça coûte", "fr"),
        ("Quando abrem no sábado?", "pt"),
        ("Quanto custa?", "pt"),
    ],
)
def test_a_short_question_is_enough(text: str, language: str) -> None:
    assert guess(text) == language


@pytest.mark.parametrize("text", ["", "ok", "👍", "+41 44 000 00 00", "XJ-900", "Привет, вы открыты?"])
def test_it_does_not_guess_where_nothing_tells(text: str) -> None:
    assert guess(text) == ""
