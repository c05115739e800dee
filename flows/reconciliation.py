"""Find out what became of effects that nobody knows of: a worker died while sending, or an answer never came."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import deliveries, live, messages
from db.engine import Row, system, transaction
from db.outbox import OutboxRow
from flows import crm_sync
from flows.accounts import Accounts, KnownAccount
from flows.delivery import back_to_pending, outgoing
from nodes.clients import registry as clients
from nodes.clients.channel import Absent, Found
from nodes.effects import REPEATABLE
from nodes.errors import ClientError

log = logging.getLogger(__name__)

UNKNOWN = (
    "Nobody knows whether this message left: the program stopped while it was being sent. The provider is being asked."
)


@dataclass(frozen=True)
class Reconciliation:
    """Finds out what became of effects that nobody knows of: a worker died while sending, or an answer never came."""

    accounts: Accounts
    after_seconds: float

    def take_over_expired(self, limit: int = 100) -> int:
        """Effects whose worker died: what may be repeated is due again, a message becomes unknown."""
        with system() as tx:
            rows = deliveries.expired(tx, limit)
            for row in rows:
                again = row.effect["kind"] in REPEATABLE or row.is_crm or self._repeatable(tx, row)
                deliveries.give_up_lease(
                    tx, row, "pending" if again else "unknown", "The worker died while it sent this."
                )
                if again:
                    back_to_pending(tx, row)
                elif row.message_id is not None:
                    messages.advance_state(tx, row.message_id, "unknown", error_code="outcome_unknown", error=UNKNOWN)
            live.ring(tx, "outbox")
        return len(rows)

    def _repeatable(self, tx: Session, row: OutboxRow) -> bool:
        if row.connection_id is None:
            return bool(row.effect["kind"] != "send_request")  # the other system may have done it already
        return clients.client(self.accounts.get(tx, row.connection_id).account.kind).repeatable

    def ask(self, limit: int = 20) -> int:
        """Ask the providers about unknown messages that are old enough; returns how many were cleared up."""
        with system() as tx:
            rows = deliveries.to_reconcile(tx, self.after_seconds, limit)
            places = deliveries.pens(tx, [row.conversation_id for row in rows if row.conversation_id])
            known = {row.id: self.accounts.get(tx, row.connection_id) for row in rows if row.connection_id}
        return sum(
            self._ask_about(row, known[row.id], places)
            for row in rows
            if row.id in known and row.conversation_id in places
        )

    def _ask_about(self, row: OutboxRow, known: KnownAccount, places: Mapping[UUID, Row]) -> bool:
        assert row.conversation_id is not None
        with transaction(row.workspace_id) as tx:
            ours = messages.provider_ids(tx, row.conversation_id)
        place = places[row.conversation_id]
        message = outgoing(row, known, place["channel"], place["address"])
        try:
            answer = clients.client(known.account.kind).reconcile(known.account, message, row.sending_since, ours)
        except ClientError as error:
            log.warning("The provider could not be asked", extra={"action": "reconcile.later", "reason": error.reason})
            return False
        with transaction(row.workspace_id) as tx:
            match answer:
                case Found():
                    return self._found(tx, row, answer)
                case Absent():
                    return self._absent(tx, row)
                case _:
                    return False

    def _found(self, tx: Session, row: OutboxRow, answer: Found) -> bool:
        state: Any = "failed" if answer.state == "failed" else "done"
        if not deliveries.settle_known(tx, row.id, state, answer.provider_message_id):
            return False
        if row.message_id is not None:
            messages.advance_state(tx, row.message_id, answer.state, provider_message_id=answer.provider_message_id)
            crm_sync.moved(tx, row.workspace_id, row.message_id, answer.state)
        log.info(
            "An unknown message was found at the provider", extra={"action": "reconcile.found", "outbox": str(row.id)}
        )
        return True

    def _absent(self, tx: Session, row: OutboxRow) -> bool:
        if not deliveries.send_again(tx, row.id):
            return False
        back_to_pending(tx, row)
        live.ring(tx, "outbox")
        log.info(
            "An unknown message never arrived and is sent again",
            extra={"action": "reconcile.absent", "outbox": str(row.id)},
        )
        return True
