"""The sentences of steps that wait, that work on contacts and the CRM, and that start or call something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flows.automation import Automation, Step
from flows.phrasing import ended, large, listed, minutes, quoted, readable, result, said
from flows.wiring import spec_of

Told = Callable[[Automation, Step, dict[str, Any]], str]
Settings = dict[str, Any]


def _ask(doc: Automation, step: Step, c: Settings) -> str:
    kinds = {"number": "a number", "email": "an e-mail address", "phone": "a phone number", "date": "a date"}
    wanted = (
        listed([str(choice) for choice in c["choices"]], "or")
        if c["kind"] == "choice"
        else kinds.get(c["kind"], "an answer")
    )
    question = readable(doc, c["question"])
    if not question:
        return "Asks the customer; the question is empty yet."
    reminds = f", with a reminder after {minutes(c['reminder_minutes'])}" if c["reminder_minutes"] else ""
    return f"Asks “{question}” and waits for {wanted}, {minutes(c['timeout_minutes'])} at the most{reminds}."


def _approve(doc: Automation, step: Step, c: Settings) -> str:
    source = step.input.get("text")
    text = said(doc, c["text"]) if c["text"].strip() else "a text that is not chosen yet"
    what = result(doc, source) if source else text
    return f"Waits until a colleague approves or changes {what}, {minutes(c['timeout_minutes'])} at the most."


def _tag(doc: Automation, step: Step, c: Settings) -> str:
    add, lost = (_tags(doc, c[name], step.input.get(name)) for name in ("add", "remove"))
    does = [f"gives the contact {add}"] * bool(add) + [f"takes {lost} away"] * bool(lost)
    return large(f"{' and '.join(does)}.") if does else "Tags the contact; no tag is named yet."


def _tags(doc: Automation, written: list[str], source: str | None) -> str:
    """The tags by name, and those that an earlier step names; '' where there are none."""
    names = [said(doc, tag) for tag in written]
    known = f"the {'tag' if len(names) == 1 else 'tags'} {listed(names)}" if names else ""
    return listed([each for each in (known, result(doc, source) if source else "") if each])


def _update_contact(doc: Automation, step: Step, c: Settings) -> str:
    told = [
        f"{_FIELDS.get(field['field'], field['field'].removeprefix('custom.').replace('_', ' '))} to "
        + (said(doc, field["value"]) if field["value"].strip() else "a value that is not written yet")
        for field in c["fields"]
    ]
    return ended(f"Sets the contact's {listed(told)}") if told else "Changes the contact; no field is chosen yet."


def _create_task(doc: Automation, step: Step, c: Settings) -> str:
    source = step.input.get("title")
    title = result(doc, source) if source else said(doc, c["title"]) if c["title"].strip() else ""
    unit = {"hours": "hours", "days": "days"}.get(str(c["due"]))
    due = f", due in {c['amount']:g} {unit if c['amount'] != 1 else unit[:-1]}" if unit else ""
    return ended(f"Writes a task for a colleague: {title}{due}") if title else "Writes a task; it has no title yet."


def _add_note(doc: Automation, step: Step, c: Settings) -> str:
    source = step.input.get("text")
    text = result(doc, source) if source else said(doc, c["text"]) if c["text"].strip() else ""
    return ended(f"Writes a note on the contact: {text}") if text else "Writes a note on the contact; it is empty yet."


def _move_opportunity(doc: Automation, step: Step, c: Settings) -> str:
    if not c["pipeline_id"]:
        return "Moves the contact's opportunity; no pipeline is chosen yet."
    status = f" as {c['status']}" if c["status"] else ""
    return f"Puts the contact's opportunity into the chosen stage{status}, or makes one."


def _book(doc: Automation, step: Step, c: Settings) -> str:
    does = {
        "offer": "Offers free times",
        "book": "Books the time that was chosen",
        "both": "Offers free times and books the chosen one",
    }
    where = "" if c["calendar_id"] else "; no calendar is chosen yet"
    return f"{does[c['do']]}, up to {c['days']} days ahead{where}."


def _http_request(doc: Automation, step: Step, c: Settings) -> str:
    url = readable(doc, c["url"])
    verb = "Reads" if c["method"] == "GET" else f"Sends a {c['method']} to"
    return f"{verb} {url}." if url else "Calls another system; the address is empty yet."


def _crm_event(doc: Automation, step: Step, c: Settings) -> str:
    tag, task, workflow = (f" {quoted(c[name])}" if c[name] else "" for name in ("tag", "task", "workflow"))
    status = f", with the status {quoted(c['status'])}" if c["status"] else ""
    happened = {
        "contact_created": "a contact is new in the CRM",
        "contact_updated": "a contact is changed in the CRM",
        "contact_tagged": f"a contact gets {'the' if tag else 'a'} tag{tag} in the CRM",
        "task_completed": f"a task{f' with{task} in its title' if task else ''} is done in the CRM",
        "opportunity_created": f"there is a new opportunity in the CRM{status}",
        "opportunity_stage": f"an opportunity changes its stage in the CRM{status}",
        "opportunity_status": f"an opportunity is {_STATUS[c['status']]} in the CRM",
        "appointment_booked": "an appointment is booked in the CRM",
        "appointment_cancelled": "an appointment is cancelled in the CRM",
        "workflow": f"{'the' if workflow else 'a'} workflow{workflow} of the CRM calls",
    }
    return f"Starts when {happened[c['event']]}."


def _schedule(doc: Automation, step: Step, c: Settings) -> str:
    tag = f"the tag {quoted(c['tag'])}" if c["tag"] else "a tag that is not chosen yet"
    whom = {
        "nobody": "",
        "tagged": f", once for each contact with {tag}",
        "silent": f", once for each contact who has been silent for {c['silent_days']} days",
    }[c["for_each"]]
    return f"Starts {c['when']}{whom}."


def _conversation_event(doc: Automation, step: Step, c: Settings) -> str:
    events = {
        "handoff_opened": "a person is asked for",
        "handoff_resolved": "a request for a person is settled",
        "taken_over": "a colleague takes a conversation over",
        "given_back": "a colleague gives a conversation back",
        "customer_silent": f"a customer has said nothing for {minutes(c['minutes'])}",
        "nobody_answered": f"nobody has answered a customer for {minutes(c['minutes'])}",
    }
    return f"Starts when {events.get(c['event'], c['event'])}."


def _webhook(doc: Automation, step: Step, c: Settings) -> str:
    wanted = quoted(c["equals"]) if c["equals"] else "empty"
    only = f" and its field {quoted(c['field'])} is {wanted}" if c["field"] else ""
    return f"Starts when {quoted(c['hook']) if c['hook'] else 'one of your addresses'} is called{only}."


def _act(doc: Automation, step: Step, c: Settings) -> str:
    names = {
        "tag": "tag",
        "note": "write notes",
        "task": "write tasks",
        "stage": "move opportunities",
        "update_field": "change fields",
    }
    names |= {"hand_off": "ask for a person", "book": "book appointments"}
    allowed = listed([names.get(str(name), str(name)) for name in c["allowed"]])
    return (
        f"Lets the AI {allowed} where the message asks for it."
        if allowed
        else "Lets the AI act; nothing is allowed yet."
    )


def _run_automation(doc: Automation, step: Step, c: Settings) -> str:
    spec = spec_of(step.node)
    return (spec.description if spec else "") if c["automation"] else "Starts another automation; none is chosen yet."


# The fields of a contact whose own names are no words of a sentence.
_FIELDS = {"email": "e-mail address", "phone": "phone number"}
_STATUS = {"": "won, lost or open again", "open": "open again", "won": "won", "lost": "lost", "abandoned": "abandoned"}

SENTENCES: dict[str, Told] = {
    "ask": _ask,
    "approve": _approve,
    "tag": _tag,
    "update_contact": _update_contact,
    "create_task": _create_task,
    "add_note": _add_note,
    "move_opportunity": _move_opportunity,
    "book_appointment": _book,
    "http_request": _http_request,
    "crm_event": _crm_event,
    "schedule": _schedule,
    "conversation_event": _conversation_event,
    "webhook_received": _webhook,
    "act": _act,
    "run_automation": _run_automation,
}
