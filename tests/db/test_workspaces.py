from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from db import workspaces
from db.engine import system, transaction


def test_a_workspace_is_found_by_id_by_slug_and_in_its_own_transaction(database: str) -> None:
    with system() as tx:
        made = workspaces.create(tx, "Corner Bakery", "corner-bakery", "Europe/Berlin", {"scope": "Bread"})
    with system() as tx:
        assert workspaces.get(tx, made.id) == workspaces.by_slug(tx, "corner-bakery") == made
        assert workspaces.get(tx, uuid4()) is None
        assert workspaces.all_workspaces(tx) == [made]
    with transaction(made.id) as tx:
        assert workspaces.get(tx, made.id) == made


def test_settings_change_one_by_one_and_none_removes(database: str) -> None:
    with system() as tx:
        made = workspaces.create(tx, "Corner Bakery", "corner-bakery", settings={"scope": "Bread", "old": 1})
    with transaction(made.id) as tx:
        workspaces.update_settings(tx, made.id, hours={"mon": ["09:00-17:00"]}, old=None)
        workspaces.rename(tx, made.id, "Bakery", "America/New_York")
        changed = workspaces.get(tx, made.id)
    assert changed is not None
    assert changed.settings == {"scope": "Bread", "hours": {"mon": ["09:00-17:00"]}}
    assert (changed.name, changed.timezone) == ("Bakery", "America/New_York")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Europe"])
def test_an_unknown_time_zone_is_refused_with_an_example(database: str, zone: str) -> None:
    with system() as tx, pytest.raises(workspaces.TimezoneUnknown, match="Europe/Berlin"):
        workspaces.create(tx, "X", "x", zone)


def test_a_slug_exists_once(database: str) -> None:
    with system() as tx:
        workspaces.create(tx, "A", "same")
    with pytest.raises(IntegrityError), system() as tx:
        workspaces.create(tx, "B", "same")
