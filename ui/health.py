"""What an admin should know: the first steps that are still open, and everything that went wrong, each with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from db import connections, views
from db.records import Connection
from db.settings import get_settings
from db.views import Counts
from ui import links


@dataclass(frozen=True)
class Task:
    """A first step: what it brings, where it is done, and whether it is."""

    title: str
    text: str
    done: bool
    action: str = ""
    page: links.Page | None = None
    address: str = ""


@dataclass(frozen=True)
class Trouble:
    """Something is wrong: the sentence, the remedy, where to look. `lines` are the single cases."""

    title: str
    remedy: str
    page: links.Page | None = None
    action: str = ""
    lines: tuple[str, ...] = ()


def chat_address(every: Sequence[Connection]) -> str:
    """Where this workspace's web chat is."""
    chat = next((item for item in every if item.kind == "webchat"), None)
    return f"{get_settings().public_url}/chat" + (f"/{chat.id}" if chat else "")


def is_ready(every: Sequence[Connection], kind: str) -> bool:
    return any(item.kind == kind and item.state == "active" for item in every)


def tasks(tx: Session) -> list[Task]:
    every = connections.all_connections(tx)
    answers = any(line.live_version is not None and line.enabled for line in views.automation_list(tx))
    knows = any(source.passages for source in views.source_list(tx))
    return [
        Task(
            "Write in the web chat",
            "Be your own first customer and watch the answer arrive.",
            _was_written(tx),
            "Open the web chat",
            address=chat_address(every),
        ),
        Task("Give it documents", "Answers come from your own documents only.", knows, "Add some", "training"),
        Task(
            "Publish an automation",
            "It decides what happens when a customer writes.",
            answers,
            "Look at it",
            "automations",
        ),
        Task(
            "Connect a model",
            "Without one, answers are quoted from your documents word for word.",
            is_ready(every, "llm"),
            "Connect",
            "settings",
        ),
        Task("Connect Twilio", "For SMS and WhatsApp.", is_ready(every, "twilio"), "Connect", "settings"),
        Task(
            "Connect a mailbox",
            "So that colleagues are told when a customer waits.",
            is_ready(every, "email_smtp"),
            "Connect",
            "settings",
        ),
    ]


def _was_written(tx: Session) -> bool:
    return any(line.channel == "webchat" for line in views.run_list(tx, limit=50))


def troubles(tx: Session, counts: Counts) -> list[Trouble]:
    found = [
        Trouble(
            f"{item.name} is {'paused' if item.state == 'paused' else 'not working'}",
            item.state_reason or "Nothing is sent over it. Check its settings.",
            "settings",
            "Open settings",
        )
        for item in connections.all_connections(tx)
        if item.state != "active" and item.is_default
    ]
    if counts.unknown_messages:
        lines = views.unknown_messages(tx, limit=5)
        found.append(
            Trouble(
                f"{counts.unknown_messages} message{_s(counts.unknown_messages)} may or may not have arrived",
                "The connection broke while it was being sent. The provider is asked about it every minute for a day; only if it certainly does not have it, it is sent again. You can also ask the customer.",
                lines=tuple(f"{line.contact_name or 'Visitor'}: {line.content[:80]}" for line in lines),
            )
        )
    if counts.parked_events:
        events = views.parked_events(tx, limit=5)
        found.append(
            Trouble(
                f"{counts.parked_events} arrival{_s(counts.parked_events)} could not be processed",
                "Each was tried three times and is kept. The reasons are below; `frontdesk doctor` checks the installation.",
                lines=tuple(f"{event.connection_name}, {event.type}: {event.note}" for event in events),
            )
        )
    if counts.failed_runs_today:
        found.append(
            Trouble(
                f"{counts.failed_runs_today} run{_s(counts.failed_runs_today)} failed today",
                "Open the run to see which step failed and why.",
                "runs",
                "Open runs",
            )
        )
    return found


def _s(number: int) -> str:
    return "" if number == 1 else "s"
