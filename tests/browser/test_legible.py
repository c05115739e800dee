"""Every state of the builder and the Runs page can be read, reached and named: at a desk by day and by night, on a phone by one of the two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from db.engine import configure
from tests.browser.shop import Shop
from tests.browser.states import STATES, Tour
from tests.browser.window import CHROMIUM, PHONE, note_errors, pages
from tests.fakes.ghl_twin import GhlTwin
from tests.fakes.openai_twin import OpenAITwin
from tests.fakes.twilio_twin import TwilioTwin

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: install it, or name it in CHROMIUM_PATH")
DESK: ViewportSize = {"width": 1440, "height": 900}
Ground = Literal["light", "dark"]
GROUNDS: dict[Ground, str] = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 23, 29)"}
ALIKE = {"form", "backtest-gate", "versions-back", "approvals-edited", "run-passages"}  # as what is beside them
LOOK = (Path(__file__).parent / "legible.js").read_text(encoding="utf-8")


@pytest.fixture
def tour(chromium: Browser, database_url: str, home: Path) -> Iterator[Tour]:
    configure(database_url)
    with GhlTwin() as ghl, OpenAITwin() as model, TwilioTwin() as twilio, pages(database_url, home) as address:
        shop = Shop(ghl, model.base_url, twilio)
        page = chromium.new_page(viewport=DESK, reduced_motion="reduce")
        raised: list[str] = []
        note_errors(page, raised)
        made = Tour(page, shop, address)
        made.enter("builder", "/automations", "New automation")
        yield made
        page.context.close()
    assert raised == []


def test_nothing_is_too_wide_too_faint_cut_off_or_without_a_name(tour: Tour) -> None:
    found: list[str] = []
    now, other = GROUNDS
    for name, go in STATES:
        if name in ALIKE:
            continue
        go(tour)
        tour.rest()
        # Another ground is drawn by Streamlit anew, which takes longer than to look at it: a phone takes turns.
        for size, grounds in ((DESK, (now, other)), (PHONE, (other,))):
            tour.page.set_viewport_size(size)
            for colours in grounds:
                tour.page.emulate_media(color_scheme=colours)
                expect(tour.page.get_by_test_id("stApp")).to_have_css("background-color", GROUNDS[colours])
                found += [f"{name}, {size['width']}, {colours}: {each}" for each in _faults(tour)]
        assert tour.page.get_by_test_id("stException").count() == 0, name
        tour.page.set_viewport_size(DESK)
        now, other = other, now
    assert found == []


def _faults(tour: Tour) -> list[str]:
    """What is still wrong once the page has come to rest: while it is drawn anew, it is faint."""
    found: list[str] = []
    for _ in range(3):
        found = tour.page.evaluate(LOOK)
        if not found:
            break
        tour.rest()
    return found
