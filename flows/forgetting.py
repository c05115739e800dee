"""A person asks to be forgotten, or a business decides so: pages and REST call this."""

from __future__ import annotations

from uuid import UUID

from db import audit, forgetting
from db.engine import system, transaction
from db.forgetting import ContactBusy, Forgotten
from flows.actions import ActionRefused

ACTION = "contact.forgotten"  # the audit row; `flow_runs` in its detail are what the clean-up then deletes in Prefect


def forget_contact(workspace: UUID, contact: UUID, actor: str) -> Forgotten:
    """Remove a contact and everything personal, for good; the CRM and the providers keep what they have.

    Raises ActionRefused where there is no such contact, and while something of the contact is being sent or answered.
    """
    try:
        with transaction(workspace) as tx:
            done = forgetting.forget(tx, workspace, contact)
            if done is None:
                raise ActionRefused("This contact does not exist in this workspace.")
            audit.record(
                tx, workspace, actor, ACTION, f"contact:{contact}",
                conversations=done.conversations, messages=done.messages, runs=done.runs, arrivals=done.arrivals,
                effects=done.effects, flow_runs=[str(flow_run) for flow_run in done.flow_runs],
            )  # fmt: skip
    except ContactBusy as busy:
        raise ActionRefused(str(busy)) from busy
    with system() as tx:
        forgetting.counters(tx, done.addresses)
    return done
