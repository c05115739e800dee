"""What a client raises, named after what the runtime does next.

ClientError
├── NotSent                  certainly not sent: retry with backoff, three times
├── Throttled                the provider says wait: due later, not counted as a try
├── Rejected                 the provider says no: failed, shown with a plain sentence
├── AuthFailed               sign-in invalid: the connection is paused, the admin is told
├── OutcomeUnknown           nobody knows: a message becomes `unknown` and is reconciled, never blindly sent again
├── SignatureInvalid         an arrival that its provider did not sign: 403 and an audit row
└── Unreadable               an arrival that is signed but not of the provider's form: stored, 4xx where it cannot be stored
"""

from __future__ import annotations


class ClientError(Exception):
    """The root of this tree. The message is a plain sentence for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotSent(ClientError):
    """The request certainly did not reach the provider (no connection, or it answered 5xx before accepting)."""


class Throttled(ClientError):
    """The provider asks to wait."""

    def __init__(self, reason: str, retry_after_seconds: float) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class Rejected(ClientError):
    """The provider refused for good; `code` is the provider's own."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class AuthFailed(ClientError):
    """The provider does not accept the credentials of the connection."""


class OutcomeUnknown(ClientError):
    """The request left, and no answer says what became of it."""


class SignatureInvalid(ClientError):
    """The arrival was not signed by the provider with our secret."""


class Unreadable(ClientError):
    """The arrival has not the form that the provider documents."""
