"""Plain words for training material: kinds, states, how far the work is, sizes, ranks."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import unquote, urlsplit

from db.training_jobs import Job
from db.views import TrainingLine
from ui import words

KINDS = {
    "website": "Website",
    "file": "File",
    "text": "Text",
    "qa": "Questions and answers",
    "urls": "List of addresses",
}
SYMBOLS = {"website": "language", "file": "description", "text": "notes", "qa": "quiz", "urls": "link"}
UNITS = {"website": "page", "file": "file", "text": "text", "qa": "question", "urls": "page"}
SOURCE_STATES = {
    "pending": ("Waiting to start", "info"),
    "working": ("Being read", "info"),
    "ready": ("Ready", "good"),
    "failed": ("Failed", "bad"),
    "cancelled": ("Cancelled", ""),
}
DOCUMENT_STATES = {
    "indexed": ("Learned", "good"),
    "failed": ("Failed", "bad"),
    "quarantined": ("Waits for approval", "warn"),
    "found": ("Found, not read yet", "info"),
    "fetched": ("Read, being learned", "info"),
    "skipped": ("Left out", ""),
    "removed": ("Gone", ""),
}
DOCUMENT_SYMBOLS = {
    "indexed": "check",
    "failed": "error",
    "quarantined": "rule",
    "found": "schedule",
    "fetched": "hourglass_top",
    "skipped": "remove",
    "removed": "delete",
}
CAUSES = {
    "added": "Something was added",
    "by_hand": "Started by hand",
    "schedule": "Started by its schedule",
    "retry": "Tried again what failed",
    "approved": "A change was approved",
}
FACTS = {
    "price": ("payments", "Price"),
    "time": ("schedule", "Time"),
    "date": ("event", "Date"),
    "contact": ("call", "Contact"),
    "number": ("tag", "Number"),
    "text": ("notes", "Text"),
}
COLOURS = {"good": "green", "bad": "red", "warn": "orange", "info": "blue", "": "gray"}


def count(number: int, unit: str) -> str:
    """'1 page', '2,300 pages'."""
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def size(many_bytes: int) -> str:
    for limit, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")):
        if many_bytes >= limit:
            shown = many_bytes / limit
            return f"{shown:.1f} {unit}" if shown < 10 else f"{shown:.0f} {unit}"
    return f"{many_bytes} bytes"


def is_open(job: Job | None) -> bool:
    """Whether the work waits or is under way."""
    return job is not None and job.state in ("pending", "working")


def state(line: TrainingLine) -> tuple[str, str]:
    """The state of a source with its tone. Work that is under way counts for more than what was before."""
    if line.job is not None and line.job.cancel_requested and line.job.state == "working":
        return "Stopping", "info"
    if is_open(line.job):
        return SOURCE_STATES["working" if line.job and line.job.state == "working" else "pending"]
    if line.status == "ready" and line.failed:
        return f"Ready, {line.failed:,} failed", "warn"
    return SOURCE_STATES[line.status]


def progress(job: Job, unit: str) -> str:
    """How far the work is: '34 of 120 pages looked at, 2 failed'."""
    if job.state == "pending":
        return "Waiting to start. The trainer takes it up in a moment."
    if not job.found:
        return "Looking for what is there."
    failed = f", {job.failed:,} failed" if job.failed else ""
    return f"{job.looked_at:,} of {count(job.found, unit)} looked at{failed}"


def share(job: Job) -> float:
    """How much of what was found is done, from 0 to 1. A crawl goes on finding, so it may go back."""
    return min(1.0, job.looked_at / job.found) if job.found else 0.0


def amount(line: TrainingLine) -> str:
    """'120 pages, 980 passages, 2.4 MB'."""
    told = [count(line.documents, UNITS[line.type])] if line.documents else []
    told.append(count(line.passages, "passage"))
    if line.bytes:
        told.append(size(line.bytes))
    return ", ".join(told)


def place(address: str, title: str = "") -> str:
    """What to call a document: its title, else the readable part of its address."""
    if title.strip():
        return title.strip()
    if "://" not in address:
        return address
    parts = urlsplit(address)
    path = unquote(parts.path).rstrip("/")
    return f"{parts.netloc}{path}" + (f"?{parts.query}" if parts.query else "")


def clock(moment: datetime, timezone: str) -> str:
    """'22 Nov, 17:04': without the seconds."""
    return words.local(moment, timezone)[:-3]


def rank(number: int) -> str:
    """1 -> '1st'."""
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
