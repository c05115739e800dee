"""What a run changed in the CRM can be taken back: field by field, once, and never over what somebody changed since.

Undoing is work like any other: each change that is taken back is an effect of its own in the line of the contact, with a key
that can be used once. It is tried for a day, and it looks at the last moment whether what it takes back is still as the run left it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from db import audit, effect_results, live, outbox
from db.engine import Row, one, rows, transaction
from db.outbox import CRM_ORDER, OutboxRow
from flows import crm, crm_effects
from flows.actions import ActionRefused
from flows.crm_effects import PAUSED_RETRY_SECONDS
from flows.done import Done
from flows.undo_changes import ChangedSince, Place, check, take_back
from nodes.effects import CRM_KINDS
from nodes.errors import ClientError, Rejected, Throttled

KIND = "undo_change"
GONE = "The contact does not exist in the CRM any more."


@dataclass(frozen=True)
class Undoable:
    """One change of a run. `state`: open = it can be taken back; the others say what stands in the way, or that it was done."""

    outbox_id: UUID
    effect: Mapping[str, Any]
    before: Any
    after: Any
    state: Literal["open", "changed", "asked", "done", "refused"]
    reason: str = ""


def changes(tx: Session, run_id: UUID) -> list[Undoable]:
    """What the run changed in the CRM, the newest first, with what became of undoing it."""
    return [_undoable(found) for found in _changes(tx, run_id)]


def look(workspace: UUID, run_id: UUID) -> list[Undoable]:
    """Like `changes`, and each that is open is compared with what is there now. Asks the CRM; nothing is changed.

    Raises ActionRefused where the CRM cannot be asked.
    """
    with transaction(workspace) as tx:
        found = _changes(tx, run_id)
    try:
        return [_compared(workspace, each, _undoable(each)) for each in found]
    except ClientError as error:
        raise ActionRefused(f"What is there now could not be looked up. {error.reason}") from error


def undo(workspace: UUID, run_id: UUID, user_id: UUID) -> int:
    """Put the taking back of every open change in line; returns how many. Raises ActionRefused where nothing is open."""
    try:
        with transaction(workspace) as tx:
            every = _changes(tx, run_id)
            asked = [each for each in every if each["undo_state"] is None]
            if not asked:
                raise ActionRefused(_nothing_open(every))
            for each in asked:
                _put_in_line(tx, workspace, run_id, user_id, each)
            audit.record(tx, workspace, f"user:{user_id}", "run.undone", f"run:{run_id}", changes=len(asked))
            live.publish(tx, workspace, "run", run=run_id)
    except IntegrityError as error:
        raise ActionRefused("Somebody else is undoing this run at this moment.") from error
    return len(asked)


def perform(row: OutboxRow) -> Done:
    """Take one change back. Raises Rejected where it changed since, and the other errors of nodes.errors."""
    with transaction(row.workspace_id) as tx:
        change = one(tx, _CHANGE, id=UUID(row.effect["of"]))
    if change is None or change["result"] is None:
        raise Rejected("gone", "What the run did is not known any more.")
    place = _place(row.workspace_id, change)
    try:
        after, stays = take_back(place, change["effect"], change["result"])
    except ChangedSince as changed:
        raise Rejected("changed_since", str(changed)) from changed
    return Done(also=partial(_settled, row, change, after, stays))


def _settled(row: OutboxRow, change: Row, after: Any, stays: str, tx: Session) -> None:
    contact_id = _contact(change)
    effect_results.keep(tx, row.id, {"before": change["result"]["after"], "after": after, "stays": stays})
    crm_effects.keep_step(tx, contact_id, change["effect"]["kind"], after, alone=bool(change["result"].get("alone")))
    actor = f"user:{row.effect['by']}"
    kind = change["effect"]["kind"]
    audit.record(tx, row.workspace_id, actor, "effect.undone", f"effect:{change['id']}", kind=kind, run=row.run_id)
    live.publish(tx, row.workspace_id, "run", run=row.run_id)


def _changes(tx: Session, run_id: UUID) -> list[Row]:
    """What made no difference (a tag that was there already) is nothing to take back."""
    found = rows(tx, _CHANGES, run=run_id, kinds=sorted(CRM_KINDS), undo=KIND)
    return [each for each in found if each["result"]["before"] != each["result"]["after"]]


def _compared(workspace: UUID, found: Row, undoable: Undoable) -> Undoable:
    if undoable.state != "open":
        return undoable
    try:
        return replace(undoable, reason=check(_place(workspace, found), found["effect"], found["result"]))
    except ChangedSince as changed:
        return replace(undoable, state="changed", reason=str(changed))


def _place(workspace: UUID, change: Row) -> Place:
    """Where the change was made: in the CRM, or on our own contact."""
    contact_id = _contact(change)
    if change["result"].get("alone"):
        return Place(workspace, contact_id, None, "")
    standing = crm.standing(workspace)
    if standing.state == "paused":
        raise Throttled(f"The connection is paused: {standing.reason}", PAUSED_RETRY_SECONDS)
    if standing.crm is None:
        raise Rejected("no_crm", "No CRM is connected any more, so this cannot be taken back there.")
    there = change["ghl_contact_id"]
    if not there:
        raise Rejected("gone", GONE)
    return Place(workspace, contact_id, standing.crm, there)


def _contact(change: Row) -> UUID:
    return UUID(change["order_key"].removeprefix(CRM_ORDER))


def _put_in_line(tx: Session, workspace: UUID, run_id: UUID, user_id: UUID, change: Row) -> None:
    outbox.add(
        tx,
        workspace=workspace,
        idempotency_key=f"undo:{change['id']}",
        order_key=change["order_key"],
        effect={"kind": KIND, "of": str(change["id"]), "by": str(user_id)},
        author="human",
        conversation_id=change["conversation_id"],
        run_id=run_id,
    )


def _undoable(found: Row) -> Undoable:
    states: dict[str | None, Literal["open", "asked", "done", "refused"]] = {
        None: "open", "pending": "asked", "sending": "asked", "done": "done", "failed": "refused", "cancelled": "refused",
        "unknown": "refused",
    }  # fmt: skip
    result = found["result"]
    state = states[found["undo_state"]]
    reason = found["undo_error"] or (found["undo_result"] or {}).get("stays") or ""
    return Undoable(found["id"], found["effect"], result["before"], result["after"], state, reason)


def _nothing_open(found: list[Row]) -> str:
    if not found:
        return "This run changed nothing in the CRM that could be undone."
    return "This run was undone already. What could not be taken back says why."


# What is done and has its after; what was only tried has none and changed nothing for certain.
_CHANGES = """
    SELECT o.id, o.effect, o.result, o.order_key, o.conversation_id, u.state AS undo_state, u.error AS undo_error, u.result AS undo_result,
           t.ghl_contact_id
    FROM outbox o
    LEFT JOIN outbox u ON u.workspace_id = o.workspace_id AND u.idempotency_key = 'undo:' || o.id AND u.effect->>'kind' = %(undo)s
    LEFT JOIN contacts t ON o.order_key = 'crm:' || t.id
    WHERE o.run_id = %(run)s AND o.state = 'done' AND o.effect->>'kind' = ANY(%(kinds)s) AND o.result ? 'after'
    ORDER BY o.seq DESC
"""
_CHANGE = """
    SELECT o.id, o.effect, o.result, o.order_key, t.ghl_contact_id
    FROM outbox o LEFT JOIN contacts t ON o.order_key = 'crm:' || t.id WHERE o.id = %(id)s
"""
