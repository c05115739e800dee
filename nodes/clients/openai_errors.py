"""What the `openai` package raises, said in our words. Every client that uses the package translates here and only here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import openai

from nodes.clients.http import retry_after_seconds
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected, Throttled

# The transport below the package has changed its name before (httpx, httpx2), so its errors are known by class name.
_BEFORE_SENDING = {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "ProxyError"}
# Answers with status 429 that no waiting will cure.
_OUT_OF_CREDIT = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}


@contextmanager
def translated(provider: str) -> Iterator[None]:
    """Raise our errors for the package's. `provider` names the server in the sentence, never a key."""
    try:
        yield
    except openai.OpenAIError as error:
        raise translate(error, provider) from error


def translate(error: openai.OpenAIError, provider: str) -> ClientError:
    match error:
        case openai.APIConnectionError():
            return _connection(error, provider)
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return AuthFailed(
                f"{provider} does not accept the API key (status {error.status_code}). Enter a valid one."
            )
        case openai.APIStatusError():
            return _status(error, provider)
        case _:
            return Rejected(type(error).__name__, f"{provider} gave an answer that cannot be used: {error}")


def _connection(error: openai.APIConnectionError, provider: str) -> ClientError:
    if type(error.__cause__).__name__ in _BEFORE_SENDING:
        return NotSent(f"{provider} cannot be reached: {error.__cause__}")
    return OutcomeUnknown(f"{provider} was asked and did not answer: {error.__cause__ or error}")


def _status(error: openai.APIStatusError, provider: str) -> ClientError:
    said = f"{provider} answered {error.status_code}: {error.message}"
    if error.status_code == 429 and error.code not in _OUT_OF_CREDIT:
        return Throttled(said, retry_after_seconds(error.response.headers))
    if error.status_code >= 500 or error.status_code == 408:
        return NotSent(said)
    return Rejected(error.code or str(error.status_code), said)
