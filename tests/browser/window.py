"""A window on the real pages, signed in: what every browser test begins with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import httpx
from playwright.sync_api import Browser, Page, ViewportSize, expect

from db import users
from db.engine import system
from db.records import Role
from tests.db.builders import a_workspace
from tests.ports import free_port, until

CHROMIUM = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
expect.set_options(timeout=30_000)  # the machine may have much else to do
PHONE: ViewportSize = {"width": 390, "height": 844}


def a_person(workspace: UUID, who: str, name: str, role: Role) -> UUID:
    """A member who signs in as <who>@example.com."""
    with system() as tx:
        user = users.create(tx, f"{who}@example.com", name, PASSWORD)
        users.add_member(tx, workspace, user.id, role)
    return user.id


def an_office(role: Role) -> UUID:
    """A workspace with Ana, who signs in."""
    with system() as tx:
        workspace = a_workspace(tx)
    a_person(workspace, "ana", "Ana Silva", role)
    return workspace


def sign_in(page: Page, who: str) -> None:
    """At the sign-in form, which leads on to the page that was asked for."""
    page.get_by_label("E-mail").fill(f"{who}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@contextmanager
def pages(database_url: str, home: Path, **more: str) -> Iterator[str]:
    """The pages as a process of their own; gives their address. `more`: further environment."""
    port = free_port()
    environment = {"DATABASE_URL": database_url, "FRONTDESK_UI_PORT": str(port), "FRONTDESK_HOME": str(home), **more}
    with serving(["-m", "ui.app"], port, environment) as address:
        yield address


@contextmanager
def serving(command: list[str], port: int, environment: dict[str, str]) -> Iterator[str]:
    """A server of ours as a process of its own, ended at the end; gives its address once it answers."""
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=os.environ | environment)
    try:
        address = f"http://127.0.0.1:{port}"
        until(lambda: _answers(address, process), seconds=60, what="the server answers")
        yield address
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def window(browser: Browser, address: str, path: str, width: int = 1440, height: int = 900) -> Iterator[Page]:
    """A window of its own in which Ana has signed in on the way to a page.

    Fails where a page raised in the browser, or asked another host for something.
    """
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    trouble: list[str] = []
    note_errors(page, trouble)
    page.on("request", lambda request: _note_outside(request.url, address, trouble))
    page.goto(address + path)
    sign_in(page, "ana")
    yield page
    context.close()
    assert trouble == []


def note_errors(page: Page, trouble: list[str]) -> None:
    """Collect what the page raises in the browser."""
    page.on("pageerror", lambda error: trouble.append(str(error)))


def _answers(address: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the server ended"
    try:
        return httpx.get(f"{address}/health", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


def _note_outside(url: str, address: str, trouble: list[str]) -> None:
    if not url.startswith((address, "data:", "blob:")):
        trouble.append(f"asked another host: {url}")
