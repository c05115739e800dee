"""A text in a form: results of earlier steps come from a menu, and what a customer reads can be taken from the saved texts."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui import builder_parts, saved_texts
from ui.builder_parts import Said
from ui.builder_widget import Around, Told, changed, wrong
from ui.forms import FormField


def draw(field: FormField, value: Any, around: Around, told: Told, placeholder: str = "") -> None:
    """The field with its problem below it."""
    text = str(value if value is not None else "")
    if field.exact or not around.offers and "{{" not in text:
        _plain(field, text, value, around, told, placeholder)
    else:
        builder_parts.text(
            text, Said(field.label, field.help, around.problem, placeholder), around.offers, key=around.key,
            long=field.kind == "long_text", disabled=around.disabled,
            on_text=lambda new: told(new or (None if field.optional else "")) if new != text else None,
        )  # fmt: skip
    if field.name in around.saved_for and not around.disabled:
        saved_texts.offer(around, told)


def _plain(field: FormField, text: str, value: Any, around: Around, told: Told, placeholder: str) -> None:
    widget = st.text_area if field.kind == "long_text" else st.text_input
    changed(
        widget, field, around, told, value, value=text, placeholder=placeholder or None,
        read=lambda new: new or (None if field.optional else ""),
    )  # fmt: skip
    if around.problem:
        wrong(around.problem)
