"""Compares a value with what you expect and gives yes or no, for the "only if" of later steps."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from nodes.contract import Context, NodeFailed, Settings, Values, node
from nodes.words import found, plain

Operator = Literal[
    "equals",
    "does not equal",
    "contains",
    "does not contain",
    "starts with",
    "is any of",
    "contains any of",
    "is empty",
    "is not empty",
    "is true",
    "is false",
    "greater than",
    "less than",
    "at least",
    "at most",
]

# Those that compare with one value.
_WITH_ONE = (
    "equals", "does not equal", "contains", "does not contain", "starts with", "greater than", "less than", "at least", "at most",
)  # fmt: skip


class Config(Settings):
    operator: Operator = Field(
        title="Comparison", default="equals", description="How the value is compared; case and accents never count."
    )
    expected: str = Field(
        title="Compared with",
        default="",
        description="What the value is compared with; may be a number.",
        json_schema_extra={"only_if": {"operator": [*_WITH_ONE]}},
    )
    any_of: list[str] = Field(
        title="Choices",
        default_factory=list,
        description="The choices of 'is any of' and 'contains any of'.",
        json_schema_extra={"only_if": {"operator": ["is any of", "contains any of"]}},
    )
    value: str = Field(
        default="",
        description="A text to compare, for example {{in.channel}}; used when the value below is not connected.",
    )


class Input(Values):
    value: Any = Field(default=None, description="The value to compare.")


class Output(Values):
    yes: bool = Field(description="Whether the comparison holds.")
    no: bool = Field(description="Whether it does not hold.")
    because: str = Field(description="The comparison in words.")


@node("condition", title="Condition", group="logic", icon="alt_route", sample=Input(value="yes"))
def run(config: Config, input: Input, ctx: Context) -> Output:
    value = config.value if input.value is None else input.value
    holds = _holds(config, value)
    return Output(yes=holds, no=not holds, because=_words(config, value))


def _holds(config: Config, value: object) -> bool:
    """Whether the comparison holds; a list contains what one of its members equals."""
    text, expected = _text(value), config.expected
    match config.operator:
        case "equals":
            return _same(value, expected)
        case "does not equal":
            return not _same(value, expected)
        case "contains":
            return _contains(value, [expected])
        case "does not contain":
            return not _contains(value, [expected])
        case "starts with":
            return plain(text).startswith(plain(expected))
        case "is any of":
            return any(_same(value, choice) for choice in config.any_of)
        case "contains any of":
            return _contains(value, config.any_of)
        case "is empty":
            return not text.strip()
        case "is not empty":
            return bool(text.strip())
        case "is true":
            return _true(value)
        case "is false":
            return not _true(value)
        case _:
            return _compared(config.operator, _number(value), _number(expected))


def _compared(operator: str, left: float, right: float) -> bool:
    return {
        "greater than": left > right,
        "less than": left < right,
        "at least": left >= right,
        "at most": left <= right,
    }[operator]


def _contains(value: object, phrases: list[str]) -> bool:
    if isinstance(value, list):
        return any(_same(member, phrase) for member in value for phrase in phrases)
    return bool(found(_text(value), phrases))


def _same(value: object, expected: str) -> bool:
    text = _text(value).strip()
    # Two texts of signs alone have the same (no) words; they are the same only as they stand.
    return text == expected.strip() or (plain(text) != "" and plain(text) == plain(expected))


def _true(value: object) -> bool:
    return value is True or _text(value).strip().lower() in ("true", "yes", "1")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(_text(member) for member in value)
    return "" if value == {} else str(value)


def _number(value: object) -> float:
    try:
        return float(_text(value).replace(",", ".").strip())
    except ValueError as error:
        raise NodeFailed(f"'{_text(value)}' is not a number, so it cannot be compared as one.") from error


def _words(config: Config, value: object) -> str:
    expected = " or ".join(config.any_of) if "any of" in config.operator else config.expected
    return f"'{_text(value)}' {config.operator} {expected}".strip()
