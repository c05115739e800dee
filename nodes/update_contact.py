"""Changes what is known of the contact: name, phone, e-mail, address and fields of the CRM."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from nodes.contract import Context, NodeFailed, Result, Settings, Values, node
from nodes.effects import UpdateContact

MAX_FIELDS = 20
# What every contact has; anything else is a field of the CRM, written custom.<its id>.
FIELDS = (
    "name", "first_name", "last_name", "email", "phone", "address", "city", "state", "postal_code", "country",
    "website", "timezone", "date_of_birth", "source",
)  # fmt: skip
FieldName = Annotated[str, Field(pattern=rf"^({'|'.join(FIELDS)}|custom\.[A-Za-z0-9_-]+)$")]


class NewValue(Settings):
    field: FieldName = Field(
        default="name",
        description="Which field of the contact.",
        json_schema_extra={"widget": "contact_field"},
    )
    value: str = Field(
        default="", description="Its new value; may hold {{step.output}}.", json_schema_extra={"widget": "textarea"}
    )


class Config(Settings):
    fields: list[NewValue] = Field(
        default_factory=list, max_length=MAX_FIELDS, description="The fields that change, each with its new value."
    )
    clear: bool = Field(
        title="An empty value clears the field",
        default=False,
        description="An empty value clears the field; otherwise the field stays as it is.",
    )


class Input(Values):
    """The values stand in the settings."""


class Output(Values):
    changed: bool = Field(description="Whether the contact is changed.")
    fields: dict[str, str] = Field(description="The new values by field.")


@node(
    "update_contact",
    title="Update contact",
    group="people",
    icon="edit_note",
    sample=Input(),
    effects=("update_contact",),
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    if ctx.contact is None:
        raise NodeFailed("This run has no contact to change. Start it from a message or from an event of the CRM.")
    wanted = {each.field: each.value.strip() for each in config.fields if each.value.strip() or config.clear}
    if not wanted:
        return Result(Output(changed=False, fields={}), detail={"reason": "No field has a new value."})
    values: dict[str, JsonValue] = dict(wanted)
    return Result(Output(changed=True, fields=wanted), (UpdateContact(fields=values),))
