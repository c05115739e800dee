"""Refusals of GoHighLevel: which of them a new token could help, which are final, which are waits."""

import pytest

from nodes.clients.ghl_answer import Said, is_stale_token, refusal, said
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected, Throttled


@pytest.mark.parametrize(
    ("status", "message", "stale", "error"),
    [
        (401, "Invalid token: access token is invalid", True, AuthFailed),
        (401, "Invalid JWT", True, AuthFailed),
        (401, "", True, AuthFailed),
        (401, "The token is not authorized for this scope.", False, Rejected),
        (401, "The token does not have access to this location.", False, AuthFailed),
        (403, "The token does not have access to this location.", False, AuthFailed),
        (401, "No conversation provider found for this message", False, Rejected),
        (403, "Forbidden resource", False, Rejected),
        (400, "Cannot send message as DND is active for SMS.", False, Rejected),
        (404, "", False, Rejected),
        (408, "", False, NotSent),
        (429, "", False, Throttled),
        (500, "", False, OutcomeUnknown),
    ],
)
def test_each_refusal_has_its_error(status: int, message: str, stale: bool, error: type[ClientError]) -> None:
    assert is_stale_token(status, Said(message)) is stale
    assert type(refusal(status, {}, Said(message), scope="contacts.write", reads=False)) is error


def test_a_read_that_failed_at_their_side_may_be_repeated() -> None:
    assert type(refusal(503, {}, Said(), scope="", reads=True)) is NotSent
    assert type(refusal(503, {"retry-after": "4"}, Said(), scope="", reads=False)) is Throttled


def test_a_missing_scope_is_named() -> None:
    error = refusal(401, {}, Said("The token is not authorized for this scope."), scope="contacts.write", reads=True)
    assert isinstance(error, Rejected)
    assert (error.code, "lacks the scope contacts.write" in error.reason) == ("missing_scope", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"statusCode":422,"message":["a must be text","b should not exist"]}', "a must be text; b should not exist"),
        ('{"status":422,"message":"Skip sending."}', "Skip sending."),
        (
            '{"error":"invalid_grant","error_description":"This refresh token is invalid"}',
            "This refresh token is invalid",
        ),
        ("<html>", ""),
        ("[" * 100_000, ""),
        ("null", ""),
    ],
)
def test_a_message_is_read_in_every_form(text: str, message: str) -> None:
    assert said(text).message == message
