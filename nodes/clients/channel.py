"""The seam between a channel's client and everything else: what arrives, what leaves, what a receipt says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

Channel = Literal["webchat", "sms", "whatsapp", "email"]
IdentityKind = Literal["phone", "whatsapp", "lid", "bsuid", "email", "ghl", "webchat"]
ReceiptState = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True)
class Account:
    """A connection as a client sees it: its settings and its secrets in the clear. Never logged: repr hides the secrets."""

    id: UUID
    workspace_id: UUID
    kind: str
    config: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Request:
    """A webhook call as it came: the raw body and the public address that the provider called."""

    method: str
    url: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True)
class Keys:
    """What the door needs to store an arrival: no more than a glance at the body."""

    type: str  # twilio.message, twilio.status, webchat.message
    dedupe_key: str  # the same for every delivery of one arrival
    order_key: str  # arrivals of one key are processed in order


@dataclass(frozen=True)
class Identity:
    kind: IdentityKind
    address: str


@dataclass(frozen=True)
class IncomingMedia:
    url: str
    content_type: str = ""
    name: str = ""


@dataclass(frozen=True)
class IncomingMessage:
    """A customer wrote."""

    channel: Channel
    address: str  # where a reply goes
    identities: tuple[Identity, ...]
    provider_message_id: str
    text: str
    sent_at: datetime | None = None
    name: str = ""
    media: tuple[IncomingMedia, ...] = ()
    opt_out: Literal["", "stop", "start"] = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Receipt:
    """The provider reports what became of a message of ours. `outbox_id` where the callback address carried it."""

    provider_message_id: str
    state: ReceiptState
    at: datetime | None = None
    outbox_id: UUID | None = None
    error_code: str = ""
    error: str = ""


@dataclass(frozen=True)
class Ignored:
    """A signed arrival that means nothing to us: a group, a status post, our own echo. `reason` is a plain sentence."""

    reason: str


@dataclass(frozen=True)
class CrmContact:
    """A contact as the CRM tells of it. None = the telling does not say."""

    id: str
    name: str = ""
    first_name: str = ""
    last_name: str = ""
    phone: str = ""  # as the CRM writes it
    email: str = ""
    tags: tuple[str, ...] | None = None
    blocked: bool | None = None  # nothing may be sent, on no channel
    blocked_channels: frozenset[Channel] | None = None  # nothing may be sent there
    source: str = ""  # who made it in the CRM


@dataclass(frozen=True)
class CrmEvent:
    """Something happened in the CRM. `name`: contact_created, task_completed, appointment_booked, message_out, ..."""

    name: str
    contact: CrmContact | None = None  # None = it is about no contact
    data: Mapping[str, Any] = field(default_factory=dict)  # the tag, the stage, the times, in words of ours


@dataclass(frozen=True)
class OutgoingTyped:
    """The CRM hands a message over for sending: somebody typed it there, or a workflow of the CRM made it."""

    crm_message_id: str
    contact: CrmContact
    text: str
    media: tuple[IncomingMedia, ...] = ()
    is_email: bool = False
    user_id: str = ""  # who typed it in the CRM; '' = a workflow of the CRM


@dataclass(frozen=True)
class Called:
    """Another system called an address of ours. `phone`, `email` and `contact_name` as it writes them, '' where it does not."""

    data: Mapping[str, Any]
    phone: str = ""
    email: str = ""
    contact_name: str = ""


Arrival = IncomingMessage | Receipt | CrmEvent | OutgoingTyped | Called | Ignored


@dataclass(frozen=True)
class OutgoingTemplate:
    """A text that WhatsApp approved, by the provider's id, with what stands in its blanks."""

    id: str
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OutgoingMessage:
    """A message that is about to leave. `outbox_id` is put where the provider gives it back (callback address).

    With a `template`, `text` is what the customer reads of it: a provider that knows no templates sends the text.
    """

    outbox_id: UUID
    channel: Channel
    to: str
    text: str
    media: tuple[IncomingMedia, ...] = ()
    status_callback: str = ""  # public address for receipts, "" = none
    template: OutgoingTemplate | None = None


@dataclass(frozen=True)
class Sent:
    """The provider accepted the message."""

    provider_message_id: str
    state: Literal["sent", "delivered"] = "sent"


@dataclass(frozen=True)
class Found:
    """The provider knows the message although its answer never reached us."""

    provider_message_id: str
    state: ReceiptState = "sent"


@dataclass(frozen=True)
class Absent:
    """The provider certainly does not have the message, so sending it again is not blind."""


@dataclass(frozen=True)
class CannotTell:
    """The provider has no way to ask, or did not answer."""

    reason: str


class Listening(Protocol):
    """What comes in from one kind of provider. Stateless and safe for several threads."""

    kind: str

    def verify(self, account: Account, request: Request) -> None:
        """Return when the provider signed the request; raise SignatureInvalid otherwise."""

    def keys(self, account: Account, request: Request) -> Keys:
        """Glance at a verified request. Raises Unreadable where it has not the documented form."""

    def parse(self, account: Account, request: Request) -> list[Arrival]:
        """Everything that the request says, in order. Raises Unreadable."""


class ChannelClient(Listening, Protocol):
    """One channel provider, in and out. An HTTP session may be shared inside."""

    max_text_length: int
    repeatable: (
        bool  # True = sending the same OutgoingMessage twice shows it once, so an unknown outcome is simply tried again
    )

    def send(self, account: Account, message: OutgoingMessage) -> Sent:
        """Hand one message to the provider. Raises NotSent, Throttled, Rejected, AuthFailed, OutcomeUnknown."""

    def reconcile(
        self, account: Account, message: OutgoingMessage, since: datetime, known: Collection[str] = ()
    ) -> Found | Absent | CannotTell:
        """Ask the provider whether a message with an unknown outcome, begun at `since`, is there.

        `known` are provider ids of other messages of ours to the same recipient, so that the same words said twice
        are not taken for one. Ask only when a request begun at `since` can no longer be on its way.
        """
