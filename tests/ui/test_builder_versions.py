"""The tab of versions: who published when, and what changed in between."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

from flows import drafts
from flows.editing import set_config
from flows.publish import publish
from flows.templates import template
from tests.ui.conftest import Office
from tests.ui.test_pages import told, visit  # noqa: F401

TO_THE_SECOND = re.compile(r"\d\d:\d\d:\d\d")


@pytest.fixture
def draft(office: Office) -> UUID:
    document = template("front_desk").document
    return drafts.create(office.workspace, office.people["admin"], name="Front desk", document=document)


def test_the_versions_tell_the_minute_and_the_draft_what_changed(visit: Any, office: Office, draft: UUID) -> None:  # noqa: F811
    publish(office.workspace, draft, office.people["admin"], "First.")
    found = drafts.load(office.workspace, draft)
    drafts.save(office.workspace, None, draft, set_config(found.document, "reply", "tone", "Stern."), found.revision)
    test = visit("automations", id=str(draft))
    test.session_state[f"tab:{draft}"] = ":material/history: Versions"
    text = told(test.run())
    assert "Published " in text and "by Admin · 0 runs" in text
    assert not TO_THE_SECOND.search(text)
    assert "it was “Friendly, brief and clear\\.”" in text and "”\\." not in text
