"""The only door out: claim what may leave, perform it with no transaction open, settle what became of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import connections, deliveries, limits, live, messages
from db.engine import Row, run, system, transaction
from db.outbox import OutboxRow
from db.settings import get_settings
from flows import crm, crm_effects, crm_sync, crm_trouble, free_text, undo
from flows.accounts import Accounts, KnownAccount
from flows.crash_points import crash_point
from flows.done import Done
from flows.last_form import last_form, template_of
from flows.notices import notify
from flows.web_reader import send
from nodes.clients import registry as clients
from nodes.clients.channel import Channel, IncomingMedia, OutgoingMessage
from nodes.effects import REPEATABLE
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected, Throttled

log = logging.getLogger(__name__)

PAUSED_RETRY_SECONDS = 60.0


@dataclass(frozen=True)
class Ready:
    """A claimed effect that may leave, and where to."""

    row: OutboxRow
    channel: Channel | None = None
    address: str = ""


@dataclass(frozen=True)
class Delivery:
    """Performs effects for one worker. `owner` is the worker's name in the leases."""

    owner: str
    lease_seconds: float
    accounts: Accounts = field(default_factory=Accounts)

    def claim(self, limit: int) -> list[Ready]:
        """Lease what may leave now; what may not leave any more is cancelled in the same transaction."""
        while True:
            with system() as tx:
                rows = deliveries.claim(tx, self.owner, self.lease_seconds, limit)
                pens = deliveries.pens(tx, [row.conversation_id for row in rows if row.conversation_id])
                ready = [ready for row in rows if (ready := self._judge(tx, row, pens)) is not None]
                _mark_sending(tx, ready)
            if ready or not rows:
                break
        crash_point("claim")
        return ready

    def _judge(self, tx: Session, row: OutboxRow, pens: Mapping[UUID, Row]) -> Ready | None:
        if row.conversation_id is None or row.effect["kind"] != "send_message":
            return Ready(row)
        pen = pens[row.conversation_id]
        refused = _not_any_more(row, pen)
        if refused:
            self._settle(tx, row, "cancelled", error_code="not_sent", error=refused)
            return None
        leaving = last_form(tx, row, pen, datetime.now(UTC))
        if leaving is None:
            self._settle(tx, row, "failed", error_code="window_closed", error=free_text.CLOSED)
            return None
        return Ready(leaving, pen["channel"], pen["address"])

    def perform(self, ready: Ready) -> None:
        """Do one effect and settle it. Never raises for what a provider does."""
        row = ready.row
        try:
            done = self._do(ready)
        except Throttled as busy:
            self._put_off(row, busy.retry_after_seconds, busy.reason, counted=False)
        except NotSent as trouble:
            self._not_sent(row, trouble.reason)
        except AuthFailed as refused:
            self._pause(row, refused.reason)
        except Rejected as refused:
            self._end(row, "failed", error_code=refused.code, error=refused.reason)
        except OutcomeUnknown as unknown:
            self._unknown(row, unknown.reason)
        except ClientError as error:
            self._end(row, "failed", error_code="not_possible", error=error.reason)
        else:
            crash_point("settle")
            self._end(
                row,
                "failed" if done.refused else "done",
                provider_message_id=done.provider_message_id,
                message_state=done.message_state,
                error_code=done.refused_code,
                error=done.refused,
                also=done.also,
            )

    def release(self, not_begun: Sequence[Ready]) -> int:
        """Put back in line what was claimed and certainly not begun, when the worker stops."""
        with system() as tx:
            released = deliveries.release(tx, self.owner, [ready.row.id for ready in not_begun])
            for ready in not_begun:
                back_to_pending(tx, ready.row)
        return released

    def _do(self, ready: Ready) -> Done:
        crash_point("perform")
        if ready.row.effect["kind"] == "notify_people":
            return Done(notify(ready.row, self.accounts), "sent")
        if ready.row.effect["kind"] in _CRM:
            return _change_crm(ready.row)
        if ready.row.effect["kind"] == "send_request":
            return send(ready.row)
        known = self._account(ready)
        client = clients.client(known.account.kind)
        sent = client.send(known.account, outgoing(ready.row, known, ready.channel, ready.address))
        return Done(sent.provider_message_id, sent.state)

    def _account(self, ready: Ready) -> KnownAccount:
        row = ready.row
        assert row.connection_id is not None
        known = self.accounts.of(row.workspace_id, row.connection_id)
        if not known.active:
            raise Throttled(f"The connection is paused: {known.reason}", PAUSED_RETRY_SECONDS)
        if ready.channel == "whatsapp":
            _keep_the_limit(row)
        return known

    def _not_sent(self, row: OutboxRow, reason: str) -> None:
        pause = row.pause_seconds()
        if pause is None:
            self._end(row, "failed", error_code="not_sent", error=f"{reason} It was tried {row.attempts} times.")
            return
        log.warning(
            "An effect is tried again", extra={"action": "delivery.retry", "outbox": str(row.id), "reason": reason}
        )
        self._put_off(row, pause, reason, counted=True)

    def _pause(self, row: OutboxRow, reason: str) -> None:
        with transaction(row.workspace_id) as tx:
            refused = row.connection_id or _crm_connection(tx, row)
            log.error("A connection is paused", extra={"action": "connection.paused", "connection": str(refused)})
            if refused is not None:
                connections.pause(tx, refused, reason)
                self.accounts.forget(refused)
                crm.forget(row.workspace_id)
                live.publish(tx, row.workspace_id, "connection", connection=refused)
            deliveries.put_off(tx, row.id, self.owner, PAUSED_RETRY_SECONDS, reason, counted=False)
            back_to_pending(tx, row)

    def _put_off(self, row: OutboxRow, seconds: float, reason: str, *, counted: bool) -> None:
        with transaction(row.workspace_id) as tx:
            if deliveries.put_off(tx, row.id, self.owner, seconds, reason, counted=counted):
                back_to_pending(tx, row)

    def _unknown(self, row: OutboxRow, reason: str) -> None:
        if row.effect["kind"] in REPEATABLE or row.is_crm:
            self._not_sent(row, reason)
            return
        log.error("Nobody knows whether a message left", extra={"action": "delivery.unknown", "outbox": str(row.id)})
        self._end(row, "unknown", error_code="outcome_unknown", error=reason)

    def _end(self, row: OutboxRow, state: str, **told: Any) -> None:
        # Not durable by itself: where it is lost, the effect is `sending`, becomes unknown, and the provider is asked.
        with transaction(row.workspace_id, durable=False) as tx:
            self._settle(tx, row, state, **told)

    def _settle(
        self,
        tx: Session,
        row: OutboxRow,
        state: Any,
        *,
        provider_message_id: str | None = None,
        message_state: str = "",
        error_code: str = "",
        error: str = "",
        also: Callable[[Session], object] | None = None,
    ) -> None:
        told: dict[str, Any] = {
            "provider_message_id": provider_message_id,
            "error_code": error_code,
            "error": error,
        }
        if row.message_id is None:
            held = deliveries.settle(tx, row.id, self.owner, state, **told)
        else:
            held = deliveries.settle_message(tx, row, self.owner, state, message_state or state, **told)
        if not held:
            if state != "done":
                return  # the lease was lost: whoever has it now decides
            # What the provider accepted is true all the same.
            deliveries.settle_known(tx, row.id, "done", provider_message_id)
            if row.message_id is not None:
                messages.advance_state(tx, row.message_id, message_state or state, **told)
        if also is not None:
            also(tx)
        if row.message_id is not None:
            crm_sync.moved(tx, row.workspace_id, row.message_id, message_state or state, error)


