"""GoHighLevel's webhooks in our words: events of the app, messages for its conversation provider, calls of its workflows.

Two kinds of body: an app event is flat and has a `type`; what is to be sent (the provider's delivery address) has a
`messageId` and no event name. Calls of workflows are not signed: the door knows them by the token in their address, and
nothing they say of a contact is taken over.
Sources: marketplace documentation, WebhookIntegrationGuide and the event pages (read 2026-11).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from db.settings import get_settings
from db.signatures import KeyUnusable, is_signed_ed25519, is_signed_rsa_sha256
from nodes.clients.channel import Account, Arrival, Keys, Request
from nodes.clients.ghl_events import event, outgoing, workflow_call
from nodes.clients.ghl_words import clean, identifier, words
from nodes.errors import SignatureInvalid, Unreadable

SIGNATURE, LEGACY_SIGNATURE = "x-ghl-signature", "x-wh-signature"
UNSIGNED = "N/A"  # what GHL writes where it did not sign
# GHL keeps its deliveries for 30 days and sends one again on demand; what is older is somebody who kept a copy.
OLDEST, NEWEST = timedelta(days=31), timedelta(days=1)
WORKFLOW_WINDOW_SECONDS = 120  # the same call of a workflow within this time is the same


class GhlArrivals:
    """What a location of GHL tells. Account.config: location_id, app_id."""

    kind = "ghl"

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def verify(self, account: Account, request: Request) -> None:
        """The signature, and that the call is for this location and app: GHL signs for everybody with the same key."""
        check_signature(request)
        told = _told(body_of(request))
        if location_of(body_of(request)) not in ("", account.config.get("location_id")):
            raise SignatureInvalid("The call is about another location than the one of this connection.")
        app = str(account.config.get("app_id") or "")
        if app and told.get("appId") not in (None, "", app):
            raise SignatureInvalid("The call is for another app than the one of this connection.")

    def keys(self, account: Account, request: Request) -> Keys:
        body = body_of(request)
        if is_workflow_call(request):
            return self._workflow_keys(account, request, body)
        told = _told(body)
        self._check_age(body, told)
        message_id = identifier(told.get("messageId") or told.get("emailMessageId"))
        if is_outgoing(request):
            if not message_id:
                raise Unreadable("The message that is to be sent has no messageId.")
            return Keys("ghl.outgoing", f"outgoing:{message_id}", _order_key(account, told))
        kind = words(body.get("type") or told.get("type"), 60)
        if not kind:
            raise Unreadable("The event has no type.")
        given = identifier(body.get("webhookId") or told.get("webhookId"))
        key = given or (f"{kind}:{message_id}" if message_id else hashlib.sha256(request.body).hexdigest())
        return Keys(f"ghl.{kind}", key, _order_key(account, told))

    def parse(self, account: Account, request: Request) -> list[Arrival]:
        body = body_of(request)
        if is_workflow_call(request):
            return [workflow_call(body)]
        told = _told(body)
        if is_outgoing(request):
            return [outgoing(told)]
        return [event(words(body.get("type") or told.get("type"), 60), told)]

    def _workflow_keys(self, account: Account, request: Request, body: Mapping[str, Any]) -> Keys:
        """A workflow gives no id of the call, unless the builder put one into its custom data."""
        custom = body.get("customData")
        chosen = custom if isinstance(custom, Mapping) else {}
        given = identifier(chosen.get("event_id") or chosen.get("idempotency_key"))
        slot = int(self._clock() // WORKFLOW_WINDOW_SECONDS)
        key = given or f"{hashlib.sha256(request.body).hexdigest()}:{slot}"
        return Keys("ghl.workflow", f"workflow:{key}", _order_key(account, {"contactId": body.get("contact_id")}))

    def _check_age(self, body: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        try:
            at = datetime.fromisoformat(str(body.get("timestamp") or told.get("timestamp")))
        except ValueError:
            return  # many events carry none
        moment = at if at.tzinfo else at.replace(tzinfo=UTC)
        age = datetime.fromtimestamp(self._clock(), UTC) - moment
        if age > OLDEST or age < -NEWEST:
            raise Unreadable("The event is too old, or from the future. It is not taken.")


def check_signature(request: Request) -> None:
    """Accept only bodies that GHL signed; raises SignatureInvalid.

    X-GHL-Signature = base64(Ed25519 over the raw body), "N/A" where it is unsigned. X-WH-Signature = base64(RSA-SHA256), withdrawn
    on 2026-09-01 and taken only where GHL_ACCEPT_LEGACY_SIGNATURE says so and the newer one is absent.
    """
    settings = get_settings()
    given, legacy = request.headers.get(SIGNATURE, ""), request.headers.get(LEGACY_SIGNATURE, "")
    try:
        if given:
            valid = given != UNSIGNED and is_signed_ed25519(settings.ghl_public_key, given, request.body)
        elif legacy and settings.ghl_accept_legacy_signature:
            valid = legacy != UNSIGNED and is_signed_rsa_sha256(settings.ghl_legacy_public_key, legacy, request.body)
        else:
            raise SignatureInvalid("The call carries no X-GHL-Signature.")
    except KeyUnusable as error:
        raise SignatureInvalid(f"GHL_PUBLIC_KEY cannot be used. {error}") from error
    if not valid:
        raise SignatureInvalid("The signature is not GoHighLevel's.")


def body_of(request: Request) -> Mapping[str, Any]:
    """The JSON object of a call. Raises Unreadable."""
    try:
        found: Any = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("The body is no JSON.") from error
    if not isinstance(found, dict):
        raise Unreadable("The body is no JSON object.")
    cleaned: Mapping[str, Any] = clean(found)
    return cleaned


def location_of(body: Mapping[str, Any]) -> str:
    """The location that a call is about; '' where it is about an agency as a whole."""
    told = _told(body)
    if str(body.get("type") or "") in ("LocationCreate", "LocationUpdate"):
        return identifier(told.get("id"))
    return identifier(told.get("locationId"))


def company_of(body: Mapping[str, Any]) -> str:
    return identifier(_told(body).get("companyId"))


def is_outgoing(request: Request) -> bool:
    """A call to the provider's delivery address."""
    return urlsplit(request.url).path.endswith("/outgoing")


def is_workflow_call(request: Request) -> bool:
    return urlsplit(request.url).path.endswith("/workflow")


def _told(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an event says. GHL's own sample code reads it from `data`, its samples and captures are flat."""
    inner = body.get("data")
    return inner if isinstance(inner, Mapping) else body


def _order_key(account: Account, told: Mapping[str, Any]) -> str:
    """Events of one contact stay in order."""
    appointment = told.get("appointment")
    nested = appointment.get("contactId") if isinstance(appointment, Mapping) else None
    contact = identifier(told.get("contactId") or nested or told.get("id"))
    return f"{account.id}:{contact or 'location'}"
