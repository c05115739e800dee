"""Whether a customer asks for a person. The lists are the defaults of the settings of `hand_off`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from nodes.words import found, plain, without

# Count wherever they stand. Small words (articles, "real", "please") are left out of both sides before they are compared.
KEYWORDS = (
    "human", "human being", "agent", "representative", "receptionist", "speak to a person", "talk to a person",
    "chat with a person", "speak to someone", "talk to someone", "chat with someone", "speak to somebody", "talk to somebody",
    "speak to a manager", "talk to a manager", "speak to the owner", "talk to the owner", "want a person", "need a person", "get a person",
    "Mensch", "mit einem Menschen sprechen", "Mitarbeiter", "Mitarbeiterin", "Ansprechpartner", "Kundenberater",
    "mit jemandem sprechen", "jemanden sprechen", "mit einer Person sprechen",
    "humano", "agente", "asesor", "asesora", "representante", "hablar con una persona", "hablar con alguien", "persona real",
    "quiero una persona", "necesito una persona",
    "humain", "être humain", "conseiller", "conseillère", "parler à une personne", "parler avec une personne",
    "parler à quelqu'un", "parler avec quelqu'un", "vraie personne",
    "atendente", "falar com uma pessoa", "falar com alguém", "pessoa real", "quero uma pessoa",
    "operatore", "umano", "parlare con una persona", "parlare con qualcuno", "medewerker", "iemand spreken",
    "人工客服", "真人", "オペレーター", "担当者",
)  # fmt: skip
# Count only when the message is little more than the word: "a person please", but not "what is the price per person".
SHORT_KEYWORDS = (
    "person", "someone", "somebody", "operator", "manager", "staff", "persona", "alguien", "operador", "encargado",
    "personne", "quelqu'un", "responsable", "pessoa", "alguém", "gerente", "jemand", "Berater",
)  # fmt: skip
SHORT_MESSAGE_WORDS = 4
# The same words in another meaning: where one of these stands, the word in it does not count.
NOT_WHEN = (
    "human resources", "human rights", "human hair", "human food", "human error", "human body", "human consumption",
    "human trafficking", "are you human", "is this a human", "no human", "not a human", "don't want a human",
    "don't need a human", "don't want an agent", "don't need an agent",
    "agent orange", "travel agent", "estate agent", "insurance agent", "letting agent", "booking agent", "cleaning agent",
    "agent fee", "secret agent", "user agent", "per person", "each person", "one person", "extra person", "another person",
    "in person", "person room",
    "wie viele Mitarbeiter", "pro Person", "jede Person", "bist du ein Mensch", "sind Sie ein Mensch", "Mensch ärgere dich",
    "agente inmobiliario", "agente de viajes", "agente de seguros", "por persona", "cabello humano", "consumo humano",
    "cuerpo humano", "eres humano", "es usted humano",
    "agent immobilier", "agent de voyage", "agent d'assurance", "par personne", "corps humain", "es-tu humain",
    "êtes-vous humain", "agente imobiliário", "agente de viagens", "por pessoa", "corpo humano", "você é humano",
)  # fmt: skip

_SMALL_WORDS = (
    "a an the your some real actual live any please just un una el la los las su ein eine einen einem einer der die das dem "
    "den echten echter une le les um uma o os as"
)
_FILLERS = frozenset(_SMALL_WORDS.split())


def asks_for_person(
    text: str,
    keywords: Sequence[str] = KEYWORDS,
    short_keywords: Sequence[str] = SHORT_KEYWORDS,
    not_when: Sequence[str] = NOT_WHEN,
) -> str:
    """The word or phrase by which the customer asks for a person; '' where nothing does."""
    words = without(_core(text), [_phrase(phrase) for phrase in not_when])
    by_core = {_phrase(keyword): keyword for keyword in keywords}
    hit = found(words, by_core)
    if not hit and len(words.split()) <= SHORT_MESSAGE_WORDS:
        by_core = {_phrase(keyword): keyword for keyword in short_keywords}
        hit = found(words, by_core)
    return by_core[hit] if hit else ""


@lru_cache(maxsize=4096)
def _phrase(written: str) -> str:
    """A phrase of the settings, ready to compare; one of small words alone stays as it is."""
    return _core(written) or plain(written)


def _core(text: str) -> str:
    """The words that carry the wish: without articles, and "with" is as good as "to"."""
    words = ("to" if word == "with" else word for word in plain(text).split())
    return " ".join(word for word in words if word not in _FILLERS)
