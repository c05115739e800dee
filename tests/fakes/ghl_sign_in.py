"""Tokens of a twin of GoHighLevel: private ones, and OAuth with refresh tokens that work once."""

from __future__ import annotations

import time
from html import escape
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from tests.fakes.ghl_world import Call, Grant, Refused, Thing, World, malformed, new_id
from tests.fakes.http_twin import Answer, Received

LOCATION_ID = "loc0Twin0Location000"
COMPANY_ID = "com0Twin0Company0000"
APP_ID = "650f0a1b2c3d4e5f60718293"
CLIENT_ID = f"{APP_ID}-twin0app"
CLIENT_SECRET = "twin-client-secret-0123456789"
TOKEN = "pit-0123abcd-4567-89ef-0123-456789abcdef"
ALL_SCOPES = frozenset(
    [
        "contacts.readonly",
        "contacts.write",
        "conversations.readonly",
        "conversations.write",
        "conversations/message.readonly",
        "conversations/message.write",
        "opportunities.readonly",
        "opportunities.write",
        "calendars.readonly",
        "calendars/events.readonly",
        "calendars/events.write",
        "locations.readonly",
        "locations/customFields.readonly",
        "locations/customValues.readonly",
        "locations/tags.readonly",
        "locations/tags.write",
        "locations/tasks.readonly",
        "locations/templates.readonly",
        "workflows.readonly",
        "users.readonly",
    ]
)


