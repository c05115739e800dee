from typing import Any

import pytest

from db.environment import described
from db.settings import Settings


def _of(**fields: Any) -> dict[str, Any]:
    return {kind: (dict(found.config), dict(found.secrets)) for kind, found in described(Settings(**fields)).items()}


def test_with_nothing_set_there_is_only_the_web_chat() -> None:
    assert _of() == {"webchat": ({}, {})}


@pytest.mark.parametrize(
    ("fields", "provider", "address", "model", "key"),
    [
        ({"openai_api_key": "k1"}, "openai", "https://api.openai.com/v1", "gpt-4o-mini", "k1"),
        ({"openai_base_url": "http://127.0.0.1:9/v1"}, "compatible", "http://127.0.0.1:9/v1", "gpt-4o-mini", ""),
        ({"openrouter_api_key": "k2"}, "openrouter", "https://openrouter.ai/api/v1", "openai/gpt-4o-mini", "k2"),
        (
            {"openrouter_api_key": "k2", "openai_model": "qwen/qwen3"},
            "openrouter",
            "https://openrouter.ai/api/v1",
            "qwen/qwen3",
            "k2",
        ),
        (
            {"openai_api_key": "k1", "openrouter_api_key": "k2"},
            "openai",
            "https://api.openai.com/v1",
            "gpt-4o-mini",
            "k1",
        ),
    ],
)
def test_one_language_model_is_described(
    fields: dict[str, str], provider: str, address: str, model: str, key: str
) -> None:
    config, secrets = _of(**fields)["llm"]
    assert config == {"provider": provider, "base_url": address, "model": model}
    assert secrets == {"api_key": key}


def test_embeddings_move_to_a_provider_only_when_a_model_is_named() -> None:
    assert "embeddings" not in _of(openai_api_key="k1")
    config, secrets = _of(openai_api_key="k1", openai_embedding_model="text-embedding-3-small")["embeddings"]
    assert config == {"base_url": "https://api.openai.com/v1", "model": "text-embedding-3-small"}
    assert secrets == {"api_key": "k1"}


def test_twilio_needs_account_and_token_and_verifies_against_the_public_address() -> None:
    assert "twilio" not in _of(twilio_account_sid="AC1")
    config, secrets = _of(twilio_account_sid="AC1", twilio_auth_token="t", public_url="https://desk.example.com")[
        "twilio"
    ]
    assert config == {
        "account_sid": "AC1",
        "from_number": "",
        "base_url": "",
        "validate_url": "https://desk.example.com",
    }
    assert secrets == {"auth_token": "t"}


def test_a_mail_server_is_all_secret() -> None:
    assert _of(smtp_url="smtp://me:pass@mail.example.com")["email_smtp"] == (
        {},
        {"url": "smtp://me:pass@mail.example.com"},
    )
