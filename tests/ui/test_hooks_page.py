"""Settings: an address for other systems is made, shown once, and chosen by name in the builder."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from streamlit.runtime import context
from streamlit.testing.v1 import AppTest

from db import connections
from db.engine import read_only, transaction
from tests.db.builders import an_automation
from tests.ui.conftest import Office
from tests.ui.test_runs_page import ROUTER, Browser
from ui import cookies, pickers


@pytest.fixture
def settings(office: Office, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    browser = Browser({cookies.SESSION: office.token("admin")})
    monkeypatch.setattr(context, "_get_client_context", lambda: browser)
    return AppTest.from_file(str(ROUTER), default_timeout=60).run().switch_page("app_pages/settings.py").run()


def shown(test: AppTest) -> str:
    return "".join(str(code.value) for code in test.code)


def test_an_address_is_made_and_shown_once(settings: AppTest, office: Office) -> None:
    next(
        field for field in settings.text_input if field.label == "Name" and field.placeholder == "Contact form"
    ).set_value("Shop")
    test = next(button for button in settings.button if button.label == "Make the address").click().run()
    assert "/webhook/custom/" in shown(test) and "/webhook/ai/" in shown(test)
    assert "/webhook/custom/" in shown(test.run())  # a page that draws itself anew does not take it away
    test = next(button for button in test.button if button.label == "I have copied it").click().run()
    assert "/webhook/custom/" not in shown(test)
    with read_only(office.workspace) as tx:
        assert [hook.name for hook in connections.of_kind(tx, "webhook")] == ["Shop"]


def test_a_builder_chooses_addresses_and_automations_by_name(office: Office) -> None:
    def offered(picker: str) -> Any:
        found = pickers.options(office.workspace, picker, {})
        return found and [(option.value, option.label) for option in found]

    assert offered("hook") is None
    with transaction(office.workspace) as tx:
        connections.create(tx, office.workspace, "webhook", "Shop")
        made: UUID = an_automation(tx, office.workspace, name="Win back")
    assert offered("hook") == [("Shop", "Shop")]
    assert offered("automation") == [(str(made), "Win back")]
