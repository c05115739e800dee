"""The connections that the environment describes (TWILIO_AUTH_TOKEN and so on), as values. `db.connections` makes them so."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from db.settings import Settings


@dataclass(frozen=True)
class Described:
    """What a connection has to look like."""

    config: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def described(settings: Settings) -> dict[str, Described]:
    """By kind. The web chat needs no setting, so it always exists."""
    found = {
        "webchat": Described(),
        "twilio": _twilio(settings),
        "llm": _llm(settings),
        "embeddings": _embeddings(settings),
        "ghl": _ghl(settings),
        "email_smtp": Described(secrets={"url": _plain(settings.smtp_url)}) if settings.smtp_url else None,
    }
    return {kind: wanted for kind, wanted in found.items() if wanted is not None}


def _twilio(settings: Settings) -> Described | None:
    if not (settings.twilio_account_sid and settings.twilio_auth_token):
        return None
    config = {
        "account_sid": settings.twilio_account_sid,
        "from_number": settings.twilio_from or "",
        "base_url": settings.twilio_base_url or "",
        "validate_url": settings.public_url,  # signatures cover the public address
    }
    return Described(config, {"auth_token": _plain(settings.twilio_auth_token)})


def _ghl(settings: Settings) -> Described | None:
    """By private integration token. With OAuth the connection is made when somebody signed in at GHL."""
    if not (settings.ghl_token and settings.ghl_location_id):
        return None
    config = {"auth": "token", "location_id": settings.ghl_location_id, "base_url": settings.ghl_base_url or ""}
    return Described(config, {"token": _plain(settings.ghl_token)})


def _llm(settings: Settings) -> Described | None:
    """OpenAI or a compatible server (which may need no key) comes before OpenRouter."""
    if settings.openai_api_key or settings.openai_base_url:
        provider = "compatible" if settings.openai_base_url else "openai"
        return _model(settings, provider, settings.openai_base_url, settings.openai_api_key, "gpt-4o-mini")
    if settings.openrouter_api_key:
        address = "https://openrouter.ai/api/v1"
        return _model(settings, "openrouter", address, settings.openrouter_api_key, "openai/gpt-4o-mini")
    return None


def _model(settings: Settings, provider: str, address: str | None, key: SecretStr | None, usual: str) -> Described:
    config = {
        "base_url": address or "https://api.openai.com/v1",
        "model": settings.openai_model or usual,
        "provider": provider,
    }
    return Described(config, {"api_key": _plain(key)})


def _embeddings(settings: Settings) -> Described | None:
    """Only when a model is named: changing the embedder means embedding every document again, which nobody should meet by surprise."""
    if not settings.openai_embedding_model or not (settings.openai_api_key or settings.openai_base_url):
        return None
    config = {
        "base_url": settings.openai_base_url or "https://api.openai.com/v1",
        "model": settings.openai_embedding_model,
    }
    return Described(config, {"api_key": _plain(settings.openai_api_key)})


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
