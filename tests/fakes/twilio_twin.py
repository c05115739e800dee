"""A strict Twilio on loopback: Messages.json as documented, status callbacks, and signed webhooks as Twilio makes them.

Written from the public API description (api.twilio.com/2010-04-01), on purpose without the `twilio` package, so that a
mistake in how we use the package cannot hide on both sides.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlencode

import httpx

from tests.fakes import twilio_templates
from tests.fakes.http_twin import Answer, HttpTwin, Received, arguments, run_as_process
from tests.fakes.twilio_templates import TwinTemplate

ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "twin0auth0token0twin0auth0token0"
OUR_NUMBER = "+15005550006"

_FIELDS = {"To", "From", "MessagingServiceSid", "Body", "MediaUrl", "ContentSid", "ContentVariables", "StatusCallback"}
_FIELDS |= {"ApplicationSid", "MaxPrice", "ProvideFeedback", "Attempt", "ValidityPeriod", "ForceDelivery", "RiskCheck"}
_FIELDS |= {"ContentRetention", "AddressRetention", "SmartEncoded", "PersistentAction", "TrafficType", "ShortenUrls"}
_FIELDS |= {"ScheduleType", "SendAt", "SendAsMms", "FallbackFrom", "MessageIntent"}
_LIST_FILTERS = {"To", "From", "DateSent", "DateSent>", "DateSent<", "PageSize", "Page", "PageToken"}
_ADDRESS = re.compile(r"(whatsapp:)?(\+[1-9]\d{6,14}|[A-Z]{2}\.[A-Za-z0-9]+)")
_SERIAL = itertools.count(1)


def sid(prefix: str = "SM") -> str:
    """A new identifier of Twilio's form: two letters and 32 hexadecimal digits."""
    return f"{prefix}{next(_SERIAL):08x}{hashlib.md5(str(id(_SERIAL)).encode()).hexdigest()[:24]}"


class Webhook(NamedTuple):
    """A call as Twilio would make it: post `body` with `headers` to `url`."""

    url: str
    headers: dict[str, str]
    body: bytes


def signature(token: str, url: str, fields: Mapping[str, str | Sequence[str]]) -> str:
    """base64(HMAC-SHA1(token, url + fields sorted by name, values sorted and without repeats))."""
    text = url
    for name in sorted(fields):
        value = fields[name]
        text += "".join(name + each for each in sorted({value} if isinstance(value, str) else set(value)))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def signed(url: str, fields: Mapping[str, str | Sequence[str]], token: str = AUTH_TOKEN) -> Webhook:
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
        "user-agent": "TwilioProxy/1.1",
        "i-twilio-idempotency-token": "0f5a5b2c-twin",
        "x-twilio-signature": signature(token, url, fields),
    }
    return Webhook(url, headers, urlencode(fields, doseq=True).encode())


def signed_sms(
    url: str,
    body: str = "Hello",
    *,
    sender: str = "+14155550123",
    to: str = OUR_NUMBER,
    message_sid: str = "",
    token: str = AUTH_TOKEN,
    account_sid: str = ACCOUNT_SID,
    media: Sequence[tuple[str, str]] = (),
    **more: str,
) -> Webhook:
    """An SMS that came in. `media` are (address, content type) pairs; `more` are further fields."""
    message_sid = message_sid or sid("MM" if media else "SM")
    fields = {"MessageSid": message_sid, "SmsSid": message_sid, "SmsMessageSid": message_sid, "SmsStatus": "received"}
    fields |= {"AccountSid": account_sid, "From": sender, "To": to, "Body": body, "NumMedia": str(len(media))}
    fields |= {"NumSegments": "1", "ApiVersion": "2010-04-01", "FromCountry": "US", "ToCountry": "US", "FromZip": ""}
    for place, (address, content_type) in enumerate(media):
        fields |= {f"MediaUrl{place}": address, f"MediaContentType{place}": content_type}
    return signed(url, fields | more, token)


