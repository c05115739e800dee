"""Other systems, as far as a workspace allows them: read for a step, called for an effect.

The hosts stand in the settings of the workspace as `allowed_hosts`; an admin keeps the list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import audit, effect_results
from db.engine import one, run, transaction
from db.outbox import OutboxRow
from db.settings import get_settings
from flows.actions import ActionRefused
from flows.done import Done
from nodes.clients.http import retry_after_seconds
from nodes.clients.network import anywhere, is_public
from nodes.clients.text import printable
from nodes.clients.web_call import Answer, Caller, allowed_by, anybody
from nodes.effects import SendRequest
from nodes.errors import NotSent, OutcomeUnknown, Rejected, Throttled
from nodes.ports import WebReply

SETTING = "allowed_hosts"
MOST_HOSTS = 100
SHOWN = 500  # characters of an answer that are kept with the effect
_HOST = re.compile(r"(\*\.)?(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Doing these twice is like doing them once, by the rules of HTTP.
_REPEATABLE = frozenset({"PUT", "DELETE"})


class WebReader:
    """The `ctx.web` of a run: reads addresses of allowed hosts."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._caller = caller(hosts)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> WebReply:
        answer = self._caller.call("GET", url, headers)
        return WebReply(answer.status, printable(answer.text), _data(answer))


def caller(hosts: Sequence[str] | None) -> Caller:
    """Calls these hosts; None = whichever a person entered for this purpose."""
    may_connect = anywhere if get_settings().allow_private_addresses else is_public
    return Caller(anybody if hosts is None else allowed_by(hosts), may_connect)


def hosts_of(settings: Mapping[str, Any]) -> list[str]:
    """The allowed hosts in the settings of a workspace."""
    kept = settings.get(SETTING)
    return [str(host) for host in kept] if isinstance(kept, list) else []


def set_hosts(workspace: UUID, user: UUID, hosts: Sequence[str]) -> list[str]:
    """Keep the list of allowed hosts; returns it as it is kept. Raises ActionRefused naming the entry that is no host."""
    tidy = list(dict.fromkeys(_host(entry) for entry in hosts if entry.strip()))
    if len(tidy) > MOST_HOSTS:
        raise ActionRefused(f"The list holds at most {MOST_HOSTS} hosts.")
    with transaction(workspace) as tx:
        run(
            tx,
            "UPDATE workspaces SET settings = jsonb_set(settings, '{allowed_hosts}', to_jsonb(%(hosts)s::text[])) WHERE id = %(id)s",
            hosts=tidy,
            id=workspace,
        )
        audit.record(tx, workspace, f"user:{user}", "workspace.allowed_hosts", f"workspace:{workspace}", hosts=tidy)
    return tidy


def send(row: OutboxRow) -> Done:
    """Perform a call that changes something elsewhere. Raises the errors of nodes.errors."""
    request = SendRequest.model_validate(row.effect)
    with transaction(row.workspace_id) as tx:
        found = one(tx, "SELECT settings FROM workspaces WHERE id = %(id)s", id=row.workspace_id)
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(row.id), **request.headers}
    body = None if request.body is None else json.dumps(request.body, ensure_ascii=False).encode()
    try:
        answer = caller(hosts_of(found["settings"] if found else {})).call(request.method, request.url, headers, body)
        _judge(answer)
    except OutcomeUnknown as unknown:
        if request.method in _REPEATABLE:
            raise NotSent(unknown.reason) from unknown
        raise
    kept = {"status": answer.status, "text": printable(answer.text)[:SHOWN]}
    return Done(also=partial(_keep, row.id, kept))


def _keep(outbox_id: UUID, kept: Mapping[str, Any], tx: Session) -> None:
    effect_results.keep(tx, outbox_id, kept)


def _judge(answer: Answer) -> None:
    said = " ".join(printable(answer.text)[:200].split())
    if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
        raise Throttled(f"The other system asks to wait ({answer.status}).", retry_after_seconds(answer.headers))
    if answer.status >= 500:
        raise OutcomeUnknown(f"The other system answered {answer.status}, which does not say whether it was done.")
    if answer.status >= 300:
        raise Rejected(
            f"http_{answer.status}", f"The other system refused ({answer.status}): {said or 'it gave no reason'}."
        )


def _data(answer: Answer) -> Any:
    try:
        return json.loads(answer.text)
    except (ValueError, RecursionError):
        return None


def _host(entry: str) -> str:
    """A host out of what somebody pasted: also a whole address."""
    text = entry.strip().lower()
    text = text.partition("://")[2] or text
    host = text.partition("/")[0].partition(":")[0].rstrip(".")
    if not _HOST.fullmatch(host) or host in ("*", "*."):
        raise ActionRefused(f"'{entry.strip()[:80]}' is no host. Write it like api.example.com or *.example.com.")
    return host
