from pathlib import Path

import pytest

from db.settings import Settings, SettingsInvalid, default_home, get_settings, read_settings, variable_of


def test_nothing_needs_to_be_set() -> None:
    settings = Settings()
    assert (settings.ui_port, settings.webhook_port, settings.prefect_port) == (8501, 8000, 4200)
    assert settings.database_url is None
    assert settings.limit_contact_seconds == 10


@pytest.mark.parametrize(
    ("variable", "value", "field", "read"),
    [
        ("FRONTDESK_UI_PORT", "9501", "ui_port", 9501),
        ("FRONTDESK_WAIT_FOR_MORE", "0", "wait_for_more", 0.0),
        ("FRONTDESK_LIMIT_AI_PER_MINUTE", "0", "limit_ai_per_minute", 0),
        ("TWILIO_BASE_URL", "http://127.0.0.1:9/", "twilio_base_url", "http://127.0.0.1:9"),
        ("DATABASE_URL", "postgres://a:b@db/x", "database_url", "postgresql://a:b@db/x"),
        ("FRONTDESK_ALLOW_PRIVATE_ADDRESSES", "true", "allow_private_addresses", True),
    ],
)
def test_a_variable_sets_its_field(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, field: str, read: object
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(read_settings(), field) == read
    assert variable_of(field) == variable


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    monkeypatch.setenv("FRONTDESK_UI_PORT", "")
    assert read_settings().openai_api_key is None
    assert read_settings().ui_port == 8501


def test_addresses_follow_the_ports_until_they_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_WEBHOOK_PORT", "9000")
    monkeypatch.setenv("FRONTDESK_PREFECT_PORT", "9200")
    assert read_settings().public_url == "http://127.0.0.1:9000"
    assert read_settings().prefect_api_url == "http://127.0.0.1:9200/api"
    monkeypatch.setenv("FRONTDESK_PUBLIC_URL", "https://desk.example.com/")
    assert read_settings().public_url == "https://desk.example.com"


def test_an_error_names_every_wrong_variable_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_UI_PORT", "many")
    monkeypatch.setenv("OPENAI_BASE_URL", "api.example.com")
    monkeypatch.setenv("DATABASE_URL", "mysql://x")
    with pytest.raises(SettingsInvalid) as caught:
        read_settings()
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    for variable in ("FRONTDESK_UI_PORT", "OPENAI_BASE_URL", "DATABASE_URL"):
        assert any(line.startswith(f"{variable} cannot be used: ") for line in lines)
    assert all("Correct the variable or unset it" in line for line in lines)


def test_secrets_do_not_show_when_printed() -> None:
    settings = Settings.model_validate(
        {
            "DATABASE_URL": "postgresql://u:hidden@h/d",
            "secret_key": "hidden" * 8,
            "TWILIO_AUTH_TOKEN": "hidden",
            "SMTP_URL": "smtp://u:hidden@h",
        }
    )
    assert "hidden" not in repr(settings)
    assert "hidden" not in str(settings)


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = get_settings()
    monkeypatch.setenv("FRONTDESK_UI_PORT", "9501")
    assert get_settings() is first


def test_the_data_folder_of_an_ordinary_user_is_below_the_xdg_data_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert default_home() == tmp_path / "frontdesk"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert default_home() == Path("/var/lib/frontdesk")
