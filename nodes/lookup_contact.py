"""Gives what is known of the contact: name, phone, e-mail, language, tags and custom fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from db.engine import one
from nodes.contract import ContactFacts, Context, NodeFailed, Settings, Values, node


class Config(Settings):
    in_facts: list[str] = Field(
        default_factory=list,
        description="Custom fields that the AI gets to know; none named means all.",
    )


class Input(Values):
    """It looks up the contact of the conversation."""


class Output(Values):
    known: bool = Field(description="Whether the contact has at least a name, a phone number or an e-mail address.")
    name: str = Field(description="Name, empty where it is not known.")
    phone: str = Field(description="Phone number, empty where it is not known.")
    email: str = Field(description="E-mail address, empty where it is not known.")
    language: str = Field(description="Language of the contact, for example de; empty where it is not known.")
    tags: list[str] = Field(description="Tags of the contact.")
    custom_fields: dict[str, str] = Field(description="Custom fields by name.")
    messages: int = Field(description="How many messages the contact has written so far, on all channels.")
    facts: str = Field(description="All of this as a text for the AI.")


@node("lookup_contact", title="Look up contact", group="people", icon="person_search", sample=Input())
def run(config: Config, input: Input, ctx: Context) -> Output:
    contact = ctx.contact
    if contact is None:
        raise NodeFailed("This run has no contact to look up. Start it from a message.")
    tags, fields = _tags(contact.crm), _custom_fields(contact.crm)
    return Output(
        known=bool(contact.name or contact.phone or contact.email),
        name=contact.name,
        phone=contact.phone,
        email=contact.email,
        language=contact.language,
        tags=tags,
        custom_fields=fields,
        messages=_messages_written(ctx, contact),
        facts=_facts(
            contact,
            tags,
            {name: text for name, text in fields.items() if name in config.in_facts or not config.in_facts},
        ),
    )


def _messages_written(ctx: Context, contact: ContactFacts) -> int:
    with ctx.read() as tx:
        found = one(
            tx,
            """SELECT count(*) AS messages FROM messages m JOIN conversations c ON c.id = m.conversation_id
               WHERE c.contact_id = %(contact)s AND m.direction = 'in'""",
            contact=contact.id,
        )
    return int(found["messages"]) if found else 0


def _tags(crm: Mapping[str, Any]) -> list[str]:
    return [str(tag) for tag in crm.get("tags") or []]


def _custom_fields(crm: Mapping[str, Any]) -> dict[str, str]:
    """Custom fields by name. A CRM gives a list of {name, value}, or a mapping."""
    fields = crm.get("custom_fields") or {}
    pairs = (
        fields.items()
        if isinstance(fields, Mapping)
        else ((field.get("name") or field.get("id"), field.get("value")) for field in fields)
    )
    return {str(name): _shown(value) for name, value in pairs if name and value not in (None, "", [])}


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _facts(contact: ContactFacts, tags: list[str], fields: Mapping[str, str]) -> str:
    lines = {
        "Name": contact.name,
        "Phone": contact.phone,
        "E-mail": contact.email,
        "Language": contact.language,
        "Tags": ", ".join(tags),
    }
    return "\n".join(f"{name}: {text}" for name, text in {**lines, **fields}.items() if text)
