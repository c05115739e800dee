from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import limits
from db.engine import rows, system, transaction

NOW = datetime(2026, 3, 14, 9, 59, 59, 900_000, tzinfo=UTC)


def _take(key: str, per_window: int, now: datetime = NOW, window: float = 60) -> float:
    with system() as tx:
        return limits.take(tx, key, per_window, window, now)


def test_as_many_uses_as_allowed_then_a_wait_until_the_window_has_passed(database: str) -> None:
    assert [_take("a", 3) for _ in range(3)] == [0.0] * 3
    wait = _take("a", 3)
    assert 59 <= wait <= 61.1
    assert _take("a", 3, NOW + timedelta(seconds=wait)) == 0.0


def test_the_turn_of_a_minute_gives_nothing_away(database: str) -> None:
    assert [_take("a", 100) for _ in range(100)] == [0.0] * 100
    assert _take("a", 100, NOW + timedelta(seconds=5)) > 0


def test_a_refused_use_is_not_counted(database: str) -> None:
    _take("a", 1)
    waits = [_take("a", 1, NOW + timedelta(seconds=seconds)) for seconds in (10, 20, 30)]
    assert waits == sorted(waits, reverse=True)


def test_keys_do_not_share_and_zero_means_no_limit(database: str) -> None:
    assert [_take(key, 1) for key in "abc"] == [0.0] * 3
    assert [_take("free", 0) for _ in range(5)] == [0.0] * 5


def test_uses_at_the_same_time_are_never_more_than_allowed(database: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda _: _take("a", 10), range(40)))
    assert waits.count(0.0) == 10


def test_a_workspace_can_take_but_neither_see_nor_reset_a_counter(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        assert limits.take(tx, "a", 1, 60, NOW) == 0.0
        assert limits.take(tx, "a", 1, 60, NOW) > 0.0


def test_pruning_deletes_what_began_before(database: str) -> None:
    _take("old", 5, NOW - timedelta(days=2))
    _take("new", 5)
    with system() as tx:
        assert limits.prune(tx, NOW - timedelta(days=1)) == 1
        assert [row["key"] for row in rows(tx, "SELECT key FROM limits")] == ["new"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(0, 30), min_size=1, max_size=60), st.integers(1, 5))
def test_no_window_ever_holds_more_uses_than_allowed(database: str, moments: list[float], most: int) -> None:
    allowed = []
    with system() as tx:
        limits.forget(tx, "x")
        for moment in sorted(moments):
            if limits.take(tx, "x", most, 10, NOW + timedelta(seconds=moment)) == 0.0:
                allowed.append(moment)
    assert all(later - earlier >= 10 for earlier, later in zip(allowed, allowed[most:], strict=False))
