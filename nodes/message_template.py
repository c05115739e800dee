"""A message template that a person chose for a step: kept whole in the document, so that nothing is asked of Twilio at run time."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import Field

from nodes.contract import NodeFailed, Settings
from nodes.effects import Template

# A blank as the text of a document holds it. Twilio writes two braces; here two braces mean the output of a step.
BLANK = re.compile(r"\{([^{}\s]+)\}")


class Blank(Settings):
    """What is filled into one blank."""

    name: str = Field(min_length=1, description="The blank's name in the template, for example 1.")
    value: str = Field(default="", description="What is filled in; may hold {{step.output}}.")
    otherwise: str = Field(default="", description="What stands there where the value is empty.")


class MessageTemplate(Settings):
    """A template that WhatsApp approved, with what goes into its blanks."""

    id: str = Field(min_length=1, description="The template's id at Twilio; begins with HX.")
    name: str = Field(description="The template's name.")
    language: str = Field(default="", description="Language of the template, for example en.")
    text: str = Field(min_length=1, description="The template's text, with its blanks as {1}, {2}.")
    blanks: list[Blank] = Field(default_factory=list, description="What is filled into the blanks.")


def filled(template: MessageTemplate) -> Template:
    """The template as a customer reads it. Raises NodeFailed for a blank that nothing can be filled into."""
    variables = {blank.name: _value(template, blank) for blank in template.blanks}
    return Template(
        id=template.id,
        name=template.name,
        language=template.language,
        text=with_values(template.text, variables).strip(),
        variables=variables,
    )


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The text with its blanks filled; one that has no value stays as it is written."""
    return BLANK.sub(lambda blank: values.get(blank[1], blank[0]), text)


def names_in(text: str) -> list[str]:
    """The blanks that a text holds, each once, in order."""
    return list(dict.fromkeys(BLANK.findall(text)))


def _value(template: MessageTemplate, blank: Blank) -> str:
    # WhatsApp refuses values with line breaks, tabs or several spaces in a row.
    value = " ".join(blank.value.split()) or " ".join(blank.otherwise.split())
    if not value:
        raise NodeFailed(
            f"Nothing could be filled into the blank {blank.name} of the template '{template.name}'. "
            "Write beside it what stands there when the value is empty."
        )
    return value
