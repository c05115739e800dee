"""Who asks for a person gets one; who only uses the word does not."""

import pytest

from nodes.person_request import asks_for_person


@pytest.mark.parametrize(
    "text",
    [
        "human",
        "Human!",
        "agent",
        "I want to speak to a person",
        "can i talk to a real human being please",
        "speak with someone",
        "connect me with an agent",
        "a person please",
        "this bot is useless, get me a human",
        "REPRESENTATIVE",
        "Human resources is not what I need, give me a human.",
        "may I speak to the owner?",
        "Kann ich mit einem Menschen sprechen?",
        "Ich möchte mit jemandem sprechen",
        "Mitarbeiter bitte",
        "quiero hablar con una persona",
        "¿Puedo hablar con alguien?",
        "humano",
        "je veux parler à quelqu’un",
        "je voudrais parler à un conseiller",
        "Quero falar com um atendente",
        "falar com uma pessoa real",
        "posso parlare con un operatore?",
        "我要人工客服",
    ],
)
def test_a_wish_for_a_person_is_heard(text: str) -> None:
    assert asks_for_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "How do I reach human resources?",
        "Is agent orange in it?",
        "What is the travel agent price?",
        "I work as an estate agent.",
        "How much is it per person?",
        "Was kostet es pro Person?",
        "¿Cuánto cuesta por persona?",
        "C'est combien par personne ?",
        "é por pessoa?",
        "Are you human?",
        "Do you sell human hair wigs?",
        "I am a person with allergies.",
        "A table for one person, please.",
        "Person 1 wants the pizza and person 2 wants the salad.",
        "I came in person yesterday.",
        "Spielt ihr Mensch ärgere dich nicht?",
        "It is humane.",
    ],
)
def test_the_same_word_in_another_meaning_is_no_wish(text: str) -> None:
    assert asks_for_person(text) == ""


def test_the_lists_can_be_changed() -> None:
    assert asks_for_person("get me the boss", keywords=["the boss"]) == "the boss"
    assert asks_for_person("get me a human", keywords=["the boss"]) == ""
    assert asks_for_person("boss level", keywords=["boss"], not_when=["boss level"]) == ""
