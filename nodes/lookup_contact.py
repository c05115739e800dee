"""Gives what is known of the contact: name, phone, language, and from the CRM tags, fields, tasks and opportunities."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from db.engine import one
from nodes.contract import ContactFacts, Context, NodeFailed, Settings, Values, node


class Config(Settings):
    in_facts: list[str] = Field(
        title="Custom fields for the AI",
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
    custom_fields: dict[str, str] = Field(description="Custom fields by their key in the CRM.")
    tasks: list[str] = Field(default_factory=list, description="Open tasks of the contact in the CRM, with their date.")
    opportunities: list[str] = Field(
        default_factory=list, description="Open opportunities with pipeline and stage, as in the CRM."
    )
    appointments: list[str] = Field(default_factory=list, description="Coming appointments with their time.")
    messages: int = Field(description="How many messages the contact has written so far, on all channels.")
    facts: str = Field(description="All of this as a text for the AI.")


@node("lookup_contact", title="Look up contact", group="people", icon="person_search", sample=Input())
def run(config: Config, input: Input, ctx: Context) -> Output:
    contact = ctx.contact
    if contact is None:
        raise NodeFailed("This run has no contact to look up. Start it from a message.")
    crm = ctx.crm.contact() if ctx.crm else contact.crm
    tags, fields = _tags(crm), _custom_fields(crm)
    tasks, opportunities = _tasks(crm, ctx.business.timezone), _opportunities(crm)
    appointments = _appointments(crm, ctx.now, ctx.business.timezone)
    return Output(
        known=bool(contact.name or contact.phone or contact.email),
        name=contact.name,
        phone=contact.phone,
        email=contact.email,
        language=contact.language,
        tags=tags,
        custom_fields=fields,
        tasks=tasks,
        opportunities=opportunities,
        appointments=appointments,
        messages=_messages_written(ctx, contact),
        facts=_facts(
            contact,
            tags,
            {
                "Open tasks": "; ".join(tasks),
                "Opportunities": "; ".join(opportunities),
                "Appointments": "; ".join(appointments),
                **{name: text for name, text in fields.items() if name in config.in_facts or not config.in_facts},
            },
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
    """Custom fields by their key, those without a value left out."""
    fields = crm.get("fields") or {}
    return {str(name): _shown(value) for name, value in fields.items() if name and value not in (None, "", [])}


def _tasks(crm: Mapping[str, Any], zone: ZoneInfo) -> list[str]:
    return [
        f"{task['title']} ({_day(task.get('due'), zone)})" if _day(task.get("due"), zone) else str(task["title"])
        for task in crm.get("tasks") or ()
        if task.get("title") and not task.get("completed")
    ]


def _opportunities(crm: Mapping[str, Any]) -> list[str]:
    found = []
    for each in crm.get("opportunities") or ():
        if each.get("status", "open") != "open":
            continue
        where = " / ".join(str(part) for part in (each.get("pipeline"), each.get("stage")) if part)
        found.append(f"{each.get('name') or 'Opportunity'}{f' ({where})' if where else ''}")
    return found


def _appointments(crm: Mapping[str, Any], now: datetime, zone: ZoneInfo) -> list[str]:
    """Those to come, the next one first."""
    coming = []
    for each in crm.get("appointments") or ():
        start = _moment(each.get("start"))
        if start is not None and start > now and each.get("status") not in ("cancelled", "invalid", "noshow"):
            coming.append((start, f"{each.get('title') or 'Appointment'} ({start.astimezone(zone):%Y-%m-%d %H:%M})"))
    return [text for _, text in sorted(coming)]


def _day(value: Any, zone: ZoneInfo) -> str:
    due = _moment(value)
    return f"due {due.astimezone(zone):%Y-%m-%d}" if due else ""


def _moment(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else None


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
