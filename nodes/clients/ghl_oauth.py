"""Signing in at GoHighLevel as a marketplace app: the address to open, and the exchange of codes and tokens.

An access token lives about a day. A refresh token lives a year or until it is used: each exchange gives a new pair, and one that
is lost means installing again. Whoever exchanges must be alone and must write the new pair before using it (flows.crm_tokens).
Source: D:oauth/Authorization.md, S:oauth.json; texts of refusals [K].
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from nodes.clients.ghl_answer import TOKEN_REFUSED
from nodes.clients.ghl_http import BASE_URL, READ_SECONDS, FixedToken, GhlHttp, pool
from nodes.clients.ghl_scopes import SCOPES
from nodes.clients.http import retry_after_seconds, translated
from nodes.errors import AuthFailed, NotSent, OutcomeUnknown, Rejected, Throttled

CHOOSE_LOCATION = "https://marketplace.gohighlevel.com/v2/oauth/chooselocation"
INSTALL_AGAIN = "Connect GoHighLevel again: its sign-in has ended."
_GRANT = re.compile(r"grant|refresh.?token|\bcode\b", re.IGNORECASE)  # {"error": "invalid_grant", ...} [K]


@dataclass(frozen=True)
class App:
    """A marketplace app. `install_url` is the link that its page Auth shows; '' = the usual page."""

    client_id: str
    client_secret: str = field(repr=False)
    install_url: str = ""
    base_url: str = BASE_URL

    @property
    def app_id(self) -> str:
        """Client ids are <app id>-<suffix>."""
        return self.client_id.partition("-")[0]


@dataclass(frozen=True)
class Grant:
    """What an exchange gave. A company's grant has no location."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)  # '' for a location's token that was made from the company's
    expires_in: float
    user_type: str  # Location or Company
    location_id: str
    company_id: str
    scopes: tuple[str, ...]


def authorize_url(app: App, redirect_uri: str, state: str, scopes: Sequence[str] = SCOPES) -> str:
    """Where an admin chooses the location and agrees. Parameters that the install link has already stay."""
    parts = urlsplit(app.install_url or CHOOSE_LOCATION)
    own = {"response_type": "code", "client_id": app.client_id, "redirect_uri": redirect_uri, "scope": " ".join(scopes)}
    query = {**own, **dict(parse_qsl(parts.query)), "state": state}
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))


def exchange_code(app: App, code: str, redirect_uri: str) -> Grant:
    """The first pair of tokens. Raises AuthFailed for a code that was used or is not ours."""
    return _token(app, {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri})


def refresh(app: App, refresh_token: str, user_type: str) -> Grant:
    """The next pair. Raises AuthFailed where the refresh token was used before, OutcomeUnknown where nobody knows."""
    return _token(app, {"grant_type": "refresh_token", "refresh_token": refresh_token, "user_type": user_type})


def location_token(base_url: str, company_token: str, company_id: str, location_id: str) -> Grant:
    """A token for one location out of the company's; it cannot be refreshed, only made anew."""
    http = GhlHttp(FixedToken(company_token), base_url=base_url)
    form = {"companyId": company_id, "locationId": location_id}
    return _grant(http.call("POST", "/oauth/locationToken", scope="oauth.write", form=form, reads=True))


def installed_locations(base_url: str, company_token: str, company_id: str, app_id: str) -> Iterator[tuple[str, str]]:
    """(id, name) of the locations where the company has the app."""
    http, seen = GhlHttp(FixedToken(company_token), base_url=base_url), 0
    while True:
        page = (
            http.get(
                "/oauth/installedLocations",
                "oauth.readonly",
                companyId=company_id,
                appId=app_id,
                isInstalled=True,
                skip=seen,
                limit=100,
            ).get("locations")
            or ()
        )
        yield from ((str(each["_id"]), str(each.get("name") or each["_id"])) for each in page)
        seen += len(page)
        if len(page) < 100:
            return


def _token(app: App, form: Mapping[str, str]) -> Grant:
    whole = {"client_id": app.client_id, "client_secret": app.client_secret, **form}
    with translated("GoHighLevel"):
        answer = pool(READ_SECONDS).post(
            f"{app.base_url.rstrip('/')}/oauth/token", data=whole, headers={"Accept": "application/json"}
        )
    body = _body(answer.text)
    if answer.is_success and body.get("access_token"):
        return _grant(body)
    told = " ".join(str(body.get(name) or "") for name in ("error", "error_description", "message"))
    raise _refused(answer.status_code, answer.headers, str(body.get("error") or ""), told)


def _refused(status: int, headers: Mapping[str, str], error: str, said: str) -> Exception:
    if status == 429:
        return Throttled("GoHighLevel asks to wait.", retry_after_seconds(headers))
    if error == "invalid_client":
        return AuthFailed("GoHighLevel does not know the app. Check the client id and the client secret.")
    if status in (400, 401, 422):
        # Without a word about the grant it may be trouble of GHL's own: it is asked again, instead of somebody signing in again.
        return AuthFailed(INSTALL_AGAIN if _GRANT.search(said) else TOKEN_REFUSED)
    if status >= 500 or status < 300:
        return OutcomeUnknown(f"GoHighLevel answered {status}, which does not say whether the token was exchanged.")
    return (
        NotSent(f"GoHighLevel answered {status}.")
        if status == 408
        else Rejected(str(status), f"GoHighLevel answered {status}.")
    )


def _grant(body: Mapping[str, Any]) -> Grant:
    try:
        expires_in = float(body.get("expires_in") or 0)
    except (TypeError, ValueError):
        expires_in = 0.0
    if not body.get("access_token"):
        raise NotSent("GoHighLevel gave an answer without a token.")
    return Grant(
        access_token=str(body["access_token"]),
        refresh_token=str(body.get("refresh_token") or ""),
        expires_in=expires_in,
        user_type=str(body.get("userType") or ("Location" if body.get("locationId") else "Company")),
        location_id=str(body.get("locationId") or ""),
        company_id=str(body.get("companyId") or ""),
        scopes=tuple(str(body.get("scope") or "").split()),
    )


def _body(text: str) -> dict[str, Any]:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
