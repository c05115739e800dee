"""Connections that an admin makes on the page."""

from __future__ import annotations

from uuid import UUID

import pytest

from db import connections
from db.engine import transaction
from db.records import Connection
from flows.actions import ActionRefused
from tests.ui.conftest import Office
from ui import connecting

[TWILIO] = [kind for kind in connecting.KINDS if kind.kind == "twilio"]
VALUES = {"account_sid": " AC1 ", "auth_token": "hush", "from_number": "+14155550123"}


def keep(office: Office, values: dict[str, str], present: UUID | None = None) -> UUID:
    with transaction(office.workspace) as tx:
        found = connections.get(tx, present) if present else None
    return connecting.keep(office.workspace, office.people["admin"], TWILIO, found, values)


def kept(office: Office, id: UUID) -> tuple[Connection, dict[str, str]]:
    with transaction(office.workspace) as tx:
        found = connections.with_secrets(tx, id)
    assert found is not None
    return found


def test_a_new_connection_is_the_default_one_of_its_kind(office: Office) -> None:
    row, secrets = kept(office, keep(office, VALUES))
    assert (row.config["account_sid"], secrets, row.is_default) == ("AC1", {"auth_token": "hush"}, True)


def test_an_empty_secret_leaves_the_old_one(office: Office) -> None:
    id = keep(office, VALUES)
    keep(office, VALUES | {"auth_token": "", "from_number": "+14155550199"}, id)
    row, secrets = kept(office, id)
    assert (row.config["from_number"], secrets) == ("+14155550199", {"auth_token": "hush"})


def test_saving_new_values_lifts_a_pause(office: Office) -> None:
    id = keep(office, VALUES)
    connecting.switch(office.workspace, office.people["admin"], id, on=False)
    assert kept(office, id)[0].state == "paused"
    keep(office, VALUES, id)
    assert kept(office, id)[0].state == "active"


def test_a_second_account_of_a_kind_gets_a_name_of_its_own(office: Office) -> None:
    names = {kept(office, keep(office, VALUES))[0].name for _ in range(2)}
    assert names == {"Twilio", "Twilio 2"}


def test_a_missing_value_is_named(office: Office) -> None:
    with pytest.raises(ActionRefused, match="Auth token is missing"):
        keep(office, VALUES | {"auth_token": " "})
