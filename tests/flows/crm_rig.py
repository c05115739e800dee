"""The rig with a GoHighLevel location beside it: the strict twin, and hands that carry its webhooks to the intake."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from db.engine import run, system
from db.settings import get_settings
from flows import crm, crm_sync
from nodes.clients.channel import Request
from nodes.contract import LanguageModel
from tests.fakes.ghl_twin import APP_ID, GhlTwin
from tests.fakes.twilio_twin import TwilioTwin, signed_status
from tests.flows.crm_desk import Desk, by_oauth
from tests.flows.rig import PUBLIC, FakeModel, Rig

PROVIDER = "prov0Twin0Provider00"
CUSTOMER = "+14155550123"


class CrmRig(Rig):
    """One workspace with a Twilio number and a GHL location whose conversation provider is ours."""

    def __init__(self, twilio: TwilioTwin, ghl: GhlTwin, model: LanguageModel | None = None, **config: Any) -> None:
        super().__init__(twilio.base_url, model)
        self.twilio_twin, self.ghl = twilio, ghl
        ghl.providers[PROVIDER] = APP_ID
        self.desk: Desk = by_oauth(ghl, self.workspace)
        self.desk.change(config={"provider_id": PROVIDER, "country": "US", "timeout_seconds": 2, **config})
        self.forget()

    def forget(self) -> None:
        """Nothing of the connection is remembered, as after some seconds."""
        crm.forget(self.workspace)
        crm_sync.targets.forget()

    def tell(self, payload: dict[str, Any], path: str = "/webhook/ghl", **more: Any) -> bool:
        """Store a webhook as the door does; False = it was here before."""
        body = json.dumps(
            {"webhookId": str(uuid4()), "appId": APP_ID, "locationId": self.ghl.location_id, **payload, **more}
        )
        headers = {name.lower(): value for name, value in self.ghl.sign(body.encode()).items()}
        return self.store(self.desk.connection, Request("POST", PUBLIC + path, headers, body.encode()))

    def receive_status(self, text: str, status: str) -> None:
        """Twilio reports what became of the message with this text."""
        [sent] = [each for each in self.twilio_twin.sent if each.body == text]
        webhook = signed_status(f"{PUBLIC}/webhook/twilio/status", sent, status)
        headers = {name.lower(): value for name, value in webhook.headers.items()}
        self.store(self.twilio, Request("POST", webhook.url, headers, webhook.body))

    def hear(self) -> int:
        """Everything that GHL has to tell comes in: events of the app, and messages for the conversation provider."""
        told = 0
        while self.ghl.events or self.ghl.deliveries:
            while self.ghl.events:
                self.tell(self.ghl.events.popleft())
                told += 1
            while self.ghl.deliveries:
                self.tell(self.ghl.deliveries.popleft(), "/webhook/ghl/outgoing")
                told += 1
            self.take_in()
        return told

    def all_settled(self) -> None:
        """Everything that is due, here and there, until nothing is left to do."""
        while True:
            self.settle()
            heard = self.hear()
            if not heard and not self.deliver():
                return

    def later(self) -> None:
        """What was put off is due now, and nobody remembers that GHL said wait."""
        self.forget()
        with system() as tx:
            run(tx, "DELETE FROM limit_slots")
            run(tx, "UPDATE outbox SET due_at = now() WHERE state = 'pending'")

    def hours_later(self, most: int = 60) -> None:
        """Time and again something that was put off becomes due, until nothing waits any more."""
        for _ in range(most):
            self.later()
            self.all_settled()
            if not self.query("SELECT FROM outbox WHERE state = 'pending'"):
                return

    def thread(self) -> list[tuple[str, str]]:
        """The conversation as GHL shows it: direction and text."""
        return [(each["direction"], each["body"]) for each in self.ghl.message_list]

    def crm_rows(self) -> list[dict[str, Any]]:
        return self.query("SELECT * FROM outbox WHERE order_key LIKE 'crm:%%' ORDER BY seq")

    def contact(self) -> dict[str, Any]:
        [found] = self.query("SELECT * FROM contacts")
        return found

    def there(self) -> dict[str, Any]:
        """The contact in GHL."""
        found: dict[str, Any] = self.ghl.contacts[self.contact()["ghl_contact_id"]]
        return found


@contextmanager
def crm_rig(monkeypatch: pytest.MonkeyPatch, model: FakeModel | None = None, **config: Any) -> Iterator[CrmRig]:
    with TwilioTwin() as twilio, GhlTwin() as ghl:
        monkeypatch.setenv("GHL_PUBLIC_KEY", ghl.signer.public_key)
        get_settings.cache_clear()
        yield CrmRig(twilio, ghl, model, **config)


def notes(rig: CrmRig) -> list[str]:
    return [row["note"] for row in rig.query("SELECT note FROM events_queue ORDER BY seq")]


def told(rig: CrmRig, kind: str, **payload: Any) -> str:
    rig.tell({"type": kind, **payload})
    rig.take_in()
    return notes(rig)[-1]
