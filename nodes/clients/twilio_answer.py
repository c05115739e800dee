"""What Twilio's refusals mean. Source: twilio.com/docs/api/errors (read 2026-11)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nodes.clients.http import retry_after_seconds
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected, Throttled

_SENTENCES = {
    "20005": "The Twilio account is suspended. Sign in at twilio.com to see why.",
    "21211": "The recipient's number is not a valid phone number.",
    "21212": "The sender number is not valid. Correct it in the Twilio connection.",
    "21408": "The Twilio account may not send to this country. Permit the country under Geo permissions at twilio.com.",
    "21602": "The message is empty.",
    "21603": "The Twilio connection has no sender number. Enter one.",
    "21604": "The message has no recipient.",
    "21606": "The sender number cannot send such messages. Choose another number in the Twilio connection.",
    "21608": "The Twilio account is a trial: it may only send to numbers that were verified at twilio.com.",
    "21609": "Twilio cannot use the address for receipts. Set FRONTDESK_PUBLIC_URL to an address that the internet reaches.",
    "21610": "The recipient replied STOP and may not be written to until they reply START.",
    "21611": "Too many messages wait at this sender number. Send less, or through a messaging service.",
    "21614": "The recipient's number is no mobile number, so it gets no SMS.",
    "21617": "The message is longer than the 1600 characters that Twilio takes.",
    "21623": "The message has more files than Twilio takes.",
    "21655": "The content template does not exist at Twilio.",
    "30001": "Too many messages were waiting to be sent.",
    "30002": "The Twilio account is suspended. Sign in at twilio.com to see why.",
    "30003": "The recipient's phone is switched off or out of reach.",
    "30004": "The recipient blocks such messages.",
    "30005": "The recipient's number is not in use.",
    "30006": "The recipient's number is a landline or its carrier takes no SMS.",
    "30007": "The carrier filtered the message as unwanted.",
    "30008": "The carrier did not deliver the message and does not say why.",
    "30034": "The sender number is not registered for business messages to the US (A2P 10DLC). Register it at twilio.com.",
    "63003": "The recipient has no WhatsApp at this number.",
    "63007": "The sender number is not a WhatsApp sender of this Twilio account. Correct it in the Twilio connection.",
    "63013": "WhatsApp refused the message because of its policies.",
    "63016": "The customer last wrote more than 24 hours ago: WhatsApp takes only approved templates now.",
    "63018": "WhatsApp limits how fast this number may send.",
    "63020": "The WhatsApp business account is not set up yet. Finish that at twilio.com.",
    "63021": "WhatsApp does not take this content.",
    "63024": "The recipient cannot be written to on WhatsApp.",
    "63032": "WhatsApp holds messages to this recipient back for an experiment.",
    "63049": "WhatsApp chose not to deliver this marketing message.",
}
_WAIT = {"20429", "14107", "63018"}
_SIGN_IN = {"20003", "20005"}


def sentence(code: str, otherwise: str = "") -> str:
    """The code in words; `otherwise` is what Twilio itself said."""
    return _SENTENCES.get(code) or otherwise or f"Twilio reported error {code or 'without a code'}."


def refusal(status: int, headers: Mapping[str, str], text: str) -> ClientError:
    """The error for an answer that is not 2xx.

    503 with `Retry-After` is Twilio asking to wait. Any other 5xx may come from a machine that stands behind the one
    that took the message, so it says nothing about the outcome.
    """
    code, said = _payload(text)
    if status == 429 or code in _WAIT or (status == 503 and "retry-after" in headers):
        return Throttled(sentence(code, said or "Twilio asks to wait."), retry_after_seconds(headers))
    if status == 401 or code in _SIGN_IN:
        remedy = "Twilio does not accept the account SID and auth token. Enter valid ones in the Twilio connection."
        return AuthFailed(remedy if code != "20005" else sentence(code))
    if status == 408:
        return NotSent("Twilio did not receive the request in full.")
    if status >= 500:
        return OutcomeUnknown(f"Twilio answered {status}, which does not say whether it took the message.")
    return Rejected(code or str(status), sentence(code, said or f"Twilio answered {status}."))


def _payload(text: str) -> tuple[str, str]:
    """(code, message) of an error body; both '' where it is not Twilio's JSON (a proxy's page, for example)."""
    try:
        body: Any = json.loads(text)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    said = body.get("message") or body.get("detail") or body.get("title") or ""
    return str(body.get("code") or ""), str(said)[:500]
