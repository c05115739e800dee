"""Effects on the CRM are performed here: written there, in step with our own contact, and kept so that they can be undone.

Where no CRM is connected, fields and tags are changed on our own contact, and everything else fails with a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import contacts, crm_contacts, effect_results, live
from db.engine import transaction
from db.outbox import CRM_ORDER, OutboxRow
from flows import crm, crm_booking, crm_fields, crm_writes
from flows.crm_link import crm_contact_id, gone_there
from flows.crm_writes import Change, Desk
from flows.done import Done
from nodes.effects import CRM_KINDS, EFFECT_KINDS, BookAppointment, ChangeTags, Effect, UpdateContact
from nodes.errors import Rejected, Throttled

KINDS = CRM_KINDS
PAUSED_RETRY_SECONDS = 60.0
NO_CRM = "No CRM is connected, so this could not be done there. Connect GoHighLevel on the page CRM."


def perform(row: OutboxRow) -> Done:
    """Perform one effect. Raises the errors of nodes.errors."""
    effect = EFFECT_KINDS[row.effect["kind"]].model_validate(row.effect)
    contact_id = UUID(row.order_key.removeprefix(CRM_ORDER))
    standing = crm.standing(row.workspace_id)
    if standing.state == "paused":
        raise Throttled(f"The connection is paused: {standing.reason}", PAUSED_RETRY_SECONDS)
    if standing.crm is None:
        return _here_alone(row, effect, contact_id)
    there = crm_contact_id(standing.crm, row.workspace_id, contact_id)
    desk = Desk(standing.crm, row.workspace_id, row.id, contact_id, there)
    try:
        change = crm_writes.write(desk, effect)
    except Rejected as refused:
        if isinstance(effect, BookAppointment) and refused.code == "slot_taken":
            return Done(
                refused=crm_booking.TAKEN, refused_code=refused.code, also=partial(crm_booking.taken, row, effect)
            )
        raise gone_there(refused, row.workspace_id, contact_id, there) from refused
    return Done(change.id or None, also=partial(_settled, row, effect, contact_id, change, False))


def _settled(row: OutboxRow, effect: Effect, contact_id: UUID, change: Change, alone: bool, tx: Session) -> None:
    """What belongs to the settlement, in its transaction."""
    effect_results.keep(tx, row.id, _result(change, alone))
    keep_step(tx, contact_id, effect.kind, change.after, alone=alone)
    if isinstance(effect, BookAppointment):
        crm_booking.booked(row, effect, tx)
    live.publish(tx, row.workspace_id, "run", run=row.run_id)


def _result(change: Change, alone: bool) -> dict[str, Any]:
    return {"before": change.before, "after": change.after, "id": change.id} | ({"alone": True} if alone else {})


def keep_step(tx: Session, contact_id: UUID, kind: str, after: Any, *, alone: bool) -> None:
    """Our own contact follows what was written; what else is known from the CRM is read anew at the next use."""
    if kind == "update_contact":
        crm_fields.write_here(tx, contact_id, after, alone=alone)
    elif kind == "change_tags" and alone:
        crm_fields.patch_crm(tx, contact_id, {"tags": after})
    elif kind == "change_tags":
        crm_contacts.set_tags(tx, contact_id, after)  # as told: the event of it from the CRM is no news
    if not alone:
        crm_contacts.drop(tx, contact_id)


def _here_alone(row: OutboxRow, effect: Effect, contact_id: UUID) -> Done:
    with transaction(row.workspace_id) as tx:
        contact = contacts.get(tx, contact_id)
    if contact is None:
        raise Rejected("no_contact", "The contact does not exist here any more.")
    match effect:
        case UpdateContact():
            after: Any = crm_fields.tidy(effect.fields, "")
            before: Any = crm_fields.read_here(contact, after)
        case ChangeTags():
            before = crm_fields.tags_here(contact)
            after = retagged(before, effect)
        case _:
            raise Rejected("no_crm", NO_CRM)
    return Done(also=partial(_settled, row, effect, contact_id, Change(before, after), True))


def retagged(before: list[str], effect: ChangeTags) -> list[str]:
    """The tags with those of the effect given and taken; case does not count."""
    lost = {tag.lower() for tag in effect.remove}
    tidy: Mapping[str, str] = {tag.lower(): tag for tag in reversed([*before, *effect.add])}
    return [tidy[key] for key in dict.fromkeys(tag.lower() for tag in [*before, *effect.add]) if key not in lost]