class SignIn(World):
    """Who may do what, and how one comes to a token."""

    def __init__(self, location_id: str, company_id: str, timezone: str) -> None:
        super().__init__(location_id, company_id, timezone)
        self.token, self.client_id, self.client_secret, self.app_id = TOKEN, CLIENT_ID, CLIENT_SECRET, APP_ID
        self.token_seconds = 86_399
        self.asks = False  # whether the page that asks for consent is shown
        self.returns_state = True  # whether the page that asks for consent gives `state` back
        self.grants: dict[str, Grant] = {TOKEN: Grant(ALL_SCOPES, location_id)}
        self.refresh_tokens: dict[str, tuple[str, Grant]] = {}  # refresh token -> (its access token, what it may)
        self.codes: dict[str, tuple[str, Grant]] = {}  # code -> (redirect address, what it is for)
        self.refreshes = 0  # tokens that were exchanged
        self.installed: list[Thing] = [
            {"_id": location_id, "name": "Bright Smile Dental", "address": "1 Main Street", "isInstalled": True}
        ]

    def allow(self, *scopes: str, token: str = TOKEN) -> None:
        """The token has these scopes and no others."""
        self.grants[token].scopes = frozenset(scopes)

    def deny(self, *scopes: str, token: str = TOKEN) -> None:
        self.grants[token].scopes -= frozenset(scopes)

    def issue(self, *, company: bool = False, scopes: frozenset[str] = ALL_SCOPES) -> Thing:
        """A pair of tokens of the app, as after an installation."""
        extra = frozenset({"oauth.readonly", "oauth.write"}) if company else frozenset()
        return self._pair(Grant(scopes | extra, "" if company else self.location_id, COMPANY_ID, APP_ID))

    def end(self, access_token: str) -> None:
        """The access token has ended."""
        self.grants[access_token].ends = 0.0

    def _signed_in(self, request: Received) -> Grant:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self.grants.get(token)
        if scheme != "Bearer" or grant is None:
            raise Refused(401, "Invalid JWT", error="Unauthorized")
        if grant.ends <= time.monotonic():
            raise Refused(401, "Invalid token: access token is expired", error="Unauthorized")
        return grant

    def _consent(self, request: Received) -> Answer:
        """The page where an admin chooses the location; without `asks` whoever opens it has agreed at once."""
        query = request.query
        if query.get("client_id") != self.client_id or query.get("response_type") != "code" or not query.get("scope"):
            raise malformed(400, "The link lacks client_id, response_type or scope")
        if self.asks and "agreed" not in query:
            return self._ask(request)
        code = new_id()
        company = "oauth.write" in query["scope"].split()
        scopes = frozenset(query["scope"].split())
        location = query.get("agreed", self.location_id)
        if location not in [each["_id"] for each in self.installed]:
            raise malformed(400, "There is no such location")
        self.codes[code] = (query["redirect_uri"], Grant(scopes, "" if company else location, COMPANY_ID, APP_ID))
        back = {"code": code} | ({"state": query["state"]} if self.returns_state and "state" in query else {})
        return Answer(302, b"", {"Location": f"{query['redirect_uri']}?{urlencode(back)}"})

    def _ask(self, request: Received) -> Answer:
        """The consent as a page: a form with the locations, which comes back with `agreed`."""
        kept = "".join(
            f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in request.query.items()
        )
        places = "".join(f'<option value="{each["_id"]}">{escape(each["name"])}</option>' for each in self.installed)
        page = (
            f'<!doctype html><html lang="en"><title>Choose a location</title><h1>Choose a location</h1><form>{kept}'
            f'<label>Location <select name="agreed">{places}</select></label><button>Allow and install</button></form></html>'
        )
        return Answer(200, page.encode(), content_type="text/html")

    def _exchange(self, request: Received) -> Answer:
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise malformed(415, "/oauth/token takes application/x-www-form-urlencoded")
        form = dict(parse_qsl(request.body.decode()))
        known = {"client_id", "client_secret", "grant_type", "code", "refresh_token", "user_type", "redirect_uri"}
        if set(form) - known or not {"client_id", "client_secret", "grant_type"} <= set(form):
            raise malformed(422, f"/oauth/token takes {', '.join(sorted(known))}")
        if (form["client_id"], form["client_secret"]) != (self.client_id, self.client_secret):
            return Answer.json(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        if form["grant_type"] == "authorization_code":
            redirect, grant = self.codes.pop(form.get("code", ""), ("", None))
            if grant is None or form.get("redirect_uri", redirect) != redirect:
                return Answer.json(400, {"error": "invalid_grant", "error_description": "This code is invalid"})
            return Answer.json(200, self._pair(grant))
        _, grant = self.refresh_tokens.pop(form.get("refresh_token", ""), ("", None))
        if grant is None:
            return Answer.json(400, {"error": "invalid_grant", "error_description": "This refresh token is invalid"})
        self.refreshes += 1
        return Answer.json(200, self._pair(grant))

    def _pair(self, grant: Grant) -> Thing:
        access, refresh = f"access-{uuid4()}", f"refresh-{uuid4()}"
        self.grants[access] = Grant(
            grant.scopes, grant.location_id, grant.company_id, grant.app_id, time.monotonic() + self.token_seconds
        )
        self.refresh_tokens[refresh] = (access, grant)
        place = {"locationId": grant.location_id} if grant.location_id else {"isBulkInstallation": True}
        return {
            "access_token": access, "token_type": "Bearer", "expires_in": self.token_seconds, "refresh_token": refresh,
            "scope": " ".join(sorted(grant.scopes)), "userType": "Location" if grant.location_id else "Company",
            "companyId": grant.company_id, "userId": "user0Twin0Admin00000", **place,
        }  # fmt: skip

    def location_token(self, call: Call) -> tuple[int, Thing]:
        if call.grant.location_id or call.body["companyId"] != call.grant.company_id:
            raise Refused(401, "Invalid token: not the token of this company", error="Unauthorized")
        if call.body["locationId"] not in [each["_id"] for each in self.installed]:
            raise Refused(400, "Location not found or the app is not installed there")
        made = self._pair(Grant(call.grant.scopes, call.body["locationId"], COMPANY_ID, APP_ID))
        self.refresh_tokens.pop(made.pop("refresh_token"))
        return 200, made

    def installed_locations(self, call: Call) -> tuple[int, Thing]:
        skip, limit = int(call.query.get("skip", 0)), int(call.query.get("limit", 20))
        return 200, {"locations": self.installed[skip : skip + limit], "count": len(self.installed)}
