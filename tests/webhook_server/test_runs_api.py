"""Runs and approvals over REST: the same rules as on the pages, and whoever is refused is told why and which field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.engine import one, rows, run, system, transaction
from tests.db.builders import (
    a_contact,
    a_conversation,
    a_message,
    a_run,
    a_step,
    a_user,
    a_workspace,
    an_automation,
)
from tests.webhook_server.conftest import Site

NOW = datetime.now(UTC)


@pytest.fixture
def automation(site: Site) -> UUID:
    with transaction(site.workspace) as tx:
        return an_automation(tx, site.workspace, name="Front desk")


@pytest.fixture
def conversation(site: Site) -> UUID:
    with transaction(site.workspace) as tx:
        return a_conversation(tx, site.workspace, a_contact(tx, site.workspace, name="Nora Quill"), site.webchat)


def a_failed_run(site: Site, automation: UUID, conversation: UUID | None = None, **columns: Any) -> UUID:
    with transaction(site.workspace) as tx:
        made = a_run(tx, site.workspace, automation, conversation, state="failed", outcome="It broke.", **columns)
        a_step(tx, site.workspace, made, "message", node="message_received@1", output={"text": "Hi"})
        return made


def an_approval(site: Site, automation: UUID, conversation: UUID | None = None) -> UUID:
    memory = {"title": "An offer", "text": "10 % off.", "asked_at": NOW.isoformat()}
    with transaction(site.workspace) as tx:
        made = a_run(tx, site.workspace, automation, conversation, state="waiting", finished_at=None)
        run(
            tx,
            "UPDATE runs SET waiting_for = '{approval}', due_at = now() + interval '1 hour' WHERE id = %(id)s",
            id=made,
        )
        detail = {"wakes_on": ["approval"], "memory": memory, "pauses": 1}
        a_step(tx, site.workspace, made, "ok", node="approve@1", state="waiting", detail=detail)
        return made


def woken_by(run_id: UUID) -> dict[str, Any]:
    with system() as tx:
        row = one(tx, "SELECT woken_by FROM runs WHERE id = %(id)s", id=run_id)
    assert row is not None
    told: dict[str, Any] = row["woken_by"]
    return told


def refused(answer: Any) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["field"]


def test_what_waits_for_approval_is_listed_and_approved_as_it_is(
    site: Site, automation: UUID, conversation: UUID
) -> None:
    waiting = an_approval(site, automation, conversation)
    [line] = site.get("/api/approvals").json()["items"]
    assert (line["run_id"], line["title"], line["text"], line["contact_name"], line["pen_moved"]) == (
        str(waiting), "An offer", "10 % off.", "Nora Quill", False,
    )  # fmt: skip
    assert site.post(f"/api/approvals/{waiting}", {"decision": "approve"}).json() == {"ok": True}
    told = woken_by(waiting)
    assert (told["approved"], told["text"], told["note"], told["by"]) == (True, "", "", "Ana Silva")
    assert site.get("/api/approvals").json()["items"] == []
    assert (site.audit_rows("approval.approved"), site.audit_rows("api.approval_decided")) == (1, 1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"decision": "approve", "text": " 5 % off. ", "note": "Too much."},
            (True, "5 % off.", "Too much.", "Ben Ochoa"),
        ),
        ({"decision": "reject", "note": "Never."}, (False, "", "Never.", "Ben Ochoa")),
    ],
)
def test_a_colleague_changes_the_text_or_rejects_it_with_a_note(
    site: Site, automation: UUID, body: dict[str, str], expected: tuple[bool, str, str, str]
) -> None:
    with system() as tx:
        a_user(tx, site.workspace, name="Ben Ochoa", email="ben@example.com")
    waiting = an_approval(site, automation)
    assert site.post(f"/api/approvals/{waiting}", body | {"user": "ben@example.com"}).status_code == 200
    told = woken_by(waiting)
    assert (told["approved"], told["text"], told["note"], told["by"]) == expected


def test_the_second_decision_is_told_who_was_first(site: Site, automation: UUID) -> None:
    waiting = an_approval(site, automation)
    site.post(f"/api/approvals/{waiting}", {"decision": "reject"})
    again = site.post(f"/api/approvals/{waiting}", {"decision": "approve"})
    assert refused(again) == (409, "refused", "")
    assert again.json()["error"]["message"] == "Ana Silva has decided this already."


def test_a_decision_that_cannot_be_used_names_the_field(site: Site, automation: UUID) -> None:
    unusable: list[tuple[dict[str, Any], str]] = [
        ({}, "decision"),
        ({"decision": "maybe"}, "decision"),
        ({"decision": "approve", "text": "x" * 20_001}, "text"),
        ({"decision": "reject", "text": "5 % off."}, "text"),
        ({"decision": "approve", "note": "x" * 1_001}, "note"),
        ({"decision": "approve", "user": "nobody@example.com"}, "user"),
        ({"decision": "approve", "surprise": 1}, "surprise"),
    ]
    waiting = an_approval(site, automation)
    for body, field in unusable:
        status, _, named = refused(site.post(f"/api/approvals/{waiting}", body))
        assert (status, named) == (422, field), body
    assert len(site.get("/api/approvals").json()["items"]) == 1


def test_runs_are_filtered_as_on_the_page(site: Site, automation: UUID, conversation: UUID) -> None:
    with transaction(site.workspace) as tx:
        asked = a_message(tx, site.workspace, conversation, "Where is my parcel?")
        [seq] = [row["seq"] for row in rows(tx, "SELECT seq FROM messages WHERE id = %(id)s", id=asked)]
        other = an_automation(tx, site.workspace)
        old = a_run(tx, site.workspace, other, created_at=NOW - timedelta(days=3), outcome="Answered.")
    failed = a_failed_run(site, automation, conversation, first_seq=seq, last_seq=seq)
    yesterday = (NOW - timedelta(days=1)).isoformat()
    filters: list[tuple[dict[str, str], UUID]] = [
        ({"contact": "quill"}, failed),
        ({"automation_id": str(other)}, old),
        ({"conversation_id": str(conversation)}, failed),
        ({"state": "failed"}, failed),
        ({"outcome": "broke"}, failed),
        ({"text": "parcel"}, failed),
        ({"since": yesterday}, failed),
        ({"until": yesterday}, old),
    ]
    for asked_for, expected in filters:
        items = site.get("/api/runs", params=asked_for).json()["items"]
        assert [line["id"] for line in items] == [str(expected)], asked_for
    first = site.get("/api/runs", params={"limit": 1}).json()
    rest = site.get("/api/runs", params={"limit": 1, "before": first["next"]}).json()
    assert [page["items"][0]["id"] for page in (first, rest)] == [str(failed), str(old)]


def test_a_filter_that_cannot_be_used_is_named(site: Site) -> None:
    for params, field in (
        ({"state": "broken"}, "state"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-31T09:00:00"}, "since"),
        ({"since": "2026-01-31T09:00:00Z", "until": "2026-01-30T09:00:00Z"}, "until"),
        ({"automation_id": "desk"}, "automation_id"),
        ({"text": "x" * 201}, "text"),
        ({"limit": "0"}, "limit"),
    ):
        assert refused(site.get("/api/runs", params=params)) == (422, "invalid", field)


def test_one_run_is_read_step_by_step(site: Site, automation: UUID) -> None:
    told = site.get(f"/api/runs/{a_failed_run(site, automation)}").json()
    assert (told["state"], told["outcome"]) == ("failed", "It broke.")
    assert [(step["step_id"], step["node"], step["state"]) for step in told["steps"]] == [
        ("message", "message_received@1", "done")
    ]


def test_a_failed_run_goes_on_once(site: Site, automation: UUID) -> None:
    failed = a_failed_run(site, automation)
    assert site.post(f"/api/runs/{failed}/rerun", {"user": "ana@example.com"}).json() == {"ok": True}
    again = site.post(f"/api/runs/{failed}/rerun")
    assert refused(again) == (409, "refused", "")
    assert "still waiting" in again.json()["error"]["message"]
    assert (site.audit_rows("run.rerun"), site.audit_rows("api.run_rerun")) == (1, 1)


def test_several_runs_go_on_each_for_itself(site: Site, automation: UUID) -> None:
    failed = [a_failed_run(site, automation) for _ in range(2)]
    with transaction(site.workspace) as tx:
        done = a_run(tx, site.workspace, automation)
    strange = uuid4()
    ids = [str(id) for id in (*failed, done, strange, failed[0])]
    told = site.post("/api/runs/rerun", {"run_ids": ids}).json()
    assert told["gone_on"] == [str(id) for id in failed]
    assert {each["run_id"]: each["reason"].split(".")[0] for each in told["refused"]} == {
        str(done): "Only a run that failed can go on",
        str(strange): "This run does not exist in this workspace",
    }
    assert site.audit_rows("api.run_rerun") == 2
    unusable: list[dict[str, Any]] = [{"run_ids": []}, {"run_ids": [str(uuid4())] * 201}, {}]
    for body in unusable:
        assert refused(site.post("/api/runs/rerun", body)) == (422, "invalid", "run_ids")


def test_why_nothing_happened_is_told_in_words(site: Site, automation: UUID, conversation: UUID) -> None:
    with transaction(site.workspace) as tx:
        message = a_message(tx, site.workspace, conversation)
        run(tx, "UPDATE conversations SET ai_enabled = false")
        run(
            tx,
            "INSERT INTO decisions (workspace_id, message_id, automation_id, fired, reason) VALUES (%(w)s, %(m)s, %(a)s, false, 'It is Sunday.')",
            w=site.workspace, m=message, a=automation,
        )  # fmt: skip
    told = site.get(f"/api/messages/{message}/why").json()
    assert told["first_reason"] == "It is Sunday."
    assert [(each["kind"], each["title"], each["run_id"]) for each in told["reasons"]] == [
        ("stop", "'Front desk'", None), ("stop", "The AI switch", None),
    ]  # fmt: skip


def test_another_workspace_is_not_there_and_viewers_only_read(site: Site, automation: UUID) -> None:
    with system() as tx:
        workspace = a_workspace(tx)
        theirs = a_run(tx, workspace, an_automation(tx, workspace), state="failed")
        message = a_message(tx, workspace, a_conversation(tx, workspace))
    assert site.get(f"/api/messages/{message}/why").status_code == 404
    for path, body in ((f"runs/{theirs}/rerun", None), (f"approvals/{theirs}", {"decision": "approve"})):
        assert refused(site.post(f"/api/{path}", body)) == (404, "not_found", ""), path
    viewer = {"X-API-Key": site.new_key("viewer")}
    for path in ("approvals", "runs"):
        assert site.http.get(f"/api/{path}", headers=viewer).status_code == 200
    ours = a_failed_run(site, automation)
    writing: list[tuple[str, Any]] = [
        (f"runs/{ours}/rerun", None),
        ("runs/rerun", {"run_ids": [str(ours)]}),
        (f"approvals/{ours}", {"decision": "reject"}),
    ]
    for path, body in writing:
        assert refused(site.http.post(f"/api/{path}", json=body, headers=viewer)) == (403, "role_too_low", ""), path
