"""What an effect would do, as a sentence, with what it changes: before and after. For tests and comparisons, where nothing is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from flows.free_text import leaves_as_template
from nodes.contract import ContactFacts
from nodes.effects import (
    AddNote,
    BookAppointment,
    ChangeTags,
    CreateTask,
    Effect,
    MoveOpportunity,
    NotifyPeople,
    OpenHandoff,
    SendMessage,
    SendRequest,
    StartAutomation,
    Template,
    UpdateContact,
)
from nodes.message_received import CHANNEL_NAMES

SHOWN_CHARACTERS = 400


@dataclass(frozen=True)
class Would:
    """One thing that a run would do. `before` and `after` are '' where nothing is changed but something new is made."""

    kind: str
    sentence: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Setting:
    """Whom an effect is about, and how things are called."""

    contact: ContactFacts | None
    channel: str = ""
    timezone: tzinfo = UTC
    names: Mapping[str, str] = field(default_factory=dict)  # of automations, stages, calendars by id

    @property
    def who(self) -> str:
        contact = self.contact
        return (contact.name or contact.phone or contact.email if contact else "") or "the customer"

    def name(self, id: str) -> str:
        return self.names.get(id, id)


def would(effect: Effect, at: Setting) -> Would:
    """The sentence begins with "Would ..."."""
    told: Callable[[Any, Setting], Would] | None = _TOLD.get(effect.kind)
    return told(effect, at) if told else _any(effect)


def in_full(message: SendMessage, channel: str) -> str:
    """What a customer is sent, with the template that stands by for it: for comparing two versions."""
    text, template = message.text.strip(), message.template
    if channel != "whatsapp" or template is None:
        return text
    named = f"approved template “{template.name}”"
    if leaves_as_template(message):
        return f"[{named}]\n{text}"
    return f"{text}\n[After 24 hours without a message of theirs the {named}: “{template.text}”]"


def _any(effect: Effect) -> Would:
    """An effect that has no sentence of its own yet."""
    parts = ", ".join(
        f"{name.replace('_', ' ')}: {_short(value)}"
        for name, value in effect.model_dump(mode="json", exclude={"kind"}).items()
        if value not in (None, "", [], {})
    )
    return Would(effect.kind, f"Would {effect.kind.replace('_', ' ')}" + (f" ({parts})." if parts else "."))


def _send_message(effect: SendMessage, at: Setting) -> Would:
    by = f" by {CHANNEL_NAMES.get(at.channel, at.channel)}" if at.channel else ""
    files = f" with {len(effect.media)} file{'s' if len(effect.media) > 1 else ''}" if effect.media else ""
    said = f"“{_short(effect.text)}”"
    if at.channel == "whatsapp" and effect.template is not None:
        said = _with_template(said, effect.template, alone=leaves_as_template(effect))
    return Would(effect.kind, f"Would send to {at.who}{by}{files}: {said}", after=effect.text)


def _with_template(said: str, template: Template, *, alone: bool) -> str:
    named = f"the approved template “{template.name}”"
    if alone:
        return f"{named}: {said}"
    return f"{said}, and after 24 hours without a message of theirs {named}: “{_short(template.text)}”"


def _open_handoff(effect: OpenHandoff, at: Setting) -> Would:
    soon = "" if effect.priority == "normal" else f", priority {effect.priority}"
    sentence = f"Would ask a person to take over{soon}: {_short(effect.reason)}"
    return Would(effect.kind, sentence, before="The AI answers", after="A person is asked for")


def _notify(effect: NotifyPeople, at: Setting) -> Would:
    ways = {"email": "by e-mail", "sms": "by SMS", "page": "on the page", "webhook": "in the team chat"}
    who = ", ".join(effect.to) if effect.to and effect.via != "webhook" else "every agent and admin"
    who = "colleagues" if effect.via == "webhook" else who
    return Would(effect.kind, f"Would tell {who} {ways[effect.via]}: “{_short(effect.subject)}”", after=effect.text)


def _update_contact(effect: UpdateContact, at: Setting) -> Would:
    names = ", ".join(_field(name) for name in effect.fields) or "nothing"
    before = "\n".join(f"{_field(name)}: {_known(at.contact, name) or '(empty)'}" for name in effect.fields)
    after = "\n".join(f"{_field(name)}: {_short(value) or '(empty)'}" for name, value in effect.fields.items())
    return Would(effect.kind, f"Would change {names} of {at.who}.", before, after)


def _change_tags(effect: ChangeTags, at: Setting) -> Would:
    has = [str(tag) for tag in (at.contact.crm.get("tags") or [])] if at.contact else []
    new = [tag for tag in effect.add if tag not in has]
    lost = [tag for tag in effect.remove if tag in has]
    after = [tag for tag in has if tag not in lost] + new
    parts = [*(f"add tag '{tag}'" for tag in effect.add), *(f"remove tag '{tag}'" for tag in effect.remove)]
    unchanged = "" if new or lost else " That changes nothing."
    sentence = f"Would {' and '.join(parts) or 'change no tag'} for {at.who}.{unchanged}"
    return Would(effect.kind, sentence, ", ".join(has) or "(no tags)", ", ".join(after) or "(no tags)")


def _create_task(effect: CreateTask, at: Setting) -> Would:
    due = effect.due_at.astimezone(at.timezone).strftime("%a %d %b %Y %H:%M")
    whose = f" for {at.name(effect.assigned_to)}" if effect.assigned_to else ""
    return Would(effect.kind, f"Would create a task{whose}, due {due}: “{_short(effect.title)}”", after=effect.body)


def _add_note(effect: AddNote, at: Setting) -> Would:
    return Would(effect.kind, f"Would write a note on {at.who}: “{_short(effect.body)}”", after=effect.body)


def _move_opportunity(effect: MoveOpportunity, at: Setting) -> Would:
    known = [o for o in (at.contact.crm.get("opportunities") or [] if at.contact else []) if isinstance(o, Mapping)]
    current = next((o for o in known if o.get("pipeline_id") == effect.pipeline_id), None)
    stage = at.name(effect.stage_id) if effect.stage_id else ""
    to = [part for part in (f"to '{stage}'" if stage else "", f"as {effect.status}" if effect.status else "") if part]
    if current is None:
        sentence = f"Would make an opportunity of {at.who} in '{at.name(effect.pipeline_id)}' {' '.join(to)}".rstrip()
        return Would(effect.kind, f"{sentence}.", "(none)", stage or effect.status or "made")
    before = f"{current.get('stage') or current.get('stage_id') or ''} ({current.get('status') or 'open'})"
    after = f"{stage or current.get('stage') or ''} ({effect.status or current.get('status') or 'open'})"
    return Would(effect.kind, f"Would move the opportunity of {at.who} {' '.join(to) or 'nowhere'}.", before, after)


def _book(effect: BookAppointment, at: Setting) -> Would:
    start = effect.start.astimezone(at.timezone).strftime("%a %d %b %Y %H:%M")
    said = f" and then send: “{_short(effect.when_booked)}”" if effect.when_booked else ""
    return Would(effect.kind, f"Would book {start} in '{at.name(effect.calendar_id)}' for {at.who}{said}.", after=start)


def _send_request(effect: SendRequest, at: Setting) -> Would:
    body = "" if effect.body is None else _short(effect.body)
    return Would(effect.kind, f"Would call {effect.method} {_short(effect.url)}.", after=body)


def _start_automation(effect: StartAutomation, at: Setting) -> Would:
    return Would(effect.kind, f"Would start the automation '{at.name(effect.automation_id)}' for {at.who}.")


_TOLD: dict[str, Callable[[Any, Setting], Would]] = {
    "send_message": _send_message,
    "open_handoff": _open_handoff,
    "notify_people": _notify,
    "update_contact": _update_contact,
    "change_tags": _change_tags,
    "create_task": _create_task,
    "add_note": _add_note,
    "move_opportunity": _move_opportunity,
    "book_appointment": _book,
    "send_request": _send_request,
    "start_automation": _start_automation,
}


def _field(name: str) -> str:
    return name.removeprefix("custom.").replace("_", " ")


def _known(contact: ContactFacts | None, name: str) -> str:
    """What is known of a field now, '' where it is empty or not known here."""
    if contact is None:
        return ""
    own = {"name": contact.name, "phone": contact.phone, "email": contact.email, "language": contact.language}
    of_crm = contact.crm.get("contact")
    fields = contact.crm.get("fields")
    found = own.get(name)
    if found is None and isinstance(fields, Mapping):
        found = fields.get(name.removeprefix("custom."))
    if found is None and isinstance(of_crm, Mapping):
        found = of_crm.get(name)
    return _short(found) if found is not None else ""


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS].rstrip()}…"
