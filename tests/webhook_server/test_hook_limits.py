"""The addresses whose token is all that proves the caller: each may be called so often a minute, and says when to come back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from db.settings import get_settings
from flows import hooks
from tests.webhook_server.conftest import Site

DOORS: list[tuple[str, str, dict[str, Any], int]] = [
    ("address", "FRONTDESK_LIMIT_HOOK_PER_MINUTE", {"order": 17}, 200),
    ("questions", "FRONTDESK_LIMIT_QUESTION_PER_MINUTE", {}, 422),  # without a question no answer is worked out
]


@pytest.mark.parametrize(("door", "variable", "body", "usual"), DOORS)
def test_a_known_address_is_limited_for_itself(
    site: Site, monkeypatch: pytest.MonkeyPatch, door: str, variable: str, body: dict[str, Any], usual: int
) -> None:
    one, other = (
        httpx.URL(getattr(hooks.add(site.workspace, site.user, name, {}), door)).path for name in ("Shop", "Other")
    )
    monkeypatch.setenv(variable, "2")
    get_settings.cache_clear()

    answers = [site.http.post(one, json=body) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [usual, usual, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 61
    assert answers[-1].json()["error"]["code"] == "too_many_requests"
    assert site.http.post(other, json=body).status_code == usual, "another address counts for itself"
    assert len(site.events()) == (3 if usual == 200 else 0), "what is above the limit is not kept"

    monkeypatch.setenv(variable, "0")
    get_settings.cache_clear()
    assert {site.http.post(one, json=body).status_code for _ in range(3)} == {usual}


def test_the_limits_are_on_without_a_setting() -> None:
    settings = get_settings()
    assert (settings.limit_hook_per_minute, settings.limit_question_per_minute) == (600, 100)
