"""One field of a form as a widget: it shows a value and hands over what a person makes of it. It keeps nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import time
from functools import partial
from typing import Any

import streamlit as st

from ui import builder_template, builder_text, forms
from ui.builder_widget import Around, Told, by_now, changed, wrong
from ui.forms import FormField
from ui.pickers import Option
from ui.text import plain

FEW = 12  # a list with more entries is written one per line
NOT_SET = "Usual setting"


def is_long(field: FormField) -> bool:
    """Whether the field is a long list that comes with the node: better folded up."""
    return field.kind == "texts" and len(field.default or ()) > FEW


def draw_all(
    fields: Sequence[FormField], values: Mapping[str, Any], around: Around, told: Callable[[str, Any], None]
) -> None:
    """Every field that matters with these values."""
    for field in fields:
        if field.shown(values, tuple(fields)):
            value = values.get(field.name, field.default)
            options = around.options(field.picker, values) if field.picker else None
            with st.container():  # what comes and goes below one field must not move the next: see parts.slot
                draw(field, value, around.within(field.name), partial(told, field.name), options)


def draw(field: FormField, value: Any, around: Around, told: Told, options: Sequence[Option] | None = None) -> None:
    """One field; `options` are what its picker offers, None = anything may be written."""
    match field.kind:
        case "text" | "long_text" if options is not None:
            _picked(field, value, around, told, options)
        case "texts" if options is not None:
            _picked_several(field, value, around, told, options)
        case "text" | "long_text":
            builder_text.draw(field, value, around, told)
            return  # it shows its own problem
        case "template":
            builder_template.draw(field, value, around, told)
            return
        case "number":
            _number(field, value, around, told)
        case "boolean":
            changed(st.toggle, field, around, told, bool(value), value=bool(value))
        case "choice":
            _choice(field, value, around, told)
        case "choices":
            changed(
                st.pills, field, around, told, list(value or ()), options=field.choices, default=list(value or ()),
                selection_mode="multi", format_func=field.said, read=list,
            )  # fmt: skip
        case "texts":
            _texts(field, list(value or ()), around, told)
        case "time":
            _time(field, str(value or ""), around, told)
        case "objects":
            _objects(field, list(value or ()), around, told)
        case "record":
            _record(field, value or {}, around, told)
        case "mapping":
            _mapping(field, dict(value or {}), around, told)
    if around.problem and field.kind not in ("objects", "record"):
        wrong(around.problem)
    elif around.problems and "" in around.problems:
        wrong(around.problems[""])


def _number(field: FormField, value: Any, around: Around, told: Told) -> None:
    kind: Callable[[Any], Any] = int if field.whole else float
    low, high = (kind(bound) if bound is not None else None for bound in (field.minimum, field.maximum))
    shown = kind(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if shown is not None and ((low is not None and shown < low) or (high is not None and shown > high)):
        low = high = None  # a document from elsewhere may hold such a value; the problem beside the field says so
    step = 1 if field.whole else 0.05 if high is not None and high <= 2 else 1.0
    changed(
        st.number_input, field, around, told, shown, value=shown, min_value=low, max_value=high, step=step,
        placeholder=NOT_SET if field.optional else None, format=None if field.whole else "%g",
        read=lambda new: new if new is None else kind(new),
    )  # fmt: skip


def _choice(field: FormField, value: Any, around: Around, told: Told) -> None:
    index = field.choices.index(value) if value in field.choices else None
    if len(field.choices) <= 3:
        changed(
            st.segmented_control, field, around, told, value, options=field.choices, default=value if index is not None else None,
            format_func=field.said, read=lambda new: new if new is not None or field.optional else field.default,
        )  # fmt: skip
    else:
        changed(st.selectbox, field, around, told, value, options=field.choices, index=index, format_func=field.said)


def _texts(field: FormField, value: list[str], around: Around, told: Told) -> None:
    if len(value) > FEW or is_long(field):
        told_how = replace(field, help=f"{field.help} One per line.")
        shown = "\n".join(map(str, value))
        changed(st.text_area, told_how, around, told, value, value=shown, height=140, read=forms.lines)
        return
    changed(
        st.multiselect, field, around, told, value, options=value, default=value, accept_new_options=True,
        placeholder="Type and press Enter", read=list,
    )  # fmt: skip


def _picked(field: FormField, value: Any, around: Around, told: Told, options: Sequence[Option]) -> None:
    names = {option.value: option.label for option in options}
    known = [*names, *([value] if value and value not in names else [])]
    changed(
        st.selectbox, field, around, told, value, options=known, index=known.index(value) if value in known else None,
        format_func=lambda item: names.get(item, str(item)), accept_new_options=not names, placeholder="Choose",
        read=lambda new: new if new is not None or field.optional else "",
    )  # fmt: skip


def _picked_several(field: FormField, value: Any, around: Around, told: Told, options: Sequence[Option]) -> None:
    names = {option.value: option.label for option in options}
    chosen = list(value or ())
    changed(
        st.multiselect, field, around, told, chosen, options=[*names, *(item for item in chosen if item not in names)],
        default=chosen, format_func=lambda item: names.get(item, str(item)), accept_new_options=True,
        placeholder="Choose, or type and press Enter", read=list,
    )  # fmt: skip


def _time(field: FormField, value: str, around: Around, told: Told) -> None:
    try:
        hour, minute = value.split(":")
        shown: time | None = time(int(hour), int(minute))
    except ValueError:
        shown = None
    changed(
        st.time_input, field, around, told, f"{shown:%H:%M}" if shown else value, value=shown, step=900,
        read=lambda new: f"{new:%H:%M}" if new else (None if field.optional else field.default),
    )  # fmt: skip


def _objects(field: FormField, value: list[Any], around: Around, told: Told) -> None:
    """Entries below each other, each with its own fields."""
    st.markdown(f":small[{plain(field.label)}]", help=field.help or None)
    entries = _entries(value)

    def now() -> list[dict[str, Any]]:
        return _entries(by_now(field, around, entries))

    def put(at: int, name: str, new: Any) -> None:
        told([{**old, name: new} if index == at else old for index, old in enumerate(now())])

    def remove(at: int) -> None:
        told([old for index, old in enumerate(now()) if index != at])

    for number, entry in enumerate(entries):
        # The key counts the entries, because after a removal the others have moved up.
        inside = replace(around.within(number), key=f"{around.key}:{len(entries)}.{number}", kept=None)
        with st.container(border=True):
            draw_all(field.fields, entry, inside, partial(put, number))
            if not around.disabled:
                st.button(
                    "Remove", key=f"{inside.key}:gone", icon=":material/delete:", type="tertiary",
                    on_click=remove, args=(number,),
                )  # fmt: skip
    if not around.disabled and (field.longest is None or len(entries) < field.longest):
        st.button(
            "Add", key=f"{around.key}:add", icon=":material/add:", on_click=lambda: told([*now(), forms.blank(field)])
        )


def _entries(value: Any) -> list[dict[str, Any]]:
    return [dict(entry) if isinstance(entry, Mapping) else {} for entry in value or ()]


def _record(field: FormField, value: Mapping[str, Any], around: Around, told: Told) -> None:
    with st.container(border=True):
        st.markdown(f":small[**{plain(field.label)}**]", help=field.help or None)
        draw_all(
            field.fields, value, replace(around, kept=None),
            lambda name, new: told({**(by_now(field, around, value) or {}), name: new}),
        )  # fmt: skip


def _mapping(field: FormField, value: dict[str, Any], around: Around, told: Told) -> None:
    """Names with texts, written one pair per line."""
    told_how = replace(field, help=f"{field.help} One per line, as name: text.")

    def read(text: str) -> dict[str, str]:
        pairs = (line.partition(":") for line in forms.lines(text))
        return {name.strip(): rest.strip() for name, _, rest in pairs if name.strip()}

    shown = "\n".join(f"{name}: {text}" for name, text in value.items())
    changed(st.text_area, told_how, around, told, value, value=shown, height=110, read=read)
