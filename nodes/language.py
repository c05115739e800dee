"""The language of a short text, by the small words that every sentence has. Unsure is an honest answer."""

from __future__ import annotations

from nodes.words import plain

_SMALL_WORDS = {
    "en": "who which the a is are am do does you your i my we it what when where how can could would have has and or for of to in on "
    "with this that there please thanks thank hello hi not much open",
    "es": "quien cual donde el la los las un una es son esta estan que cuando donde como puedo puede tienen tiene hay yo mi su y o para por de "
    "en con no si gracias hola cuanto cuesta abren quiero necesito buenos buenas dias",
    "de": "wer welche der die das den dem ein eine einen ist sind ich du sie wir es was wann wo wie kann konnen haben hat und oder fur "
    "von zu in auf mit nicht bitte danke hallo guten tag mein ihr gibt kostet offnet geoffnet mochte",
    "fr": "qui le la les un une des est sont je tu vous nous il elle que quand ou comment puis peut avez a et pour de du en dans "
    "avec ne pas merci bonjour salut combien coute mon votre voudrais quel quelle quels etes ouvert c qu",
    "pt": "quem qual o a os as um uma e sao esta estao que quando onde como posso pode voces voce tem ha eu meu seu ou para por de do da "
    "em no na com nao obrigado obrigada ola oi quanto custa abrem quero preciso bom boa dia",
}
# Signs that only one of the five writes.
_SIGNS = {"es": "¿¡ñ", "de": "ß", "pt": "ãõ", "fr": "œ"}
_WEIGHTS: dict[str, dict[str, float]] = {}


def guess(text: str) -> str:
    """ISO 639-1 code of en, es, de, fr or pt; '' where the text does not tell."""
    words = set(plain(text).split())
    scores = {language: sum(weights.get(word, 0.0) for word in words) for language, weights in _weights().items()}
    for language, signs in _SIGNS.items():
        scores[language] += any(sign in text for sign in signs)
    best, second = sorted(scores.values(), reverse=True)[:2]
    if best < 0.5 or best - second < 0.25:
        return ""
    return max(scores, key=scores.__getitem__)


def _weights() -> dict[str, dict[str, float]]:
    """A word counts less, the more of the languages share it."""
    if not _WEIGHTS:
        lists = {language: set(words.split()) for language, words in _SMALL_WORDS.items()}
        for language, words in lists.items():
            _WEIGHTS[language] = {word: 1 / sum(word in other for other in lists.values()) for word in words}
    return _WEIGHTS
