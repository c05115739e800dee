"""Every setting of the product, read once from the environment and checked.

A name without `FRONTDESK_` is one that providers and hosting companies already use. An empty variable counts as unset.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsInvalid(ValueError):
    """A setting cannot be used; the text has one sentence per variable, each with its remedy."""


def default_home() -> Path:
    """Where data goes when FRONTDESK_HOME is unset: a system folder for root, the user's own data folder otherwise."""
    if os.geteuid() == 0:
        return Path("/var/lib/frontdesk")
    data_home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data_home).expanduser() / "frontdesk"


def _web_address(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("it must be an address that begins with http:// or https://")
    return value.rstrip("/")


def _postgres_address(value: str) -> str:
    # Hosting companies hand out postgres:// and Supabase's pooler the same; psycopg and SQLAlchemy agree on postgresql://.
    if value.startswith("postgres://"):
        value = "postgresql://" + value.removeprefix("postgres://")
    if not value.startswith("postgresql://"):
        raise ValueError("it must be an address like postgresql://user:password@host:5432/name")
    return value


# What GoHighLevel signs webhooks with, the same for all apps. Source: marketplace documentation, WebhookIntegrationGuide (2026-08).
GHL_PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg=
-----END PUBLIC KEY-----"""
GHL_LEGACY_PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAokvo/r9tVgcfZ5DysOSC
Frm602qYV0MaAiNnX9O8KxMbiyRKWeL9JpCpVpt4XHIcBOK4u3cLSqJGOLaPuXw6
dO0t6Q/ZVdAV5Phz+ZtzPL16iCGeK9po6D6JHBpbi989mmzMryUnQJezlYJ3DVfB
csedpinheNnyYeFXolrJvcsjDtfAeRx5ByHQmTnSdFUzuAnC9/GepgLT9SM4nCpv
uxmZMxrJt5Rw+VUaQ9B8JSvbMPpez4peKaJPZHBbU3OdeCVx5klVXXZQGNHOs8gF
3kvoV5rTnXV0IknLBXlcKKAQLZcY/Q9rG6Ifi9c+5vqlvHPCUJFT5XUGG5RKgOKU
J062fRtN+rLYZUV+BjafxQauvC8wSWeYja63VSUruvmNj8xkx2zE/Juc+yjLjTXp
IocmaiFeAO6fUtNjDeFVkhf5LNb59vECyrHD2SQIrhgXpO4Q3dVNA5rw576PwTzN
h/AMfHKIjE4xQA1SZuYJmNnmVZLIZBlQAF9Ntd03rfadZ+yDiOXCCs9FkHibELhC
HULgCsnuDJHcrGNd5/Ddm5hxGQ0ASitgHeMZ0kcIOwKDOzOU53lDza6/Y09T7sYJ
PQe7z0cvj7aE4B+Ax1ZoZGPzpJlZtGXCsu9aTEGEnKzmsFqwcSsnw3JB31IGKAyk
T1hhTiaCeIY/OwwwNUY2yvcCAwEAAQ==
-----END PUBLIC KEY-----"""

WebAddress = Annotated[str, AfterValidator(_web_address)]
PostgresAddress = Annotated[str, AfterValidator(_postgres_address)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=0)]


def _plain(name: str) -> Any:
    """A field read from a variable without our prefix, None when unset."""
    return Field(default=None, validation_alias=name, repr=False)


