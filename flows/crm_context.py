"""What the CRM knows of a contact, kept with the contact: fresh for some minutes, dropped by a webhook, read once for all who ask.

A customer's answer never waits long for it: after `WAIT_SECONDS`, or while the CRM is away, what was read last is used.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from db import crm_contacts, slots
from db.crm_contacts import CrmMemory
from db.engine import read_only, transaction
from db.settings import get_settings
from flows.crm import Crm, crm_of
from flows.crm_link import crm_contact_id
from flows.crm_memory import read_contact
from nodes.errors import ClientError, Rejected

WAIT_SECONDS = 3.0
READING_SECONDS = 20  # longer than any reading takes; then another process may read the same contact
TROUBLE_SECONDS = 30.0  # after a failure nobody asks again for so long
LIST_SECONDS = 300.0
POLL_SECONDS = 0.03

log = logging.getLogger(__name__)


class CrmContexts:
    """The contexts of all workspaces in one process; safe for several threads."""

    def __init__(self, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._running: dict[UUID, Future[Mapping[str, Any]]] = {}
        self._trouble_until: dict[UUID, float] = {}
        self._lists: dict[tuple[UUID, str], tuple[float, Sequence[Mapping[str, Any]]]] = {}
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="crm-context")
        self._calls = ThreadPoolExecutor(8, thread_name_prefix="crm-call")

    def context_of(self, workspace: UUID, contact_id: UUID) -> Mapping[str, Any]:
        """What the CRM knows of the contact; {} where it does not know it. Never raises for what the CRM does."""
        with read_only(workspace) as tx:
            memory = crm_contacts.memory(tx, contact_id)
        if memory is None:
            return {}
        if is_fresh(memory.fetched_at) or time.monotonic() < self._trouble_until.get(workspace, 0.0):
            return memory.known
        crm = crm_of(workspace)
        if crm is None:
            return memory.known
        try:
            return self._reading(crm, workspace, contact_id).result(self._wait_seconds)
        except (ClientError, NotInTime) as error:
            log.warning("The CRM context is old", extra={"action": "crm.context_old", "error": type(error).__name__})
            return memory.known

    @property
    def fresh_for(self) -> timedelta:
        return timedelta(minutes=get_settings().crm_context_minutes)

    def refresh(self, workspace: UUID, contact_id: UUID) -> None:
        """Read it now, also where it is fresh, however long that takes. Raises the errors of nodes.errors."""
        with transaction(workspace) as tx:
            crm_contacts.drop(tx, contact_id)
        self._reading(asked(workspace), workspace, contact_id).result()

    def listed(self, workspace: UUID, name: str, read: Callable[[Crm], Sequence[Mapping[str, Any]]]) -> Any:
        """A list of the location that changes rarely (pipelines, users, ...), some minutes old at most."""
        kept = self._lists.get((workspace, name))
        if kept is None or kept[0] < time.monotonic():
            kept = time.monotonic() + LIST_SECONDS, read(asked(workspace))
            self._lists[(workspace, name)] = kept
        return kept[1]

    def _reading(self, crm: Crm, workspace: UUID, contact_id: UUID) -> Future[Mapping[str, Any]]:
        with self._lock:
            under_way = self._running.get(contact_id)
            if under_way is None:
                under_way = self._readers.submit(self._read, crm, workspace, contact_id)
                self._running[contact_id] = under_way
                under_way.add_done_callback(lambda _: self._running.pop(contact_id, None))
            return under_way

    def _read(self, crm: Crm, workspace: UUID, contact_id: UUID) -> Mapping[str, Any]:
        """Read it, unless somebody else has done so or is about to."""
        until = time.monotonic() + self._wait_seconds
        while True:
            with transaction(workspace) as tx:
                memory = crm_contacts.memory(tx, contact_id)
                if memory is None or is_fresh(memory.fetched_at):
                    return memory.known if memory else {}
                slot, _ = slots.take(tx, f"crm-context:{contact_id}", 1, 0, READING_SECONDS)
                if slot is not None:
                    break
            if time.monotonic() > until:
                return memory.known
            time.sleep(POLL_SECONDS)  # another process reads it
        try:
            return self._read_now(crm, workspace, contact_id, memory)
        except ClientError:
            self._trouble_until[workspace] = time.monotonic() + TROUBLE_SECONDS
            raise
        finally:
            with transaction(workspace) as tx:
                slots.give_back(tx, slot, 0)

    def _read_now(self, crm: Crm, workspace: UUID, contact_id: UUID, memory: CrmMemory) -> Mapping[str, Any]:
        crm_id, version = memory.crm_id, memory.version
        if not crm_id and (crm_id := crm_contact_id(crm, workspace, contact_id, make=False)):
            with transaction(workspace) as tx:  # the link itself was a change
                linked = crm_contacts.memory(tx, contact_id)
                version = linked.version if linked else version
        found = read_contact(crm, crm_id, self._calls, lambda name: self._names(crm, workspace, name)) if crm_id else {}
        with transaction(workspace) as tx:
            if found is None:
                crm_contacts.unlink(tx, contact_id, crm_id)
            else:
                crm_contacts.remember(tx, contact_id, found, version)
        return found or {}

    def _names(self, crm: Crm, workspace: UUID, name: str) -> Sequence[Mapping[str, Any]]:
        read = {"pipelines": lambda c: c.client.pipelines(), "custom_fields": lambda c: c.client.custom_fields()}[name]
        found: Sequence[Mapping[str, Any]] = self.listed(workspace, name, read)
        return found


def is_fresh(fetched_at: datetime | None) -> bool:
    return fetched_at is not None and datetime.now(UTC) - fetched_at < timedelta(
        minutes=get_settings().crm_context_minutes
    )


def asked(workspace: UUID) -> Crm:
    crm = crm_of(workspace)
    if crm is None:
        raise Rejected("no_crm", "No CRM is connected. Connect GoHighLevel on the page CRM.")
    return crm


@dataclass(frozen=True)
class CrmReader:
    """nodes.ports.Crm for one run. `before_asking` ends the run's open transaction: what is outside may take long."""

    contexts: CrmContexts
    workspace: UUID
    contact_id: UUID | None
    known: Mapping[str, Any]
    fetched_at: datetime | None
    before_asking: Callable[[], None]

    def contact(self) -> Mapping[str, Any]:
        if self.contact_id is None or is_fresh(self.fetched_at):
            return self.known
        self.before_asking()
        return self.contexts.context_of(self.workspace, self.contact_id)

    def pipelines(self) -> Sequence[Mapping[str, Any]]:
        return self._listed("pipelines", lambda crm: crm.client.pipelines())

    def calendars(self) -> Sequence[Mapping[str, Any]]:
        return self._listed("calendars", lambda crm: crm.client.calendars())

    def users(self) -> Sequence[Mapping[str, Any]]:
        return self._listed("users", lambda crm: crm.client.users())

    def tags(self) -> Sequence[str]:
        return [
            str(tag["name"]) for tag in self._listed("tags", lambda crm: crm.client.location_tags()) if "name" in tag
        ]

    def custom_fields(self) -> Sequence[Mapping[str, Any]]:
        return self._listed("custom_fields", lambda crm: crm.client.custom_fields())

    def free_slots(self, calendar_id: str, start: datetime, end: datetime, timezone: str) -> Sequence[datetime]:
        self.before_asking()
        return asked(self.workspace).client.free_slots(calendar_id, start, end, timezone)

    def _listed(self, name: str, read: Callable[[Crm], Sequence[Mapping[str, Any]]]) -> Sequence[Mapping[str, Any]]:
        self.before_asking()
        found: Sequence[Mapping[str, Any]] = self.contexts.listed(self.workspace, name, read)
        return found


@dataclass(frozen=True)
class TagsOfThen(CrmReader):
    """The CRM of today, but for the tags of the contact."""

    then: Sequence[str]

    def contact(self) -> Mapping[str, Any]:
        return {**super().contact(), "tags": self.then}
