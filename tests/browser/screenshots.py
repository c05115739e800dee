"""Pictures of every state of the builder and the Runs page, at the width of a desk and of a phone.

python -m tests.browser.screenshots docs/screenshots            all of them
python -m tests.browser.screenshots docs/screenshots publish    one, by its name in states.py
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Error, expect, sync_playwright

from db.embedded import EmbeddedPostgres
from db.engine import configure
from db.migrate import migrate
from db.settings import get_settings
from tests.browser.shop import Shop
from tests.browser.states import STATES, Tour
from tests.browser.window import ARGUMENTS, CHROMIUM, pages
from tests.conftest import pytest_configure
from tests.fakes.ghl_twin import GhlTwin
from tests.fakes.openai_twin import OpenAITwin
from tests.fakes.twilio_twin import TwilioTwin

SIZES = {1440: 900, 390: 844}
COLOURS, ROUNDS = 160, 2  # few enough for small files, and what is red stays red
PATIENCE_MS = 10_000
SETTLE_MS = 600  # what was faint while it was drawn anew is not any more


def main(folder: Path, wanted: list[str]) -> int:
    pytest_configure()  # the settings of whoever runs this count for nothing here
    wrong = 0
    for width in SIZES:
        with _tour(width) as tour:
            for name, go in STATES:
                try:
                    go(tour)
                    tour.rest()
                    tour.page.wait_for_timeout(SETTLE_MS)
                    tour.rest()
                except (Error, AssertionError):  # the other pictures are of use too
                    wrong += 1
                    print(f"{name} at {width}: {traceback.format_exc(limit=2)}", file=sys.stderr)
                if not wanted or name in wanted:
                    _keep(tour.page.screenshot(animations="disabled"), folder / f"{name}-{width}.png")
    return 1 if wrong else 0


@contextmanager
def _tour(width: int) -> Iterator[Tour]:
    """A window on a shop of its own, so that each width begins with the same."""
    with ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix="frontdesk-pictures-"))
        home.chmod(0o711)
        stack.callback(shutil.rmtree, home, True)
        os.environ["FRONTDESK_HOME"] = str(home / "home")
        get_settings.cache_clear()
        postgres = EmbeddedPostgres(home / "postgres", for_tests=True)
        postgres.start()
        stack.callback(postgres.stop)
        migrate(postgres.url())
        configure(postgres.url())
        twins = stack.enter_context(GhlTwin()), stack.enter_context(OpenAITwin()), stack.enter_context(TwilioTwin())
        shop = Shop(twins[0], twins[1].base_url, twins[2])
        address = stack.enter_context(pages(postgres.url(), home / "home"))
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        stack.callback(browser.close)
        page = browser.new_page(
            viewport={"width": width, "height": SIZES[width]}, color_scheme="light", reduced_motion="reduce"
        )
        tour = Tour(page, shop, address)
        tour.enter("builder", "/automations", "New automation")
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield tour


def _keep(picture: bytes, to: Path) -> None:
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS, kmeans=ROUNDS, dither=Image.Dither.NONE).save(
        to, optimize=True
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
