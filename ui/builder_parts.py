"""The components of the builder: the list of steps with its palette, and a text that holds results of earlier steps as chips."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flows.editing import Reference
from ui import parts

_steps = parts.component("builder", "builder_palette.js")
_text = parts.component("builder_text")


@dataclass(frozen=True)
class Said:
    """What goes with a text field besides its value."""

    label: str
    help: str = ""
    problem: str = ""
    placeholder: str = ""


def steps(data: Mapping[str, Any], *, key: str, on_did: Callable[[dict[str, Any]], None]) -> None:
    """The cards of an automation. `on_did` gets {what: select | add | move | duplicate | disable | remove | trigger, ...}."""
    parts.show(_steps, key, data, did=on_did)


def text(
    value: str,
    said: Said,
    offers: Sequence[Reference],
    *,
    key: str,
    long: bool,
    disabled: bool,
    on_text: Callable[[str], None],
) -> None:
    """A text field with a menu of `offers`; `on_text` gets the new text, with references as the document writes them."""
    data = {
        "key": key,
        "value": value,
        "label": said.label,
        "help": said.help,
        "problem": said.problem,
        "placeholder": said.placeholder,
        "long": long,
        "disabled": disabled,
        "offers": [
            {
                "title": title,
                "items": [{"ref": offer.ref, "label": offer.label, "text": offer.description} for offer in group],
            }
            for title, group in groupby(offers, key=lambda offer: offer.step_title)
        ],
    }
    _text(
        key=key,
        data=parts.packed(data),
        on_text_change=parts.reported(key, "text", lambda typed: on_text(typed["text"])),
    )
