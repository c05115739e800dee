"""The sentences of steps that wait, that work on contacts and the CRM, and that start or call something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flows.automation import Automation, Step
from flows.phrasing import listed, minutes, readable
from flows.wiring import in_words, spec_of
from nodes.crm_event import NAMES as CRM_EVENTS

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
    reminds = f", reminds after {minutes(c['reminder_minutes'])}" if c["reminder_minutes"] else ""
    return f"Asks “{question}” and waits for {wanted}{reminds}, {minutes(c['timeout_minutes'])} at the most."


def _approve(doc: Automation, step: Step, c: Settings) -> str:
    source = step.input.get("text")
    what = in_words(doc, source) if source else readable(doc, c["text"]) or "a text that is not chosen yet"
    return f"Waits until a colleague approves or changes {what}, {minutes(c['timeout_minutes'])} at the most."


def _tag(doc: Automation, step: Step, c: Settings) -> str:
    add = [repr(readable(doc, tag)) for tag in c["add"]] + [
        in_words(doc, ref) for ref in [step.input.get("add")] if ref
    ]
    lost = [repr(readable(doc, tag)) for tag in c["remove"]]
    lost += [in_words(doc, ref) for ref in [step.input.get("remove")] if ref]
    gives = [f"gives the contact {listed(add)}"] if add else []
    takes = [f"takes {listed(lost)} away"] if lost else []
    return (
        f"{' and '.join([*gives, *takes]).capitalize()}."
        if gives or takes
        else "Tags the contact; no tag is named yet."
    )


def _update_contact(doc: Automation, step: Step, c: Settings) -> str:
    told = [
        f"{field['field'].removeprefix('custom.').replace('_', ' ')} to “{readable(doc, field['value'])}”"
        for field in c["fields"]
    ]
    return f"Sets {listed(told)} of the contact." if told else "Changes the contact; no field is chosen yet."


def _create_task(doc: Automation, step: Step, c: Settings) -> str:
    source = step.input.get("title")
    title = in_words(doc, source) if source else readable(doc, c["title"])
    unit = {"hours": "hours", "days": "days"}.get(str(c["due"]))
    due = f", due in {c['amount']:g} {unit if c['amount'] != 1 else unit[:-1]}" if unit else ""
    return f"Writes a task for a colleague: “{title}”{due}." if title else "Writes a task; it has no title yet."


def _add_note(doc: Automation, step: Step, c: Settings) -> str:
    source = step.input.get("text")
    text = in_words(doc, source) if source else readable(doc, c["text"])
    return f"Writes a note on the contact: “{text}”." if text else "Writes a note on the contact; it is empty yet."


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
    only = {"contact_tagged": c["tag"], "task_completed": c["task"], "workflow": c["workflow"]}.get(c["event"], "")
    only = only or (c["status"] if c["event"].startswith("opportunity") else "")
    named = f" ('{only}')" if only else ""
    return f"Starts with {CRM_EVENTS[c['event']]} in the CRM{named}."


def _schedule(doc: Automation, step: Step, c: Settings) -> str:
    whom = {
        "nobody": "",
        "tagged": f", once for each contact with the tag '{c['tag']}'",
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
    only = f" with {c['field']} = '{c['equals']}'" if c["field"] else ""
    return f"Starts when {repr(c['hook']) if c['hook'] else 'one of your addresses'} is called{only}."


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
