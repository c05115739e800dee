"""What a customer reads about appointments, in the languages that Frontdesk knows. English for every other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BookingPhrases:
    """`{time}` is a slot in words, `{slots}` the numbered list, `{zone}` the name of the time zone."""

    offer: str
    which: str
    none_free: str
    booked: str
    taken: str
    taken_others: str
    zone: str


_ENGLISH = BookingPhrases(
    "These times are free:",
    "Which one suits you? Answer with its number.",
    "I could not find a free time in the coming days. A colleague will help you.",
    "Your appointment is booked: {time}. See you then!",
    "That time has just been taken by somebody else. Tell me if I should look for another one.",
    "That time has just been taken by somebody else. These are still free:",
    "(Times in the time zone {zone}.)",
)
_GERMAN = BookingPhrases(
    "Diese Termine sind frei:",
    "Welcher passt Ihnen? Antworten Sie mit der Nummer.",
    "Ich habe in den nächsten Tagen keinen freien Termin gefunden. Jemand aus unserem Team hilft Ihnen weiter.",
    "Ihr Termin ist gebucht: {time}. Bis dann!",
    "Dieser Termin wurde gerade von jemand anderem gebucht. Soll ich einen anderen suchen?",
    "Dieser Termin wurde gerade von jemand anderem gebucht. Diese sind noch frei:",
    "(Zeiten in der Zeitzone {zone}.)",
)
_SPANISH = BookingPhrases(
    "Estas horas están libres:",
    "¿Cuál le viene bien? Responda con el número.",
    "No he encontrado ninguna hora libre en los próximos días. Una persona del equipo le ayudará.",
    "Su cita está reservada: {time}. ¡Hasta entonces!",
    "Otra persona acaba de reservar esa hora. ¿Quiere que busque otra?",
    "Otra persona acaba de reservar esa hora. Estas siguen libres:",
    "(Horas en la zona horaria {zone}.)",
)
_FRENCH = BookingPhrases(
    "Ces rendez-vous sont libres :",
    "Lequel vous convient ? Répondez avec son numéro.",
    "Je n'ai pas trouvé de rendez-vous libre dans les prochains jours. Un membre de notre équipe va vous aider.",
    "Votre rendez-vous est réservé : {time}. À bientôt !",
    "Ce rendez-vous vient d'être pris par quelqu'un d'autre. Dois-je en chercher un autre ?",
    "Ce rendez-vous vient d'être pris par quelqu'un d'autre. Ceux-ci sont encore libres :",
    "(Heures du fuseau horaire {zone}.)",
)
_PORTUGUESE = BookingPhrases(
    "Estes horários estão livres:",
    "Qual lhe convém? Responda com o número.",
    "Não encontrei um horário livre nos próximos dias. Uma pessoa da equipa vai ajudar.",
    "A sua marcação está feita: {time}. Até lá!",
    "Esse horário acabou de ser reservado por outra pessoa. Quer que procure outro?",
    "Esse horário acabou de ser reservado por outra pessoa. Estes ainda estão livres:",
    "(Horas no fuso horário {zone}.)",
)
_LANGUAGES = {"en": _ENGLISH, "es": _SPANISH, "de": _GERMAN, "fr": _FRENCH, "pt": _PORTUGUESE}


def booking_phrases(language: str) -> BookingPhrases:
    """The sentences in a language ('de', 'de-AT')."""
    return _LANGUAGES.get(language[:2].lower(), _ENGLISH)
