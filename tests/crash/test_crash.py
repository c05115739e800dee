"""The short storm that every test run goes through; `frontdesk bench crash` is the long one."""

from tests.crash.storm import storm


def test_forty_kills_under_load_lose_nothing_and_double_nothing() -> None:
    verdict = storm(kills=40, seconds=40, seed=11)
    print(verdict.text())
    assert verdict.kills.total() >= 40
    assert verdict.posted > 100  # else there was no load
    assert (verdict.lost, verdict.doubled) == ([], []), verdict.text()
