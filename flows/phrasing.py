"""Small pieces of sentences about settings."""

from __future__ import annotations

from typing import Any

from flows.automation import Automation
from flows.plan import TEMPLATE
from flows.wiring import in_words, offered
from nodes.message_template import with_values

SHOWN_CHARACTERS = 90


def readable(doc: Automation, text: str) -> str:
    """A text of the settings on one line, with its references in words."""
    shown = TEMPLATE.sub(lambda found: f"[{in_words(doc, found[1])}]", text)
    return shortened(" ".join(shown.split()), SHOWN_CHARACTERS)


def shortened(text: str, most: int) -> str:
    """Cut behind a word, and never within a reference."""
    if len(text) <= most:
        return text
    begun = text[:most]
    if begun.rfind("[") > begun.rfind("]"):
        begun = begun[: begun.rfind("[")] or begun
    elif " " in begun and not text[most].isspace():
        begun = begun[: begun.rfind(" ")]
    return f"{begun.rstrip(' .,;:')}…"


def quoted(text: str) -> str:
    return f"“{text}”"


def result(doc: Automation, ref: str) -> str:
    """What an earlier step puts out, within a sentence: "the text of “Write the answer”"."""
    found = offered(doc, ref)
    return f"the {small(found.label)} of {quoted(found.step_title)}" if found else ref


def said(doc: Automation, text: str) -> str:
    """A text of the settings within a sentence: quoted, unless it is nothing but the result of a step."""
    alone = TEMPLATE.fullmatch(text.strip())
    return result(doc, alone[1]) if alone else quoted(readable(doc, text))


def claim(doc: Automation, ref: str, *, holds: bool = True) -> str:
    """A yes or no of an earlier step as a clause that begins with the word for it.

    "only if nothing blocks (“May the AI answer?”)", "unless a person is asked for now (“Wants a person?”)".
    """
    found = offered(doc, ref)
    about = found.description if found else ""
    if not found or not about.startswith("Whether "):
        return f"only if {result(doc, ref)} is {'yes' if holds else 'no'}"
    name = ref.strip().rpartition(".")[2]
    if name in ("yes", "no"):  # what the comparison is about stands in the title of the step alone
        return f"{'only if' if holds else 'unless'} {quoted(found.step_title)} says {name}"
    clause = about.removeprefix("Whether ").rstrip(".").partition(":")[0]
    return f"{'only if' if holds else 'unless'} {clause} ({quoted(found.step_title)})"


def small(label: str) -> str:
    """A label within a sentence; an abbreviation stays as it is."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def large(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def setting_in_words(value: Any) -> str:
    match value:
        case None | "":
            return "empty"
        case bool():
            return "yes" if value else "no"
        case list():
            return listed([setting_in_words(item) for item in value]) or "none"
        case {"id": _, "name": str(name), "text": str(text), "blanks": list(blanks)}:  # a message template
            known = [blank for blank in blanks if isinstance(blank, dict)]
            values = {
                str(blank.get("name")): str(blank.get("value") or blank.get("otherwise") or "…") for blank in known
            }
            return f"“{name}”: “{with_values(text, values)}”"
        case dict():
            return ", ".join(
                f"{name.replace('_', ' ')} {setting_in_words(item)}" for name, item in value.items() if item
            )
        case _:
            return str(value)


def listed(names: list[str], last: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}" if names else ""


def ended(sentence: str) -> str:
    """The sentence with a full stop, unless what it ends with, a quoted text perhaps, brings its own."""
    return sentence if sentence.rstrip("”'").endswith((".", "!", "?", "…")) else f"{sentence}."


def minutes(given: Any) -> str:
    """1440 -> 1 day."""
    try:
        number = float(given)
    except (TypeError, ValueError):
        return f"{given} minutes"
    for size, name in ((1440, "day"), (60, "hour")):
        if number >= size and number % size == 0:
            return f"{number / size:g} {name}{'' if number == size else 's'}"
    return f"{number:g} minute{'' if number == 1 else 's'}"
