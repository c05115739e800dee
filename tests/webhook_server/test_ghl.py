"""The addresses that GoHighLevel calls: signed by it, about a location that is connected here, stored once."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from db import connections
from db.engine import system
from db.settings import get_settings
from tests.fakes.ghl_signing import Signer
from tests.webhook_server.conftest import Site

LOCATION, APP, TOKEN = "loc0Twin0Location000", "app0", "w" * 43


@pytest.fixture
def signer(monkeypatch: pytest.MonkeyPatch) -> Signer:
    made = Signer()
    monkeypatch.setenv("GHL_PUBLIC_KEY", made.public_key)
    get_settings.cache_clear()
    return made


@pytest.fixture
def ghl(site: Site, signer: Signer) -> str:
    config: dict[str, Any] = {"location_id": LOCATION, "company_id": "com0", "app_id": APP, "workflow_token": TOKEN}
    with system() as tx:
        made = connections.create(tx, site.workspace, "ghl", "GoHighLevel", config, {"token": "pit-1"}, True)
    return str(made.id)


def post(site: Site, signer: Signer, path: str = "/webhook/ghl", **payload: Any) -> httpx.Response:
    given = {"type": "ContactCreate", "locationId": LOCATION, "id": "c1", "webhookId": str(uuid4()), "appId": APP}
    body = json.dumps(given | payload).encode()
    return site.http.post(path, content=body, headers=signer.headers(body))


@pytest.mark.parametrize("path", ["/webhook/ghl", "/api/ghl/webhook"])
def test_an_event_of_a_connected_location_is_stored(site: Site, signer: Signer, ghl: str, path: str) -> None:
    assert post(site, signer, path).status_code == 200
    [event] = site.events()
    assert (event["type"], str(event["connection_id"]), event["workspace_id"]) == (
        "ghl.ContactCreate",
        ghl,
        site.workspace,
    )
    assert "x-ghl-signature" not in event["payload"]["headers"]


def test_a_delivery_again_is_thanked_for_and_not_stored(site: Site, signer: Signer, ghl: str) -> None:
    answers = [post(site, signer, webhookId="w1").json() for _ in range(3)]
    answers.append(post(site, signer, "/api/ghl/webhook", webhookId="w1").json())
    assert [answer["again"] for answer in answers] == [False, True, True, True]
    assert len(site.events()) == 1


def test_messages_for_sending_that_are_told_twice_are_stored_once(site: Site, signer: Signer, ghl: str) -> None:
    for number in range(20):
        for _ in range(2):
            answer = post(
                site, signer, "/webhook/ghl/outgoing", messageId=f"m{number}", message="Hi", phone="+14155550123"
            )
            assert answer.status_code == 200
    assert len(site.events()) == 20


@pytest.mark.parametrize("signature", ["N/A", "", "AAAA"])
def test_what_ghl_did_not_sign_is_refused_with_an_audit_row(site: Site, ghl: str, signature: str) -> None:
    body = json.dumps({"type": "ContactCreate", "locationId": LOCATION}).encode()
    answer = site.http.post("/webhook/ghl", content=body, headers={"X-GHL-Signature": signature})
    assert answer.status_code == 403
    assert site.events() == []
    assert site.audit_rows("webhook.refused") == 1


@pytest.mark.parametrize("path", ["/webhook/ghl", "/webhook/ghl/outgoing"])
def test_a_location_that_nobody_connected_is_refused_with_an_audit_row(
    site: Site, signer: Signer, ghl: str, path: str
) -> None:
    answer = post(site, signer, path, locationId="somebodyElse", messageId="m1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_location")
    assert site.audit_rows("webhook.refused") == 1
    assert site.events() == []
    assert post(site, signer).status_code == 200  # ours is not locked out by it


def test_an_event_for_another_app_is_refused(site: Site, signer: Signer, ghl: str) -> None:
    assert post(site, signer, appId="app9").status_code == 403
    assert site.events() == []


def test_an_installation_of_an_agency_finds_its_location_by_the_company(site: Site, signer: Signer, ghl: str) -> None:
    assert post(site, signer, type="UNINSTALL", locationId=None, companyId="com0").status_code == 200
    assert post(site, signer, type="UNINSTALL", locationId=None, companyId="com9").status_code == 404


@pytest.mark.parametrize("body", [b"no JSON", b"[1]", b""])
def test_a_signed_body_that_is_no_object_is_refused(site: Site, signer: Signer, ghl: str, body: bytes) -> None:
    assert site.http.post("/webhook/ghl", content=body, headers=signer.headers(body)).status_code == 422


def test_a_workflow_is_known_by_the_token_in_its_address_which_is_not_stored(site: Site, ghl: str) -> None:
    call = {"contact_id": "c1", "workflow": {"id": "w", "name": "Recall"}}
    assert site.http.post(f"/webhook/ghl/workflow/{TOKEN}?{TOKEN}", json=call).status_code == 200
    assert site.http.post(f"/webhook/ghl/workflow/{TOKEN}", json=call).json()["again"] is True
    [event] = site.events()
    assert event["type"] == "ghl.workflow"
    assert TOKEN not in json.dumps(event["payload"])


def test_a_wrong_token_is_refused_with_an_audit_row(site: Site, ghl: str) -> None:
    assert site.http.post("/webhook/ghl/workflow/guessed", json={"contact_id": "c1"}).status_code == 404
    assert site.events() == []
    assert site.audit_rows("webhook.refused") == 1
