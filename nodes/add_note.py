"""Writes a note on the contact in the CRM."""

from __future__ import annotations

from pydantic import Field

from nodes.contract import Context, NodeFailed, Result, Settings, Values, node
from nodes.effects import AddNote

LONGEST = 5000  # characters


class Config(Settings):
    text: str = Field(
        default="",
        description="Text of the note; may hold {{step.output}}.",
        json_schema_extra={"widget": "textarea"},
    )


class Input(Values):
    text: str = Field(default="", description="Text of the note, when it comes from an earlier step.")


class Output(Values):
    added: bool = Field(description="Whether a note is written; an empty one is not.")
    text: str = Field(description="Text of the note.")


@node(
    "add_note",
    title="Add note",
    group="people",
    icon="sticky_note_2",
    sample=Input(text="Prefers to be called in the morning."),
    effects=("add_note",),
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    if ctx.contact is None:
        raise NodeFailed("This run has no contact to write a note on. Start it from a message or an event of the CRM.")
    text = (input.text or config.text).strip()[:LONGEST]
    if not text:
        return Result(Output(added=False, text=""), detail={"reason": "The note is empty."})
    return Result(Output(added=True, text=text), (AddNote(body=text),))
