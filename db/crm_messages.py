"""Which message of the CRM is which of ours, and the copies, statuses and blocks that wait to be written there.

A message that is named in here is never copied: that is what keeps an echo from coming back. Rows in line are made by one
statement each, which also decides whether there is anything to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlmodel import Session

from db.engine import one, run
from db.live import ring

COPY, STATUS, BLOCK, CONTACT, PULL = "copy_to_crm", "crm_status", "crm_block", "copy_contact", "pull_contact"
SEEN = "seen_in_crm"  # mark of a message that the CRM sent by itself and that is only shown here
PIECE = "#"  # further pieces of one long message that was typed in the CRM: <its id>#2


def claim_typed(tx: Session, workspace: UUID, crm_message_id: str) -> bool:
    """Take a message that was typed in the CRM; False = it was taken before, or is a copy of one of ours.

    Where the CRM's event of it came first and it is only shown, that line makes way for the message itself.
    """
    run(
        tx,
        """DELETE FROM messages m USING crm_messages x
           WHERE x.crm_message_id = %(id)s AND m.id = x.message_id AND m.metadata ? %(seen)s""",
        id=crm_message_id,
        seen=SEEN,
    )
    return bool(
        run(
            tx,
            """INSERT INTO crm_messages (workspace_id, crm_message_id, typed_there) VALUES (%(workspace)s, %(id)s, true)
               ON CONFLICT DO NOTHING""",
            workspace=workspace,
            id=crm_message_id,
        )
    )


def name_typed(tx: Session, workspace: UUID, crm_message_id: str, message_id: UUID) -> None:
    """The message that a claimed one became here."""
    run(
        tx,
        """INSERT INTO crm_messages (workspace_id, crm_message_id, message_id, typed_there)
           VALUES (%(workspace)s, %(id)s, %(message)s, true)
           ON CONFLICT (workspace_id, crm_message_id) DO UPDATE SET message_id = EXCLUDED.message_id""",
        workspace=workspace,
        id=crm_message_id,
        message=message_id,
    )


def is_known(tx: Session, crm_message_id: str) -> bool:
    return one(tx, "SELECT FROM crm_messages WHERE crm_message_id = %(id)s", id=crm_message_id) is not None


def link(tx: Session, workspace: UUID, crm_message_id: str, message_id: UUID) -> None:
    """This message of the CRM and this one of ours are one. Said twice, the first stays."""
    run(
        tx,
        """INSERT INTO crm_messages (workspace_id, crm_message_id, message_id)
           SELECT %(workspace)s, %(id)s, %(message)s
           WHERE NOT EXISTS (SELECT FROM crm_messages WHERE message_id = %(message)s)
           ON CONFLICT (workspace_id, crm_message_id)
           DO UPDATE SET message_id = coalesce(crm_messages.message_id, EXCLUDED.message_id)""",
        workspace=workspace,
        id=crm_message_id,
        message=message_id,
    )


def copy_of(tx: Session, message_id: UUID) -> str | None:
    """The id that a message of ours has in the CRM."""
    found = one(tx, "SELECT crm_message_id FROM crm_messages WHERE message_id = %(id)s", id=message_id)
    return str(found["crm_message_id"]) if found else None


def copy_later(tx: Session, message_id: UUID, connection_id: UUID) -> bool:
    """Put the copy of a message in line, in the order of its contact; not where the CRM has it or its conversation is not
    copied. False = nothing to do."""
    return _in_line(
        tx,
        """SELECT m.workspace_id, 'copy:' || m.id, 'crm:' || c.contact_id, c.id, %(connection)s, 'system',
                  jsonb_build_object('kind', %(kind)s::text, 'message', m.id)
           FROM messages m JOIN conversations c ON c.id = m.conversation_id
           WHERE m.id = %(message)s AND c.ghl_sync AND m.direction <> 'note'
             AND NOT EXISTS (SELECT FROM crm_messages x WHERE x.message_id = m.id)""",
        kind=COPY,
        message=message_id,
        connection=connection_id,
    )


def status_later(tx: Session, message_id: UUID, status: str, error: str, connection_id: UUID) -> bool:
    """Put the news of a message that was typed in the CRM in line. False = it was typed elsewhere."""
    return _in_line(
        tx,
        """SELECT x.workspace_id, 'status:' || m.id || ':' || %(status)s::text, 'crm:status:' || m.id, m.conversation_id,
                  %(connection)s, 'system', jsonb_build_object('kind', %(kind)s::text, 'crm_message', x.crm_message_id,
                  'status', %(status)s::text, 'error', %(error)s::text)
           FROM crm_messages x JOIN messages m ON m.id = x.message_id
           WHERE x.message_id = %(message)s AND x.typed_there AND position(%(piece)s in x.crm_message_id) = 0""",
        kind=STATUS,
        message=message_id,
        status=status,
        error=error[:300],
        piece=PIECE,
        connection=connection_id,
    )


def refuse_later(tx: Session, workspace: UUID, crm_message_id: str, error: str, connection_id: UUID) -> bool:
    """Put in line that a message which was typed in the CRM cannot be sent."""
    return _in_line(
        tx,
        """VALUES (%(workspace)s::uuid, 'status:' || %(id)s::text, 'crm:status:' || %(id)s::text, NULL::uuid,
                   %(connection)s::uuid, 'system', %(effect)s::jsonb)""",
        workspace=workspace,
        id=crm_message_id,
        connection=connection_id,
        effect=Jsonb({"kind": STATUS, "crm_message": crm_message_id, "status": "failed", "error": error}),
    )


def contact_later(tx: Session, contact_id: UUID, kind: str, key: str, connection_id: UUID, **told: object) -> bool:
    """Put a change of a contact in line: BLOCK (channel, on) or CONTACT."""
    return _in_line(
        tx,
        """SELECT t.workspace_id, %(key)s, 'crm:' || t.id, NULL::uuid, %(connection)s, 'system', %(effect)s::jsonb
           FROM contacts t WHERE t.id = %(contact)s""",
        key=key,
        contact=contact_id,
        connection=connection_id,
        effect=Jsonb({"kind": kind, "contact": str(contact_id), **told}),
    )


def pull_later(
    tx: Session,
    workspace: UUID,
    crm_contact_id: str,
    event_id: UUID,
    name: str,
    data: Mapping[str, Any],
    connection_id: UUID,
) -> bool:
    """Put in line that the CRM is asked for a contact that it told of and that nobody here knows."""
    return _in_line(
        tx,
        """VALUES (%(workspace)s::uuid, 'pull:' || %(event)s::text, 'crm:pull:' || %(contact)s::text, NULL::uuid,
                   %(connection)s::uuid, 'system', %(effect)s::jsonb)""",
        workspace=workspace,
        event=str(event_id),
        contact=crm_contact_id,
        connection=connection_id,
        effect=Jsonb(
            {"kind": PULL, "crm_contact": crm_contact_id, "event": str(event_id), "name": name, "data": dict(data)}
        ),
    )


def has_open(tx: Session, contact_id: UUID, kind: str) -> bool:
    """Whether an effect of this kind waits for the contact, or is being written right now."""
    return (
        one(
            tx,
            """SELECT FROM outbox WHERE order_key = %(key)s AND state IN ('pending', 'sending') AND effect ->> 'kind' = %(kind)s
               LIMIT 1""",
            key=f"crm:{contact_id}",
            kind=kind,
        )
        is not None
    )


def _in_line(tx: Session, select: str, **values: object) -> bool:
    lined = run(
        tx,
        f"""INSERT INTO outbox (workspace_id, idempotency_key, order_key, conversation_id, connection_id, author, effect)
            {select} ON CONFLICT (workspace_id, idempotency_key) DO NOTHING""",
        **values,
    )
    if lined:
        ring(tx, "outbox")
    return bool(lined)