def signed_whatsapp(
    url: str,
    body: str = "Hello",
    *,
    sender: str = "+14155550123",
    to: str = OUR_NUMBER,
    name: str = "Dana",
    **more: Any,
) -> Webhook:
    """A WhatsApp message that came in; takes everything that `signed_sms` takes."""
    more = {"ProfileName": name, "WaId": sender.lstrip("+"), "MessageType": "text", "Forwarded": "false"} | more
    return signed_sms(url, body, sender=f"whatsapp:{sender}", to=f"whatsapp:{to}", **more)


def signed_status(
    url: str, message: SentMessage, status: str, error_code: str = "", token: str = AUTH_TOKEN
) -> Webhook:
    """A status callback about a message that we sent."""
    fields = {"MessageSid": message.sid, "SmsSid": message.sid, "MessageStatus": status, "SmsStatus": status}
    fields |= {"To": message.to, "From": message.sender, "AccountSid": ACCOUNT_SID, "ApiVersion": "2010-04-01"}
    if message.to.startswith("whatsapp:"):
        fields["ChannelPrefix"] = "whatsapp"
    if error_code:
        fields["ErrorCode"] = error_code
    return signed(url, fields, token)


@dataclass(frozen=True)
class SentMessage:
    """A message that the twin accepted."""

    sid: str
    to: str
    sender: str  # '' when a messaging service chooses
    body: str
    media: tuple[str, ...]
    status_callback: str
    messaging_service_sid: str
    request: Received = field(repr=False)
    status: str = "queued"
    content_sid: str = ""  # the template that it was made of

    @property
    def at(self) -> datetime:
        return self.request.at

    @property
    def monotonic(self) -> float:
        return self.request.monotonic


