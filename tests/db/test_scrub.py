import pytest

from db.scrub import scrub, scrub_fields
from db.settings import get_settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer ***"),
        ("postgresql://desk:hunter2@db.example.com/desk", "postgresql://desk:***@db.example.com/desk"),
        ("key sk-proj-abcdefghijklmnopqrstuv was refused", "key sk-*** was refused"),
        ("fd_abcdefghijklmnopqrstuvwxyz", "fd_***"),
        ('{"password": "hunter22", "name": "Ana"}', '{"password": "***", "name": "Ana"}'),
        ("auth_token=0123456789&to=1", "auth_token=***&to=1"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def", "***"),
        ("EAAGm0PX4ZCpsBAKZCZBexample", "***"),
        ("We open at 9:00, see https://example.com/hours", "We open at 9:00, see https://example.com/hours"),
        ("The token was refused.", "The token was refused."),
    ],
)
def test_what_looks_like_a_secret_is_hidden_and_the_rest_stays(text: str, expected: str) -> None:
    assert scrub(text) == expected


def test_every_secret_of_the_settings_is_hidden_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_SECRET_KEY", "first-key-of-many,second-key-of-many")
    monkeypatch.setenv("WHATSAPP_VERIFY_TOKEN", "verify-me-please")
    get_settings.cache_clear()
    assert scrub("a second-key-of-many b verify-me-please c first-key-of-many") == "a *** b *** c ***"


def test_fields_with_a_secret_name_are_hidden_at_any_depth() -> None:
    given = {
        "api_key": "x",
        "step": "reply",
        "call": {"Authorization": "y", "to": ["fd_abcdefghijklmnopqrstuvwxyz"]},
        "n": 3,
    }
    assert scrub_fields(given) == {
        "api_key": "***",
        "step": "reply",
        "call": {"Authorization": "***", "to": ["fd_***"]},
        "n": 3,
    }
