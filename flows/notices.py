"""Tell colleagues: a mail to the agents, an SMS, a message to a team chat, or a notice on their pages."""

from __future__ import annotations

import json
from urllib.parse import urlsplit
from uuid import UUID

from sqlmodel import Session

from db import contacts, effect_results, live
from db.engine import one, rows, transaction
from db.outbox import OutboxRow
from flows.accounts import Accounts
from flows.web_reader import caller
from nodes.clients import email_smtp
from nodes.clients import registry as clients
from nodes.clients.channel import OutgoingMessage
from nodes.clients.http import retry_after_seconds
from nodes.effects import NotifyPeople
from nodes.errors import NotSent, Rejected, Throttled

LONGEST_SMS = 480  # characters: three parts, for a text that somebody glances at


def notify(row: OutboxRow, accounts: Accounts) -> str:
    """Perform a notice; returns its message id. Raises the errors of nodes.errors."""
    notice = NotifyPeople.model_validate(row.effect)
    message_id = f"<{row.id}@frontdesk>"
    match notice.via:
        case "page":
            _show(row, notice)
        case "email":
            _mail(row, notice, accounts, message_id)
        case "sms":
            return _text(row, notice, accounts)
        case "webhook":
            _post(notice)
    return message_id


def _show(row: OutboxRow, notice: NotifyPeople) -> None:
    with transaction(row.workspace_id) as tx:
        live.publish(
            tx, row.workspace_id, "notice", subject=notice.subject[:200], conversation=row.conversation_id or ""
        )


def _mail(row: OutboxRow, notice: NotifyPeople, accounts: Accounts, message_id: str) -> None:
    with transaction(row.workspace_id) as tx:
        mailbox = row.connection_id or _mailbox(tx)
        account = accounts.get(tx, mailbox).account
        to = list(notice.to) or _colleagues(tx)
    if not to:
        raise Rejected("nobody", "There is nobody to notify. Add a member with the role agent or admin.")
    email_smtp.send(account, to, notice.subject, notice.text, message_id)


def _text(row: OutboxRow, notice: NotifyPeople, accounts: Accounts) -> str:
    """An SMS to each number. Who has it already is kept, so that a second try does not tell them twice."""
    with transaction(row.workspace_id) as tx:
        account = accounts.get(tx, row.connection_id or _texter(tx)).account
        told: dict[str, str] = dict((effect_results.result_of(tx, row.id) or {}).get("told") or {})
    text = f"{notice.subject}: {notice.text}"
    short = text if len(text) <= LONGEST_SMS else f"{text[: LONGEST_SMS - 1].rstrip()}…"
    for number in notice.to:
        to = contacts.normalise_phone(number)
        if to is None:
            raise Rejected(
                "bad_phone", f"'{number}' is no phone number with a country code. Correct it in the automation."
            )
        if to in told:
            continue
        sent = clients.client(account.kind).send(account, OutgoingMessage(row.id, "sms", to, short))
        told[to] = sent.provider_message_id or ""
        with transaction(row.workspace_id) as tx:
            effect_results.keep(tx, row.id, {"told": told})
    if not told:
        raise Rejected("nobody", "The notice has no phone number to go to. Add one in the automation.")
    return next(reversed(told.values()))


def _post(notice: NotifyPeople) -> None:
    """To an incoming webhook, as Slack, Teams, Mattermost and Google Chat take it ({"text"}), or Discord ({"content"})."""
    [address] = notice.to or ("",)
    field = "content" if (urlsplit(address).hostname or "").endswith("discord.com") else "text"
    body = json.dumps({field: f"*{notice.subject}*\n{notice.text}"}, ensure_ascii=False).encode()
    answer = caller(None).call("POST", address, {"Content-Type": "application/json"}, body)
    if answer.status == 429:
        raise Throttled("The team chat asks to wait.", retry_after_seconds(answer.headers))
    if answer.status >= 500:
        raise NotSent(f"The team chat answered {answer.status}.")
    if answer.status >= 300:
        raise Rejected(
            f"http_{answer.status}",
            f"The team chat refused the notice ({answer.status}). Check the address of its webhook.",
        )


def _mailbox(tx: Session) -> UUID:
    found = one(tx, "SELECT id FROM connections WHERE kind = 'email_smtp' ORDER BY is_default DESC LIMIT 1")
    if found is None:
        raise Rejected("no_mailbox", "No mail server is connected. Connect one under Settings, or set SMTP_URL.")
    mailbox: UUID = found["id"]
    return mailbox


def _texter(tx: Session) -> UUID:
    found = one(tx, "SELECT id FROM connections WHERE kind = 'twilio' ORDER BY is_default DESC LIMIT 1")
    if found is None:
        raise Rejected("no_sms", "No account for SMS is connected. Connect Twilio under Settings.")
    texter: UUID = found["id"]
    return texter


def _colleagues(tx: Session) -> list[str]:
    """Agents and admins, without addresses of the reserved domains that the demo's people have: nobody reads those."""
    found = rows(
        tx,
        """SELECT u.email FROM users u JOIN memberships m ON m.user_id = u.id
           WHERE m.role IN ('agent', 'admin') AND u.email !~ '[@.]example[.](com|net|org)$' ORDER BY u.email""",
    )
    return [r["email"] for r in found]
