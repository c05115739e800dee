"""README and docs name only what exists: files, commands, settings, targets; and every setting is described."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from db.settings import Settings, variable_of
from deployments.cli import _parser

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FILES = [
    *DOCUMENTS,
    *sorted(path for path in (ROOT / "deployments").rglob("*") if path.suffix in (".service", ".conf")),
]
FILES += [ROOT / "deployments" / "Dockerfile", ROOT / "deployments" / "compose.yaml"]

SETTINGS = {variable_of(field) for field in Settings.model_fields}
# Read where they are needed, not by db/settings.py; the value is the place.
READ_ELSEWHERE = {
    "FORWARDED_ALLOW_IPS": "webhook_server/address.py",
    "FRONTDESK_LEASE_SECONDS": "flows/timing.py",
    "FRONTDESK_RECONCILE_AFTER_SECONDS": "flows/timing.py",
    "PREFECT_API_DATABASE_CONNECTION_URL": "deployments/environment.py",
    "CHROMIUM_PATH": ".ci/run",
}
VARIABLE = re.compile(
    r"\b((?:FRONTDESK|OPENAI|OPENROUTER|TWILIO|WHATSAPP|GHL|SMTP|SENTRY|PREFECT|FORWARDED|CHROMIUM|DATABASE)_[A-Z_]*[A-Z])\b"
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
SPOKEN = re.compile(r"`(?:\.venv/bin/)?frontdesk ([a-z-][^`]*)`")
TYPED = re.compile(r"(?:^ *|bin/)frontdesk ([a-z][^|#\n]*)", re.MULTILINE)


def by_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def in_code(text: str) -> str:
    """The fenced blocks of a document: what a reader copies."""
    return "\n".join(re.findall(r"^ *```[a-z]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL))


def commands(text: str) -> list[str]:
    """What is to be typed after `frontdesk`, in running text and in blocks."""
    return [*SPOKEN.findall(text), *TYPED.findall(in_code(text))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=by_name)
def test_every_relative_link_leads_to_a_file(path: Path) -> None:
    links = [link for link in LINK.findall(path.read_text()) if "://" not in link and not link.startswith("#")]
    assert [link for link in links if not (path.parent / link.partition("#")[0]).exists()] == []


@pytest.mark.parametrize("path", FILES, ids=by_name)
def test_every_variable_that_is_named_exists(path: Path) -> None:
    assert set(VARIABLE.findall(path.read_text())) - SETTINGS - set(READ_ELSEWHERE) == set()


def test_every_setting_is_described() -> None:
    described = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (ROOT / "docs" / "settings.md").read_text()))
    assert SETTINGS - described == set()


def test_variables_read_elsewhere_are_read_there() -> None:
    assert [name for name, place in READ_ELSEWHERE.items() if name not in (ROOT / place).read_text()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=by_name)
def test_every_command_that_is_named_exists(path: Path) -> None:
    wrong = [line for line in commands(path.read_text()) if not understood(line)]
    assert wrong == []


def understood(line: str) -> bool:
    """Whether the command line takes it, or it is the name of a command alone."""
    words = shlex.split(line)
    if words == ["--help"] or (len(words) == 1 and words[0] in names()) or "..." in words:
        return True
    try:
        _parser().parse_args(words)
    except SystemExit:
        return False
    return True


def names() -> set[str]:
    actions = [action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return {name for action in actions for name in action.choices}


@pytest.mark.parametrize("path", DOCUMENTS, ids=by_name)
def test_every_make_target_that_is_named_exists(path: Path) -> None:
    offered = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = path.read_text()
    named = set(re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]*)", text))
    named |= set(re.findall(r"^ *(?:sudo )?make ([a-z][a-z-]*)", in_code(text), re.MULTILINE))
    assert named - offered == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=by_name)
def test_every_source_file_that_is_named_exists(path: Path) -> None:
    top = r"(?:db|nodes|flows|webhook_server|ui|deployments|tests|\.ci)/"
    named = re.findall(rf"`({top}[\w./-]*)`", path.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_screenshots_are_small() -> None:
    pictures = list((ROOT / "docs").rglob("*.png"))
    assert pictures
    assert [by_name(path) for path in pictures if path.stat().st_size > 200_000] == []
