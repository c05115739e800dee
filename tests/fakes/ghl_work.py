"""Tasks, notes, pipelines and opportunities of a twin of GoHighLevel."""

from __future__ import annotations

from typing import Any

from tests.fakes.ghl_world import Call, Refused, Thing, World, iso, new_id, now

OPPORTUNITY_STATES = {"open", "won", "lost", "abandoned", "all"}


class Work(World):
    """What colleagues have to do with a contact."""

    def add_opportunity(self, contact_id: str, stage: int = 0, **fields: Any) -> Thing:
        pipeline = self.pipeline_list[0]
        body = {"pipelineId": pipeline["id"], "pipelineStageId": pipeline["stages"][stage]["id"], "name": "Check-up",
                "status": "open", "contactId": contact_id} | fields  # fmt: skip
        return self._store_opportunity(body)

    def tasks(self, call: Call) -> tuple[int, Thing]:
        return 200, {"tasks": self.task_lists.get(self._contact(call)["id"], [])}

    def get_task(self, call: Call) -> tuple[int, Thing]:
        return 200, {"task": self._of(self.task_lists, call, "task")}

    def create_task(self, call: Call) -> tuple[int, Thing]:
        contact, body = self._contact(call), call.body
        iso(body["dueDate"], "dueDate")
        made = {"id": new_id(), "contactId": contact["id"], "body": "", "assignedTo": "", **body}
        self.task_lists.setdefault(contact["id"], []).append(made)
        self.fire("TaskCreate", made)
        return 201, {"task": made}

    def update_task(self, call: Call) -> tuple[int, Thing]:
        task = self._of(self.task_lists, call, "task")
        if "dueDate" in call.body:
            iso(call.body["dueDate"], "dueDate")
        newly_done = call.body.get("completed") and not task["completed"]
        task.update(call.body)
        if newly_done:
            self.fire("TaskComplete", task)
        return 200, {"task": task}

    def delete_task(self, call: Call) -> tuple[int, Thing]:
        task = self._of(self.task_lists, call, "task")
        self.task_lists[call.ids["id"]].remove(task)
        self.fire("TaskDelete", task)
        return 200, {"succeded": True}

    def search_tasks(self, call: Call) -> tuple[int, Thing]:
        wanted = call.body.get("contactId")
        found = [task for id, each in self.task_lists.items() for task in each if not wanted or id in wanted]
        return 200, {"tasks": found}

    def notes(self, call: Call) -> tuple[int, Thing]:
        return 200, {"notes": self.note_lists.get(self._contact(call)["id"], [])}

    def get_note(self, call: Call) -> tuple[int, Thing]:
        return 200, {"note": self._of(self.note_lists, call, "note")}

    def create_note(self, call: Call) -> tuple[int, Thing]:
        contact = self._contact(call)
        made = {"id": new_id(), "contactId": contact["id"], "dateAdded": now(), **call.body}
        self.note_lists.setdefault(contact["id"], []).append(made)
        self.fire("NoteCreate", made)
        return 201, {"note": made}

    def update_note(self, call: Call) -> tuple[int, Thing]:
        note = self._of(self.note_lists, call, "note")
        note.update(call.body)
        self.fire("NoteUpdate", note)
        return 200, {"note": note}

    def delete_note(self, call: Call) -> tuple[int, Thing]:
        note = self._of(self.note_lists, call, "note")
        self.note_lists[call.ids["id"]].remove(note)
        self.fire("NoteDelete", note)
        return 200, {"succeded": True}

    def _of(self, lists: dict[str, list[Thing]], call: Call, what: str) -> Thing:
        found = {each["id"]: each for each in lists.get(self._contact(call)["id"], [])}
        return self._known(found, call.ids[what], what.capitalize())

    def pipelines(self, call: Call) -> tuple[int, Thing]:
        self._here(call.query["locationId"])
        return 200, {"pipelines": self.pipeline_list}

    def search_opportunities(self, call: Call) -> tuple[int, Thing]:
        query = call.query
        self._here(query["location_id"])
        limit, page = int(query.get("limit", 20)), int(query.get("page", 1))
        if limit > 100:
            raise Refused(422, "limit must not be greater than 100")
        names = {
            "contact_id": "contactId",
            "pipeline_id": "pipelineId",
            "pipeline_stage_id": "pipelineStageId",
            "id": "id",
        }
        found = [
            each
            for each in self.opportunities.values()
            if all(each.get(ours) == query[theirs] for theirs, ours in names.items() if theirs in query)
            and query.get("status", "all") in ("all", each["status"])
        ]
        shown_now = found[(page - 1) * limit : page * limit]
        more = page + 1 if len(found) > page * limit else None
        meta = {"total": len(found), "currentPage": page, "nextPage": more, "prevPage": page - 1 or None}
        return 200, {"opportunities": shown_now, "meta": meta, "aggregations": {}}

    def create_opportunity(self, call: Call) -> tuple[int, Thing]:
        body = call.body
        self._here(body["locationId"])
        self._known(self.contacts, body["contactId"], "Contact")
        self._check_stage(body)
        same = [each for each in self.opportunities.values() if each["contactId"] == body["contactId"]]
        if not self.allow_duplicates and any(each["pipelineId"] == body["pipelineId"] for each in same):
            raise Refused(400, "Can not create duplicate opportunity for the contact.")
        return 201, {"opportunity": self._store_opportunity(body)}

    def get_opportunity(self, call: Call) -> tuple[int, Thing]:
        return 200, {"opportunity": self._known(self.opportunities, call.ids["id"], "Opportunity")}

    def update_opportunity(self, call: Call) -> tuple[int, Thing]:
        present = self._known(self.opportunities, call.ids["id"], "Opportunity")
        self._check_stage({**present, **call.body})
        before = {**present}
        present.update(_opportunity_fields(call.body), updatedAt=now())
        self.fire("OpportunityUpdate", present)
        for name, event in (("pipelineStageId", "StageUpdate"), ("status", "StatusUpdate"),
                            ("assignedTo", "AssignedToUpdate"), ("monetaryValue", "MonetaryValueUpdate")):  # fmt: skip
            if before.get(name) != present.get(name):
                self.fire(f"Opportunity{event}", present)
        return 200, {"opportunity": present}

    def delete_opportunity(self, call: Call) -> tuple[int, Thing]:
        self._known(self.opportunities, call.ids["id"], "Opportunity")
        self.fire("OpportunityDelete", self.opportunities.pop(call.ids["id"]))
        return 200, {"succeded": True}

    def _store_opportunity(self, body: Thing) -> Thing:
        first = self.pipeline_list[0]["stages"][0]["id"]
        made = {"id": new_id(), "pipelineStageId": first, "monetaryValue": 0, "customFields": [], "source": "",
                "assignedTo": "", "locationId": self.location_id, "createdAt": now(), "updatedAt": now(),
                **_opportunity_fields(body)}  # fmt: skip
        self.opportunities[made["id"]] = made
        self.fire("OpportunityCreate", made)
        return made

    def _check_stage(self, body: Thing) -> None:
        stages = {each["id"]: [stage["id"] for stage in each["stages"]] for each in self.pipeline_list}
        if body.get("pipelineId") not in stages:
            raise Refused(400, "The pipeline id is invalid.")
        stage = body.get("pipelineStageId")
        if stage and stage not in stages[body["pipelineId"]]:
            raise Refused(400, "The pipeline stage id is invalid.")
        if body.get("status") not in OPPORTUNITY_STATES:
            raise Refused(422, "status must be one of open, won, lost, abandoned, all")


def _opportunity_fields(body: Thing) -> Thing:
    fields = {name: value for name, value in body.items() if name != "customFields"}
    if "customFields" in body:
        fields["customFields"] = [
            {"id": each["id"], "fieldValue": each["field_value"]} for each in body["customFields"]
        ]
    return fields