class Settings(BaseSettings):
    """The settings of one process. Build it by field names in tests, by `get_settings()` everywhere else."""

    model_config = SettingsConfigDict(
        env_prefix="FRONTDESK_", populate_by_name=True, env_ignore_empty=True, frozen=True, extra="ignore"
    )

    home: Path = Field(default_factory=default_home)
    host: str = "127.0.0.1"
    ui_port: Port = 8501
    webhook_port: Port = 8000
    prefect_port: Port = 4200
    workers: Annotated[int, Field(ge=1, le=64)] = 2  # processes that run automations and deliver
    secret_key: SecretStr | None = None  # one or more keys, comma-separated; the first encrypts
    public_url: WebAddress = ""  # filled in below: what providers call and sign
    admin_email: str | None = None
    admin_password: SecretStr | None = None
    api_key: SecretStr | None = None
    allow_private_addresses: bool = False  # whether nodes may call loopback and private networks

    embedding_dimensions: Annotated[int, Field(ge=384, le=1536)] = 1536  # of the column that holds the vectors

    limit_contact_seconds: Annotated[float, Field(ge=0)] = 10  # one AI answer per contact in this time; 0 = no limit
    limit_api_per_minute: Count = 100
    limit_address_per_hour: Count = 1000
    limit_hook_per_minute: Count = 600  # calls of one address that starts automations
    limit_question_per_minute: Count = 100  # questions of one such address
    limit_whatsapp_per_minute: Count = 80
    limit_ai_per_minute: Count = 20
    limit_ghl_burst: Count = 100  # calls per location in `limit_ghl_burst_seconds`, and per day: GHL's own limits
    limit_ghl_burst_seconds: Annotated[float, Field(gt=0)] = 10
    limit_ghl_per_day: Count = 200_000
    wait_for_more: Annotated[float, Field(ge=0, le=120)] = 1.5  # seconds of the quiet window

    crm_context_minutes: Annotated[float, Field(ge=0, le=60)] = (
        10  # how long what the CRM knows of a contact counts as fresh
    )

    database_url: PostgresAddress | None = _plain("DATABASE_URL")  # None = the Postgres that comes along
    prefect_api_url: WebAddress = Field(default="", validation_alias="PREFECT_API_URL")

    openai_api_key: SecretStr | None = _plain("OPENAI_API_KEY")
    openai_base_url: WebAddress | None = _plain("OPENAI_BASE_URL")
    openai_model: str | None = _plain("OPENAI_MODEL")
    openai_embedding_model: str | None = _plain("OPENAI_EMBEDDING_MODEL")
    openrouter_api_key: SecretStr | None = _plain("OPENROUTER_API_KEY")
    twilio_account_sid: str | None = _plain("TWILIO_ACCOUNT_SID")
    twilio_auth_token: SecretStr | None = _plain("TWILIO_AUTH_TOKEN")
    twilio_from: str | None = _plain("TWILIO_FROM")
    twilio_base_url: WebAddress | None = _plain("TWILIO_BASE_URL")
    whatsapp_token: SecretStr | None = _plain("WHATSAPP_TOKEN")
    whatsapp_phone_number_id: str | None = _plain("WHATSAPP_PHONE_NUMBER_ID")
    whatsapp_app_secret: SecretStr | None = _plain("WHATSAPP_APP_SECRET")
    whatsapp_verify_token: SecretStr | None = _plain("WHATSAPP_VERIFY_TOKEN")
    whatsapp_base_url: WebAddress | None = _plain("WHATSAPP_BASE_URL")
    ghl_token: SecretStr | None = _plain("GHL_TOKEN")
    ghl_location_id: str | None = _plain("GHL_LOCATION_ID")
    ghl_base_url: WebAddress | None = _plain("GHL_BASE_URL")
    ghl_client_id: str | None = _plain("GHL_CLIENT_ID")
    ghl_client_secret: SecretStr | None = _plain("GHL_CLIENT_SECRET")
    ghl_install_url: WebAddress | None = _plain("GHL_INSTALL_URL")
    ghl_public_key: str = Field(default=GHL_PUBLIC_KEY, validation_alias="GHL_PUBLIC_KEY")  # of X-GHL-Signature
    ghl_legacy_public_key: str = Field(default=GHL_LEGACY_PUBLIC_KEY, validation_alias="GHL_LEGACY_PUBLIC_KEY")
    ghl_accept_legacy_signature: bool = Field(default=False, validation_alias="GHL_ACCEPT_LEGACY_SIGNATURE")
    smtp_url: SecretStr | None = _plain("SMTP_URL")
    sentry_dsn: SecretStr | None = _plain("SENTRY_DSN")

    @model_validator(mode="before")
    @classmethod
    def _fill_addresses(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Addresses that follow from the ports when nobody set them."""
        filled = dict(values)
        if not filled.get("public_url"):
            filled["public_url"] = f"http://127.0.0.1:{filled.get('webhook_port') or 8000}"
        if not (filled.get("prefect_api_url") or filled.get("PREFECT_API_URL")):
            filled["prefect_api_url"] = f"http://127.0.0.1:{filled.get('prefect_port') or 4200}/api"
        return filled


def variable_of(field: str) -> str:
    """The environment variable that sets a field."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias) if alias else f"FRONTDESK_{field.upper()}"


def read_settings() -> Settings:
    """Read the environment now. Raises SettingsInvalid with a sentence for every variable that cannot be used."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsInvalid("\n".join(_sentence(item) for item in error.errors())) from None


def _sentence(error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else "The settings"
    variable = variable_of(name) if name in Settings.model_fields else name
    reason = error["msg"].removeprefix("Value error, ")
    return f"{variable} cannot be used: {reason[:1].lower()}{reason[1:]}. Correct the variable or unset it, then start again."


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read at the first call; `get_settings.cache_clear()` forgets them."""
    return read_settings()
