from uuid import UUID

from db.engine import one, system
from tests.db.builders import (
    a_connection,
    a_contact,
    a_conversation,
    a_handoff,
    a_message,
    a_run,
    a_source,
    a_step,
    a_user,
    an_automation,
    an_event,
    an_outbox_row,
)


def test_every_builder_makes_a_row_that_the_schema_takes(workspace: UUID) -> None:
    with system() as tx:
        a_user(tx, workspace, "admin")
        contact = a_contact(tx, workspace, [("phone", "+14155550100")], phone="+14155550100")
        conversation = a_conversation(tx, workspace, contact, a_connection(tx, workspace, "twilio"), channel="sms")
        a_message(tx, workspace, conversation)
        a_handoff(tx, workspace, conversation)
        an_event(tx, workspace)
        run_id = a_run(tx, workspace, an_automation(tx, workspace), conversation)
        a_step(tx, workspace, run_id, "reply", effects=[{"kind": "send_message"}])
        an_outbox_row(tx, workspace, conversation, run_id=run_id)
        a_source(tx, workspace)
    with system() as tx:
        row = one(tx, "SELECT count(*) AS n FROM messages WHERE workspace_id = %(w)s", w=workspace)
        assert row is not None and row["n"] == 1