class TwilioTwin(HttpTwin):
    """One account of Twilio. `sent` holds every message that was accepted, in order of arrival."""

    def __init__(self, port: int = 0, account_sid: str = ACCOUNT_SID, auth_token: str = AUTH_TOKEN) -> None:
        super().__init__(port)
        self.account_sid, self.auth_token = account_sid, auth_token
        self.account_status = "active"  # active, suspended, closed
        self.sent: list[SentMessage] = []
        self.templates: dict[str, TwinTemplate] = {}
        self.closed_windows: set[str] = set()  # WhatsApp addresses that take approved templates only
        self._places: dict[str, int] = {}
        self._basic = "Basic " + base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._account = f"/2010-04-01/Accounts/{account_sid}"
        self._messages = f"{self._account}/Messages"

    def answer(self, request: Received) -> Answer:
        if request.headers.get("authorization") != self._basic:
            return self._refuse(401, 20003, "Authentication Error - invalid username")
        if request.path == self._account + ".json" and request.method == "GET":
            return Answer.json(200, self._account_resource())
        if request.path == self._messages + ".json" and request.method == "POST":
            return self._create(request)
        if request.path == self._messages + ".json" and request.method == "GET":
            return self._list(request)
        if request.path == twilio_templates.LIST and request.method == "GET":
            return self._list_templates(request)
        if request.path.startswith(self._messages + "/") and request.method == "GET":
            place = self._places.get(request.path.removeprefix(self._messages + "/").removesuffix(".json"))
            if place is not None:
                return Answer.json(200, self._resource(self.sent[place]))
        return self._refuse(404, 20404, f"The requested resource {request.path} was not found")

    def add_template(self, name: str, body: str, **more: Any) -> TwinTemplate:
        """A template of the account, approved unless it is said otherwise."""
        made = TwinTemplate(sid("HX"), name, body, **more)
        self.templates[made.sid] = made
        return made

    def _list_templates(self, request: Received) -> Answer:
        if set(request.query) - {"PageSize", "Page", "PageToken"}:
            return self._refuse(400, 20001, "Unknown parameter")
        listed = [template.resource(self.account_sid) for template in self.templates.values()]
        return Answer.json(200, twilio_templates.page_of(listed, request.query, self.base_url))

    def refusal(self, status: int, code: int | str, message: str) -> Answer:
        more = f"https://www.twilio.com/docs/errors/{code}"
        return Answer.json(status, {"code": code or None, "message": message, "more_info": more, "status": status})

    def _refuse(self, status: int, code: int, message: str) -> Answer:
        self.refused.append(f"{code}: {message}")
        return self.refusal(status, code, message)

    def _create(self, request: Received) -> Answer:
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return self._refuse(415, 20415, "Unsupported Media Type")
        form = parse_qs(request.body.decode(), keep_blank_values=True, strict_parsing=bool(request.body))
        problem = _problem(form) or self._content_problem(form)
        if problem is not None:
            return self._refuse(400, *problem)
        message = self._accepted(form, request)
        self._places[message.sid] = len(self.sent)
        self.sent.append(message)
        return Answer.json(201, self._resource(message))

    def _content_problem(self, form: dict[str, list[str]]) -> tuple[int, str] | None:
        one = {name: values[0] for name, values in form.items()}
        chosen = one.get("ContentSid", "")
        problem = twilio_templates.problem(self.templates, one) if chosen else None
        if problem is not None or one["To"] not in self.closed_windows:
            return problem
        if chosen and self.templates[chosen].approval == "approved":
            return None
        return 63016, "Failed to send freeform message because you are outside the allowed window."

    def _accepted(self, form: dict[str, list[str]], request: Received) -> SentMessage:
        one = {name: values[0] for name, values in form.items()}
        media = tuple(form.get("MediaUrl", ()))
        template = self.templates.get(one.get("ContentSid", ""))
        body = template.rendered(twilio_templates.variables_of(one) or {}) if template else one.get("Body", "")
        return SentMessage(
            sid("MM" if media else "SM"),
            one["To"],
            one.get("From", ""),
            body,
            media,
            one.get("StatusCallback", ""),
            one.get("MessagingServiceSid", ""),
            request,
            "accepted" if "MessagingServiceSid" in form else "queued",
            one.get("ContentSid", ""),
        )

    def _account_resource(self) -> dict[str, Any]:
        when = format_datetime(datetime(2025, 1, 1, tzinfo=UTC))
        return {
            "sid": self.account_sid,
            "owner_account_sid": self.account_sid,
            "friendly_name": "Bright Smile Dental",
            "status": self.account_status,
            "type": "Full",
            "auth_token": self.auth_token,
            "date_created": when,
            "date_updated": when,
            "uri": f"{self._account}.json",
            "subresource_uris": {"messages": f"{self._messages}.json"},
        }

    def _resource(self, message: SentMessage) -> dict[str, Any]:
        when = format_datetime(message.at)
        delivered = message.status in ("sent", "delivered", "read", "undelivered")
        return {
            "sid": message.sid,
            "account_sid": self.account_sid,
            "to": message.to,
            "from": message.sender or None,
            "body": message.body,
            "status": message.status,
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "num_media": str(len(message.media)),
            "num_segments": "1",
            "messaging_service_sid": message.messaging_service_sid or None,
            "date_created": when,
            "date_updated": when,
            "date_sent": when if delivered else None,
            "price": None,
            "price_unit": "USD",
            "api_version": "2010-04-01",
            "uri": f"{self._messages}/{message.sid}.json",
            "subresource_uris": {"media": f"{self._messages}/{message.sid}/Media.json"},
        }

    def _list(self, request: Received) -> Answer:
        query = request.query
        unknown = set(query) - _LIST_FILTERS
        if unknown:
            return self._refuse(400, 20001, f"Unknown parameter {min(unknown)}")
        size, page = min(int(query.get("PageSize", 50)), 1000), int(query.get("Page", 0))
        found = [message for message in reversed(self.sent) if _matches(message, query)]
        shown = found[page * size : (page + 1) * size]
        follow = self._page_uri(query, page + 1, size) if len(found) > (page + 1) * size else None
        back = self._page_uri(query, page - 1, size) if page else None
        uris = {"uri": self._page_uri(query, page, size), "first_page_uri": self._page_uri(query, 0, size)}
        paging = {"page": page, "page_size": size, "start": page * size, "end": page * size + max(0, len(shown) - 1)}
        records = {"messages": [self._resource(message) for message in shown]}
        return Answer.json(200, {**records, **paging, **uris, "next_page_uri": follow, "previous_page_uri": back})

    def _page_uri(self, query: dict[str, str], page: int, size: int) -> str:
        return f"{self._messages}.json?{urlencode({**query, 'PageSize': size, 'Page': page}, quote_via=quote)}"

    def report(self, message_sid: str, status: str, error_code: str = "") -> httpx.Response:
        """Post a signed status callback for a message to the address that it asked for."""
        place = self._places[message_sid]
        self.sent[place] = message = replace(self.sent[place], status=status)
        call = signed_status(message.status_callback, message, status, error_code, self.auth_token)
        return httpx.post(call.url, content=call.body, headers=call.headers, timeout=15, trust_env=False)

    def state(self, since: int) -> dict[str, Any]:
        sent = [
            {"sid": each.sid, "to": each.to, "body": each.body, "at": each.at.timestamp(), "monotonic": each.monotonic}
            for each in self.sent[since:]
        ]
        return {**super().state(since), "sent": sent}


