"""HTTP to providers: one way to make a client, one place where httpx's exceptions become ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from nodes.errors import NotSent, OutcomeUnknown, Rejected

CONNECT_SECONDS = 5.0
WAIT_SECONDS = 10.0  # when a provider throttles and does not say for how long
LONGEST_WAIT_SECONDS = 3600.0  # what a provider may ask for; an hour later a message is looked at again

# A proxy of the environment cannot reach servers on this machine.
OWN_MACHINE = {"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None}
_BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.LocalProtocolError,
)


def http_client(read_seconds: float) -> httpx.Client:
    """A pool of connections for several threads. It follows no redirects: credentials must not travel."""
    timeout = httpx.Timeout(read_seconds, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
    return httpx.Client(timeout=timeout, mounts=OWN_MACHINE, follow_redirects=False)


@contextmanager
def translated(provider: str) -> Iterator[None]:
    """Raise our errors for httpx's, split by what is known: never sent, or perhaps sent."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        reason = f"The address of {provider} cannot be used: {error}. Correct it in the connection."
        raise Rejected("bad_address", reason) from error
    except _BEFORE_SENDING as error:
        raise NotSent(f"{provider} cannot be reached: {error or type(error).__name__}.") from error
    except (httpx.HTTPError, httpx.StreamError, httpx.CookieConflict) as error:
        reason = f"{provider} was asked and did not answer: {error or type(error).__name__}."
        raise OutcomeUnknown(reason) from error


def retry_after_seconds(headers: Mapping[str, str]) -> float:
    """Seconds from `Retry-After`; a date there, or nonsense, counts as not said."""
    try:
        asked = float(headers.get("retry-after", ""))
    except ValueError:
        return WAIT_SECONDS
    return min(asked, LONGEST_WAIT_SECONDS) if asked >= 0 else WAIT_SECONDS
