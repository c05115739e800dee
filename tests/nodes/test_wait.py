"""How long a run waits, and that being taken up early or late changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from nodes import wait
from nodes.contract import NodeFailed, Pause
from tests.nodes.contexts import MONDAY_NOON, business, context

TUESDAYS = business({"hours": {"tue": [["09:00", "18:00"]]}})


def made(config: dict[str, Any], **changes: Any) -> Any:
    return wait.run(wait.Config.model_validate(config), wait.Input(), context(**changes))


def test_it_pauses_for_the_minutes() -> None:
    assert made({"minutes": 30}) == Pause(MONDAY_NOON + timedelta(minutes=30), "Waits until today at 13:30.")


def test_it_goes_on_when_the_time_has_come() -> None:
    output = made({"minutes": 30}, paused_since=MONDAY_NOON - timedelta(minutes=45))
    assert output.waited_seconds == 45 * 60


def test_taken_up_too_early_it_waits_for_the_rest_only() -> None:
    paused = made({"minutes": 30}, paused_since=MONDAY_NOON - timedelta(minutes=10))
    assert paused.until == MONDAY_NOON + timedelta(minutes=20)


def test_no_minutes_is_no_pause() -> None:
    assert made({"minutes": 0}).waited_seconds == 0


@pytest.mark.parametrize(("time", "until"), [("14:00", (23, 13)), ("13:00", (23, 12)), ("9:00", (24, 8))])
def test_a_time_of_day_is_the_next_one_where_the_business_is(time: str, until: tuple[int, int]) -> None:
    paused = made({"until": "time of day", "time": time})
    expected = datetime(2026, 11, until[0], until[1], 0, tzinfo=UTC)
    assert paused.until == expected if isinstance(paused, Pause) else expected == MONDAY_NOON


def test_it_waits_until_the_business_opens() -> None:
    assert made({"until": "open"}, business=TUESDAYS).until == datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert made({"until": "open"}).waited_seconds == 0


def test_a_business_that_never_opens_is_an_error_and_not_a_wait_for_ever() -> None:
    with pytest.raises(NodeFailed, match="never opens"):
        made({"until": "open"}, business=business({"hours": {"mon": []}}))


@pytest.mark.parametrize("config", [{"minutes": -1}, {"minutes": 50000}, {"time": "25:00"}, {"time": "noon"}])
def test_times_that_cannot_be_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        wait.Config.model_validate(config)
