from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import ProgrammingError

from db import audit
from db.engine import system, transaction


def test_lines_come_newest_first_and_a_workspace_reads_its_own(workspace: UUID, other_workspace: UUID) -> None:
    subject = uuid4()
    with transaction(workspace) as tx:
        audit.record(tx, workspace, "user:1", "handoff.assigned", f"conversation:{subject}", to=subject, times=2)
        audit.record(tx, workspace, "user:1", "handoff.resolved")
    with transaction(other_workspace) as tx:
        audit.record(tx, other_workspace, "system", "elsewhere")
        assert [line.action for line in audit.recent(tx)] == ["elsewhere"]
    with transaction(workspace) as tx:
        newest, older = audit.recent(tx)
        assert (newest.action, older.action) == ("handoff.resolved", "handoff.assigned")
        assert older.detail == {"to": str(subject), "times": 2}
        assert audit.recent(tx, before=newest.id) == [older]


def test_before_a_workspace_is_known_only_the_system_writes(workspace: UUID) -> None:
    with system() as tx:
        audit.record(tx, None, "address:203.0.113.9", "webhook.refused", reason="signature")
        assert [line.workspace_id for line in audit.recent(tx)] == [None]
    with pytest.raises(ProgrammingError, match="row-level security"), transaction(workspace) as tx:
        audit.record(tx, None, "user:1", "x")
    with transaction(workspace) as tx:
        assert audit.recent(tx) == []
