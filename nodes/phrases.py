"""The sentences that Frontdesk itself says to a customer, in the languages it knows. English for every other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nodes.contract import Business


@dataclass(frozen=True)
class Phrases:
    """`{back}` stands for the moment when people are back, as `moment` writes it."""

    asked_for_person: str
    no_answer: str
    somebody_reads: str
    closed: str
    documents_say: str
    not_in_documents: str
    greeting: str
    welcome: str
    today: str
    tomorrow: str
    on_day: str
    days: tuple[str, str, str, str, str, str, str]


_ENGLISH = Phrases(
    asked_for_person="Of course. I have passed your message to a colleague.",
    no_answer="I cannot answer that myself, so I have passed your message to a colleague.",
    somebody_reads="Somebody will answer you here.",
    closed="We are closed right now; somebody will answer you here {back}.",
    documents_say="From our documents:",
    not_in_documents="I could not find an answer to that in our documents.",
    greeting="Hello! What would you like to know? I look it up in our documents.",
    welcome="You are welcome! Write again whenever something comes up.",
    today="today at {time}",
    tomorrow="tomorrow at {time}",
    on_day="on {day} at {time}",
    days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)
_SPANISH = Phrases(
    asked_for_person="Por supuesto. He pasado su mensaje a una persona del equipo.",
    no_answer="No puedo responder a eso por mi cuenta, así que he pasado su mensaje a una persona del equipo.",
    somebody_reads="Le responderá aquí mismo.",
    closed="Ahora estamos cerrados; le responderemos aquí {back}.",
    documents_say="De nuestros documentos:",
    not_in_documents="No he encontrado una respuesta en nuestros documentos.",
    greeting="¡Hola! ¿Qué le gustaría saber? Lo busco en nuestros documentos.",
    welcome="¡De nada! Escríbanos cuando lo necesite.",
    today="hoy a las {time}",
    tomorrow="mañana a las {time}",
    on_day="el {day} a las {time}",
    days=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
)
_GERMAN = Phrases(
    asked_for_person="Gerne. Ich habe Ihre Nachricht an jemanden aus unserem Team weitergegeben.",
    no_answer="Das kann ich selbst nicht beantworten, deshalb habe ich Ihre Nachricht an unser Team weitergegeben.",
    somebody_reads="Sie bekommen hier eine Antwort.",
    closed="Im Moment haben wir geschlossen; {back} antwortet Ihnen hier jemand.",
    documents_say="Aus unseren Unterlagen:",
    not_in_documents="Dazu habe ich in unseren Unterlagen keine Antwort gefunden.",
    greeting="Hallo! Was möchten Sie wissen? Ich schaue in unseren Unterlagen nach.",
    welcome="Gern geschehen! Schreiben Sie jederzeit wieder.",
    today="heute um {time} Uhr",
    tomorrow="morgen um {time} Uhr",
    on_day="am {day} um {time} Uhr",
    days=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
)
_FRENCH = Phrases(
    asked_for_person="Bien sûr. J'ai transmis votre message à un membre de notre équipe.",
    no_answer="Je ne peux pas répondre à cela moi-même ; j'ai donc transmis votre message à notre équipe.",
    somebody_reads="On vous répondra ici.",
    closed="Nous sommes fermés en ce moment ; on vous répondra ici {back}.",
    documents_say="D'après nos documents :",
    not_in_documents="Je n'ai pas trouvé de réponse à cela dans nos documents.",
    greeting="Bonjour ! Que souhaitez-vous savoir ? Je cherche dans nos documents.",
    welcome="Je vous en prie ! Écrivez-nous quand vous voulez.",
    today="aujourd'hui à {time}",
    tomorrow="demain à {time}",
    on_day="{day} à {time}",
    days=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
)
_PORTUGUESE = Phrases(
    asked_for_person="Claro. Passei a sua mensagem a uma pessoa da equipa.",
    no_answer="Não consigo responder a isso sozinho, por isso passei a sua mensagem a uma pessoa da equipa.",
    somebody_reads="Alguém vai responder aqui.",
    closed="Estamos fechados neste momento; alguém vai responder aqui {back}.",
    documents_say="Dos nossos documentos:",
    not_in_documents="Não encontrei uma resposta nos nossos documentos.",
    greeting="Olá! O que gostaria de saber? Procuro nos nossos documentos.",
    welcome="De nada! Escreva sempre que precisar.",
    today="hoje às {time}",
    tomorrow="amanhã às {time}",
    on_day="{day} às {time}",
    days=("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo"),
)
LANGUAGES = {"en": _ENGLISH, "es": _SPANISH, "de": _GERMAN, "fr": _FRENCH, "pt": _PORTUGUESE}


def phrases(language: str) -> Phrases:
    """The sentences in a language ('de', 'de-AT'); English where it is not known."""
    return LANGUAGES.get(language[:2].lower(), _ENGLISH)


def moment(at: datetime, now: datetime, business: Business, language: str) -> str:
    """A moment of the coming days in words, in the time zone of the business: "tomorrow at 09:00"."""
    said, local = phrases(language), at.astimezone(business.timezone)
    days = (local.date() - now.astimezone(business.timezone).date()).days
    form = said.today if days == 0 else said.tomorrow if days == 1 else said.on_day
    day = said.days[local.weekday()]
    # A weekday alone says which day only within the coming week.
    return form.format(time=f"{local:%H:%M}", day=day if days < 7 else f"{day}, {local:%Y-%m-%d},")