def _crm_connection(tx: Session, row: OutboxRow) -> UUID | None:
    chosen = connections.default(tx, crm.KIND) if row.is_crm else None
    return chosen.id if chosen else None


def _change_crm(row: OutboxRow) -> Done:
    if row.is_crm:
        crm_trouble.wait_while_paused(row.workspace_id)
    with crm_trouble.told_apart(row.workspace_id):
        return _CRM[row.effect["kind"]](row)


_CRM: Mapping[str, Callable[[OutboxRow], Done]] = {
    **dict.fromkeys(crm_sync.KINDS, crm_sync.perform),
    **dict.fromkeys(crm_effects.KINDS, crm_effects.perform),
    undo.KIND: undo.perform,
}


def _keep_the_limit(row: OutboxRow) -> None:
    per_minute = get_settings().limit_whatsapp_per_minute
    if not per_minute:
        return
    with transaction(row.workspace_id) as tx:
        wait = limits.take(tx, f"whatsapp:{row.connection_id}", per_minute, 60, datetime.now(UTC))
    if wait:
        raise Throttled(f"The limit of {per_minute} WhatsApp messages per minute of this number is reached.", wait)


def outgoing(row: OutboxRow, known: KnownAccount, channel: Channel | None, address: str) -> OutgoingMessage:
    """The message of an effect as a client takes it."""
    assert channel is not None
    public = get_settings().public_url
    callback = f"{str(public).rstrip('/')}/webhook/{known.account.kind}/{known.account.id}/status" if public else ""
    media = tuple(
        IncomingMedia(item["url"], item.get("content_type", ""), item.get("name", ""))
        for item in row.effect.get("media", ())
    )
    chosen = template_of(row) if channel == "whatsapp" else None
    return OutgoingMessage(row.id, channel, address, row.effect["text"], media, callback, chosen)


def _not_any_more(row: OutboxRow, pen: Row) -> str:
    """Why an automatic message may not leave now, or ''. A person may always write."""
    if row.author == "human":
        return ""
    if pen["opted_out_at"] is not None:
        return "Not sent: the contact asked for no more automatic messages."
    if row.run_id is not None and pen["handed_over_by"] == row.run_id:
        return ""  # the last words of the run that asked for a person; a take-over clears the mark
    if row.epoch is not None and row.epoch != pen["owner_epoch"]:
        return "Not sent: the conversation changed hands after this was written."
    if row.author == "ai" and pen["owner"] != "ai":
        return "Not sent: a person has this conversation."
    if row.author == "ai" and not pen["ai_enabled"]:
        return "Not sent: the AI is switched off in this conversation."
    return ""


def _mark_sending(tx: Session, ready: Sequence[Ready]) -> None:
    ids = [item.row.message_id for item in ready if item.row.message_id]
    if ids:
        run(tx, "UPDATE messages SET state = 'sending' WHERE id = ANY(%(ids)s) AND state = 'pending'", ids=ids)


def back_to_pending(tx: Session, row: OutboxRow) -> None:
    """The one step back a message may take: it certainly has not left."""
    if row.message_id is not None:
        run(
            tx,
            "UPDATE messages SET state = 'pending', error = '', error_code = '' WHERE id = %(id)s AND state IN ('sending', 'unknown')",
            id=row.message_id,
        )
        if row.conversation_id is not None:
            live.publish(tx, row.workspace_id, "message", conversation=row.conversation_id, message=row.message_id)
