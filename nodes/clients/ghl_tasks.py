"""Tasks and notes of a contact. Source: S:contacts.json."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from nodes.clients.ghl_contacts import READ, WRITE
from nodes.clients.ghl_http import GhlPart, path_id

_TASK = {"title": "title", "body": "body", "due": "dueDate", "completed": "completed", "assigned_to": "assignedTo"}


class Tasks(GhlPart):
    def tasks(self, contact_id: str) -> list[dict[str, Any]]:
        return list(self._http.get(f"/contacts/{path_id(contact_id)}/tasks", READ).get("tasks") or ())

    def create_task(
        self, contact_id: str, *, title: str, due: datetime, body: str = "", assigned_to: str = ""
    ) -> dict[str, Any]:
        """An open task. `due` is required by GHL."""
        wanted = {"title": title, "dueDate": moment(due), "completed": False}
        wanted |= {"body": body} if body else {}
        wanted |= {"assignedTo": assigned_to} if assigned_to else {}
        path = f"/contacts/{path_id(contact_id)}/tasks"
        return _inner(self._http.call("POST", path, scope=WRITE, body=wanted), "task")

    def update_task(self, contact_id: str, task_id: str, **fields: Any) -> dict[str, Any]:
        """Change title, body, due (datetime), completed or assigned_to."""
        path = f"/contacts/{path_id(contact_id)}/tasks/{path_id(task_id)}"
        body = {_TASK[name]: moment(value) if name == "due" else value for name, value in fields.items()}
        if set(body) == {"completed"}:
            return _inner(self._http.call("PUT", f"{path}/completed", scope=WRITE, body=body), "task")
        return _inner(self._http.call("PUT", path, scope=WRITE, body=body), "task")

    def delete_task(self, contact_id: str, task_id: str) -> None:
        self._http.call("DELETE", f"/contacts/{path_id(contact_id)}/tasks/{path_id(task_id)}", scope=WRITE)


class Notes(GhlPart):
    def notes(self, contact_id: str) -> list[dict[str, Any]]:
        return list(self._http.get(f"/contacts/{path_id(contact_id)}/notes", READ).get("notes") or ())

    def create_note(self, contact_id: str, body: str, user_id: str = "") -> dict[str, Any]:
        wanted = {"body": body, **({"userId": user_id} if user_id else {})}
        return _inner(
            self._http.call("POST", f"/contacts/{path_id(contact_id)}/notes", scope=WRITE, body=wanted), "note"
        )

    def update_note(self, contact_id: str, note_id: str, body: str) -> dict[str, Any]:
        path = f"/contacts/{path_id(contact_id)}/notes/{path_id(note_id)}"
        return _inner(self._http.call("PUT", path, scope=WRITE, body={"body": body}), "note")

    def delete_note(self, contact_id: str, note_id: str) -> None:
        self._http.call("DELETE", f"/contacts/{path_id(contact_id)}/notes/{path_id(note_id)}", scope=WRITE)


def moment(when: datetime) -> str:
    """2020-10-25T11:00:00Z, as tasks are written."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _inner(answer: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = answer.get(name)
    return found if isinstance(found, dict) else dict(answer)
