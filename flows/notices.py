"""Tell colleagues: a mail to the agents, or a notice on their pages."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from db import live
from db.engine import one, rows, transaction
from db.outbox import OutboxRow
from flows.accounts import Accounts
from nodes.clients import email_smtp
from nodes.effects import NotifyPeople
from nodes.errors import Rejected


def notify(row: OutboxRow, accounts: Accounts) -> str:
    """Perform a notice; returns its message id. Raises the errors of nodes.errors."""
    notice = NotifyPeople.model_validate(row.effect)
    message_id = f"<{row.id}@frontdesk>"
    if notice.via == "page":
        with transaction(row.workspace_id) as tx:
            live.publish(
                tx, row.workspace_id, "notice", subject=notice.subject[:200], conversation=row.conversation_id or ""
            )
        return message_id
    with transaction(row.workspace_id) as tx:
        mailbox = row.connection_id or _mailbox(tx)
        account = accounts.get(tx, mailbox).account
        to = list(notice.to) or _colleagues(tx)
    if not to:
        raise Rejected("nobody", "There is nobody to notify. Add a member with the role agent or admin.")
    email_smtp.send(account, to, notice.subject, notice.text, message_id)
    return message_id


def _mailbox(tx: Session) -> UUID:
    found = one(tx, "SELECT id FROM connections WHERE kind = 'email_smtp' ORDER BY is_default DESC LIMIT 1")
    if found is None:
        raise Rejected("no_mailbox", "No mail server is connected. Connect one under Settings, or set SMTP_URL.")
    mailbox: UUID = found["id"]
    return mailbox


def _colleagues(tx: Session) -> list[str]:
    """Agents and admins, without addresses of the reserved domains that the demo's people have: nobody reads those."""
    found = rows(
        tx,
        """SELECT u.email FROM users u JOIN memberships m ON m.user_id = u.id
           WHERE m.role IN ('agent', 'admin') AND u.email !~ '[@.]example[.](com|net|org)$' ORDER BY u.email""",
    )
    return [r["email"] for r in found]
