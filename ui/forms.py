"""A form out of a node's settings: what each field is, read from the JSON schema of the model. Drawing it is another module's work.

A node may say more about a field with `json_schema_extra`: "widget" (textarea, time, whatsapp_template, or the name of a
picker), "labels" (words for the values of a choice), and "only_if" ({other field: value or values}: shown only when the other field is set so).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from ui import words

Kind = Literal[
    "text",
    "long_text",
    "number",
    "boolean",
    "choice",
    "choices",
    "texts",
    "objects",
    "record",
    "mapping",
    "time",
    "template",
]
WRITTEN = re.compile(r"\{\{[^{}]*\}\}")  # a page never shows it: there are chips and a menu for that
TEMPLATE = "whatsapp_template"  # the widget of a template that WhatsApp approved
CLOCK = "[0-5]"  # what only the pattern of a time of day holds


@dataclass(frozen=True)
class FormField:
    """One field of a form. `optional` fields may be left empty, which is None and not ''."""

    name: str
    label: str
    help: str
    kind: Kind
    default: Any = None
    required: bool = False
    optional: bool = False
    choices: tuple[str, ...] = ()
    labels: Mapping[str, str] | None = None
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    longest: int | None = None  # characters of a text, entries of a list
    exact: bool = False  # a name, an address or a pattern: no text of an earlier step belongs here
    picker: str = ""
    only_if: Mapping[str, tuple[Any, ...]] | None = None
    fields: tuple[FormField, ...] = ()  # of an object, or of each object of a list

    def shown(self, values: Mapping[str, Any], siblings: tuple[FormField, ...]) -> bool:
        """Whether the field matters with these values of the others."""
        defaults = {field.name: field.default for field in siblings}
        return all(values.get(name, defaults.get(name)) in wanted for name, wanted in (self.only_if or {}).items())

    def said(self, choice: Any) -> str:
        """A choice in words."""
        text = (self.labels or {}).get(str(choice)) or words.CHANNELS.get(str(choice))
        return text or words.named(str(choice))


@lru_cache(maxsize=256)
def fields_of(model: type[BaseModel]) -> tuple[FormField, ...]:
    """The fields of a model, in its order."""
    schema = model.model_json_schema()
    made = _fields(schema, schema.get("$defs", {}))
    return tuple(_with_default(field, model) for field in made)


def _with_default(field: FormField, model: type[BaseModel]) -> FormField:
    info = model.model_fields[field.name]
    if info.default_factory is None:
        return field
    # A schema does not say what a factory makes.
    made: Any = info.get_default(call_default_factory=True)
    plain = TypeAdapter(Any).dump_python(made, mode="json")
    return FormField(**{**field.__dict__, "default": plain})


def _fields(schema: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[FormField, ...]:
    required = set(schema.get("required", ()))
    return tuple(_field(name, part, name in required, known) for name, part in schema.get("properties", {}).items())


def _field(name: str, part: Mapping[str, Any], required: bool, known: Mapping[str, Any]) -> FormField:
    inner, optional = _resolved(part, known)
    items, _ = _resolved(inner.get("items", {}), known)
    widget = str(part.get("widget") or inner.get("widget") or "")
    kind = _kind(inner, items, widget)
    return FormField(
        name=name,
        label=str(part.get("title") or words.named(name)).removesuffix(" id"),  # names are chosen, not ids
        help=WRITTEN.sub("a result of an earlier step", str(part.get("description") or inner.get("description") or "")),
        kind=kind,
        default=part.get("default", inner.get("default")),
        required=required,
        optional=optional,
        choices=_choices(inner) or _choices(items),
        labels=part.get("labels") or inner.get("labels"),
        minimum=_bound(inner, "minimum", "exclusiveMinimum"),
        maximum=_bound(inner, "maximum", "exclusiveMaximum"),
        whole=inner.get("type") == "integer",
        longest=inner.get("maxLength") or inner.get("maxItems"),
        exact="pattern" in inner or "format" in inner,
        picker="" if widget in ("textarea", "time", TEMPLATE) else widget,
        only_if={
            key: tuple(value) if isinstance(value, list) else (value,)
            for key, value in (part.get("only_if") or {}).items()
        },
        fields=_fields(items if kind == "objects" else inner if kind == "record" else {}, known),
    )


def _resolved(part: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """The schema behind references, and whether nothing is a value too."""
    if "$ref" in part:
        return known.get(str(part["$ref"]).rpartition("/")[2], {}), False
    for several in ("anyOf", "oneOf", "allOf"):
        if several in part:
            kinds = [kind for kind in part[several] if kind.get("type") != "null"]
            inner = _resolved(kinds[0], known)[0] if kinds else {}
            return inner, len(kinds) < len(part[several])
    return part, False


def _kind(inner: Mapping[str, Any], items: Mapping[str, Any], widget: str) -> Kind:
    match inner.get("type"):
        case "boolean":
            return "boolean"
        case "integer" | "number":
            return "number"
        case "array" if _choices(items):
            return "choices"
        case "array" if items.get("properties"):
            return "objects"
        case "array":
            return "texts"
        case "object" if widget == TEMPLATE:
            return "template"
        case "object":
            return "record" if inner.get("properties") else "mapping"
    if _choices(inner):
        return "choice"
    if widget == "time" or CLOCK in str(inner.get("pattern", "")):
        return "time"
    return "long_text" if widget == "textarea" else "text"


def _choices(part: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(part.get("enum", ())) or ((part["const"],) if "const" in part else ())


def _bound(inner: Mapping[str, Any], *names: str) -> float | None:
    return next((float(inner[name]) for name in names if name in inner), None)


def lines(text: str) -> list[str]:
    """The entries of a list that was written one per line."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def blank(field: FormField) -> dict[str, Any]:
    """A new entry of a list of objects: its defaults, and nothing where there is none."""
    empty: dict[Kind, Any] = {"boolean": False, "choices": [], "texts": [], "objects": [], "record": {}, "mapping": {}}
    return {
        inner.name: inner.default
        if inner.default is not None
        else inner.choices[0]
        if inner.kind == "choice" and inner.choices
        else None
        if inner.optional
        else empty.get(inner.kind, inner.minimum or 0 if inner.kind == "number" else "")
        for inner in field.fields
    }
