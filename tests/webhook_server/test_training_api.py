"""Training material over REST."""

from __future__ import annotations

from uuid import uuid4

import httpx

from tests.webhook_server.conftest import Site


def upload(site: Site, name: str, content: bytes, key: str, **fields: str) -> httpx.Response:
    return site.http.post(
        "/api/ai/train/file", files={"file": (name, content)}, data=fields, headers={"X-API-Key": key}
    )


def test_a_text_is_accepted_and_its_source_tells_how_far_it_is(site: Site) -> None:
    key = site.new_key("builder")
    headers = {"X-API-Key": key}
    answer = site.http.post(
        "/api/ai/train/text", json={"name": "Prices", "text": "# Prices\n\nA wash costs $15."}, headers=headers
    )
    assert answer.status_code == 202
    made = answer.json()
    detail = site.http.get(f"/api/ai/sources/{made['source_id']}", headers=headers).json()
    assert (detail["source"]["name"], detail["source"]["type"], detail["source"]["documents"]) == ("Prices", "text", 1)
    assert (detail["job"]["id"], detail["job"]["state"], detail["job"]["found"]) == (made["job_id"], "pending", 1)
    assert [item["id"] for item in site.http.get("/api/ai/sources", headers=headers).json()["items"]] == [
        made["source_id"]
    ]
    [line] = site.http.get(f"/api/ai/sources/{made['source_id']}/documents", headers=headers).json()["items"]
    assert (line["address"], line["state"]) == ("Prices", "fetched")
    assert site.http.delete(f"/api/ai/sources/{made['source_id']}", headers=headers).json() == {"ok": True}
    assert site.http.get(f"/api/ai/sources/{made['source_id']}", headers=headers).status_code == 404
    assert site.http.delete(f"/api/ai/sources/{made['source_id']}", headers=headers).status_code == 404


def test_questions_and_websites_are_accepted_and_a_schedule_is_understood(site: Site) -> None:
    headers = {"X-API-Key": site.new_key("builder")}
    pairs = [{"question": "Where do I park?", "answer": "Behind the shop."}]
    assert site.http.post("/api/ai/train/qa", json={"name": "FAQ", "pairs": pairs}, headers=headers).status_code == 202
    body = {"url": "shop.example.com", "schedule": "every Monday at 6:00", "max_pages": 20}
    made = site.http.post("/api/ai/train/website", json=body, headers=headers)
    assert made.status_code == 202
    detail = site.http.get(f"/api/ai/sources/{made.json()['source_id']}", headers=headers).json()
    assert (detail["source"]["url"], detail["source"]["name"]) == ("https://shop.example.com/", "shop.example.com")
    assert (detail["schedule"]["words"], detail["schedule"]["active"]) == ("every Monday at 6:00", False)
    unclear = site.http.post(
        "/api/ai/train/website", json={"url": "b.example.com", "schedule": "sometimes"}, headers=headers
    )
    assert (unclear.status_code, len(site.http.get("/api/ai/sources", headers=headers).json()["items"])) == (409, 2)
    again = site.http.post("/api/ai/train/website", json=body, headers=headers)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "refused")


def test_a_file_is_uploaded_as_a_form_and_added_to_a_source(site: Site) -> None:
    key = site.new_key("builder")
    made = upload(site, "prices.csv", b"Service,Price\nWash,$15\n", key)
    assert made.status_code == 202
    more = upload(site, "hours.txt", b"We open at nine.", key, source_id=made.json()["source_id"])
    assert more.json()["source_id"] == made.json()["source_id"]
    assert (
        upload(site, "film.mp4", b"x", key)
        .json()["error"]["message"]
        .startswith("'film.mp4' is of a kind that cannot be read")
    )
    assert upload(site, "a.txt", b"x", key, source_id="nonsense").status_code == 422
    assert upload(site, "a.txt", b"x", key, source_id=str(uuid4())).status_code == 404


def test_what_is_too_long_is_refused_before_it_is_read(site: Site) -> None:
    headers = {"X-API-Key": site.new_key("builder"), "Content-Type": "multipart/form-data; boundary=x"}
    answer = site.http.post("/api/ai/train/file", content=iter([b"--x"]), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (411, "length_required")
    answer = site.http.post("/api/ai/train/file", content=b"x" * 51_000_000, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_long")


def test_only_builders_train(site: Site) -> None:
    for role in ("viewer", "agent"):
        headers = {"X-API-Key": site.new_key(role)}
        assert site.http.post("/api/ai/train/text", json={"name": "a", "text": "b"}, headers=headers).status_code == 403
        assert site.http.get("/api/ai/sources", headers=headers).status_code == 200