def _problem(form: dict[str, list[str]]) -> tuple[int, str] | None:
    unknown = set(form) - _FIELDS
    repeated = {name for name, values in form.items() if len(values) > 1} - {"MediaUrl", "PersistentAction"}
    if unknown or repeated:
        return 20001, f"Unknown or repeated parameter {min(unknown | repeated)}"
    one = {name: values[0] for name, values in form.items()}
    to, sender = one.get("To", ""), one.get("From", "")
    if not to:
        return 21604, "A 'To' phone number is required."
    if not _ADDRESS.fullmatch(to):
        return 21211, f"Invalid 'To' Phone Number: {to}"
    if not sender and not one.get("MessagingServiceSid", "").startswith("MG"):
        return 21603, "A 'From' phone number is required."
    if sender and (not _ADDRESS.fullmatch(sender) or sender.startswith("whatsapp:") != to.startswith("whatsapp:")):
        return 21212, f"Invalid 'From' Phone Number: {sender}"
    return _content_problem(form, one)


def _content_problem(form: dict[str, list[str]], one: dict[str, str]) -> tuple[int, str] | None:
    if not (one.get("Body") or form.get("MediaUrl") or one.get("ContentSid")):
        return 21602, "Message body is required."
    if len(one.get("Body", "")) > 1600:
        return 21617, "The concatenated message body exceeds the 1600 character limit."
    if len(form.get("MediaUrl", ())) > (1 if one["To"].startswith("whatsapp:") else 10):
        return 21623, "Number of media files exceeds allowed limit"
    callback = one.get("StatusCallback", "http://")
    if not callback.startswith(("http://", "https://")):
        return 21609, f"The StatusCallback URL {callback} is not a valid URL."
    return None


def _matches(message: SentMessage, query: Mapping[str, str]) -> bool:
    day = message.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    wanted = {name: query[name] for name in ("DateSent", "DateSent>", "DateSent<") if name in query}
    if wanted and message.status in ("queued", "accepted"):
        return False  # not sent yet, so there is no date to compare
    checks = (
        message.to == query.get("To", message.to),
        message.sender == query.get("From", message.sender),
        day.startswith(wanted.get("DateSent", "")),
        day >= wanted.get("DateSent>", ""),
        day[: len(wanted.get("DateSent<", ""))] <= wanted.get("DateSent<", "9"),
    )
    return all(checks)


if __name__ == "__main__":
    options = arguments(__doc__.splitlines()[0])
    options.add_argument("--account-sid", default=ACCOUNT_SID)
    options.add_argument("--auth-token", default=AUTH_TOKEN)
    chosen = options.parse_args()
    server = TwilioTwin(chosen.port, chosen.account_sid, chosen.auth_token)
    server.delay_seconds = chosen.delay
    run_as_process(server)
