"""Twilio's webhooks in our words: form fields in, messages and receipts out.

Sources: twilio.com/docs/messaging/guides/webhook-request and .../track-outbound-message-status (read 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Literal
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from nodes.clients.channel import (
    Arrival,
    Identity,
    Ignored,
    IncomingMedia,
    IncomingMessage,
    Receipt,
    ReceiptState,
    Request,
)
from nodes.clients.text import printable
from nodes.clients.twilio_answer import sentence
from nodes.errors import Unreadable

WHATSAPP = "whatsapp:"
OUTBOX_PARAMETER = "m"  # of the callback address: which message of ours a status is about

_STATES: dict[str, ReceiptState] = {
    "sent": "sent",
    "partially_delivered": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
    "canceled": "failed",
}
# Twilio's own words for SMS. YES also counts as START there, but customers answer questions with it.
_STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
_START = {"START", "UNSTOP"}
_MORE = (
    "ButtonPayload",
    "ListId",
    "OriginalRepliedMessageSid",
    "ReferralSourceUrl",
    "ReferralHeadline",
    "ReferralBody",
)


class Form(dict[str, list[str]]):
    """A form body that keeps repeated fields; `getlist` is what the signature check asks for."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def is_form(request: Request) -> bool:
    content_type = request.headers.get("content-type", "application/x-www-form-urlencoded")
    return content_type.lower().startswith("application/x-www-form-urlencoded")


def form(request: Request) -> Form:
    return Form(parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def fields(request: Request) -> dict[str, str]:
    """The form fields, cleaned, first value each. Raises Unreadable where it is no form or has no message id."""
    if not is_form(request):
        raise Unreadable("The body is not a form, which is how Twilio reports messages.")
    values = {printable(name): printable(given[0]) for name, given in form(request).items()}
    if not re.fullmatch(r"[\w-]{1,64}", message_sid(values), re.ASCII):
        raise Unreadable("The field MessageSid is missing or is not an identifier.")
    return values


def message_sid(values: Mapping[str, str]) -> str:
    return values.get("MessageSid") or values.get("SmsMessageSid") or values.get("SmsSid") or ""


def is_status(values: Mapping[str, str]) -> bool:
    """A report about a message of ours; incoming messages carry `SmsStatus=received`."""
    return values.get("MessageStatus", "received") not in ("received", "receiving")


def sender(values: Mapping[str, str]) -> str:
    """`From` as Twilio writes it. Raises Unreadable when it is missing."""
    address = values.get("From", "").strip()
    if not 1 <= len(address.removeprefix(WHATSAPP)) <= 200:
        raise Unreadable("The field From is missing or is no address.")
    return address


def receipt(values: Mapping[str, str], url: str) -> Arrival:
    status = values["MessageStatus"].lower()
    state = _STATES.get("read" if values.get("EventType") == "READ" else status)
    if state is None:
        return Ignored(f"Twilio reports '{status[:40]}', which is not yet an outcome.")
    code = values.get("ErrorCode", "")
    said = values.get("ErrorMessage") or values.get("ChannelStatusMessage") or ""
    error = sentence(code, said[:500]) if state == "failed" else ""
    return Receipt(message_sid(values), state, None, _outbox_id(url), code if state == "failed" else "", error)


def _outbox_id(url: str) -> UUID | None:
    given = parse_qs(urlsplit(url).query).get(OUTBOX_PARAMETER, [""])[0]
    try:
        return UUID(given)
    except ValueError:
        return None  # a callback address that somebody else set


def message(values: Mapping[str, str], own_addresses: Collection[str]) -> Arrival:
    raw = sender(values)
    is_whatsapp, address = raw.startswith(WHATSAPP), raw.removeprefix(WHATSAPP)
    if values.get("Direction", "inbound").startswith("outbound") or address in own_addresses:
        return Ignored("This is a message of our own that came back.")
    if ":" in address:
        return Ignored(f"Messages by {address.partition(':')[0][:40]} are not answered, only SMS and WhatsApp.")
    return IncomingMessage(
        channel="whatsapp" if is_whatsapp else "sms",
        address=address,
        identities=_whatsapp_identities(address, values) if is_whatsapp else (Identity("phone", address),),
        provider_message_id=message_sid(values),
        text=_text(values),
        name=values.get("ProfileName", "").strip()[:200],
        media=tuple(_media(values)),
        opt_out=_opt_out(values),
        metadata={name: values[name] for name in ("To", *_MORE) if values.get(name)},
    )


def _whatsapp_identities(address: str, values: Mapping[str, str]) -> tuple[Identity, ...]:
    """Phone and WhatsApp id; people may hide the number, and then Twilio names a business-scoped user id (BSUID)."""
    whatsapp_id = values.get("WaId", "").lstrip("+")
    if not re.fullmatch(r"\+\d{5,20}", address, re.ASCII):
        known = (Identity("whatsapp", whatsapp_id),) if re.fullmatch(r"\d{5,20}", whatsapp_id, re.ASCII) else ()
        return (Identity("bsuid", address), *known)
    if not re.fullmatch(r"\d{5,20}", whatsapp_id, re.ASCII):
        whatsapp_id = address.lstrip("+")
    return (Identity("phone", address), Identity("whatsapp", whatsapp_id))


def _text(values: Mapping[str, str]) -> str:
    """What the customer said: typed, tapped or pointed at on a map."""
    said = values.get("Body", "").strip() or values.get("ButtonText", "") or values.get("ListTitle", "")
    if values.get("Latitude") and values.get("Longitude"):
        named = ", ".join(values[name] for name in ("Label", "Address") if values.get(name))
        point = f"({values['Latitude']}, {values['Longitude']})"
        place = f"Location: {named} {point}" if named else f"Location: {point}"
        return f"{said}\n{place}" if said else place
    return said


def _media(values: Mapping[str, str]) -> Iterator[IncomingMedia]:
    for place in range(20):  # Twilio sends at most 10
        address = values.get(f"MediaUrl{place}", "")
        if address.startswith(("https://", "http://")):
            yield IncomingMedia(address, values.get(f"MediaContentType{place}", ""))


def _opt_out(values: Mapping[str, str]) -> Literal["", "stop", "start"]:
    """Twilio says it for SMS when its opt-out service is on; on WhatsApp nobody but us looks at the words."""
    told = values.get("OptOutType", "").upper()
    word = values.get("Body", "").strip(" \t\n.!").upper()
    if told == "STOP" or (not told and word in _STOP):
        return "stop"
    return "start" if told == "START" or (not told and word in _START) else ""
