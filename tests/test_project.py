"""The files that a newcomer meets first say what is true, and nothing of the machines on which they were written is in them."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCKS = ["requirements.lock", "requirements-dev.lock"]

# Addresses of package indexes, and folders that exist on one machine only.
PRIVATE = re.compile(
    r"^\s*--(extra-)?index-url|^\s*--find-links|\bfile://|(?<![\w.}])/(work|opt|root|home/\w+)/", re.MULTILINE
)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b|^\s*raise NotImplementedError", re.MULTILINE)
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".lock", ".sql", ".json", ".html", ".css", ".js", ".txt", ".sh", ""}


def committed() -> list[Path]:
    """Files under version control; outside a clone, every file that is not generated."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    return [
        (path.relative_to(ROOT).as_posix(), path.read_text(errors="replace"))
        for path in committed()
        if path.suffix in TEXT and path != Path(__file__)
    ]


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked(name: str) -> dict[str, str]:
    """package -> version, of the lines of a lock file."""
    found = re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", (ROOT / name).read_text(), re.MULTILINE)
    return dict(found)


def test_no_committed_file_holds_an_index_address_or_a_path_of_one_machine() -> None:
    wrong = [
        f"{name}: {found.group().strip()}"
        for name, text in texts()
        for found in PRIVATE.finditer(text)
        if not _is_documentation(name, found.group())
    ]
    assert wrong == []


def test_nothing_is_left_unfinished() -> None:
    wrong = [
        f"{name}: {found.group()}"
        for name, text in texts()
        for found in UNFINISHED.finditer(text)
        if name.endswith(".py") and not name.startswith("tests/fakes/")
    ]
    assert wrong == []


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_its_hashes(name: str) -> None:
    for entry in re.split(r"\n(?=\S)", (ROOT / name).read_text().strip()):
        assert re.match(r"[a-z0-9][a-z0-9._-]*==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
        assert "http" not in entry.split("--hash")[0].partition("==")[2], entry


def test_the_lock_satisfies_what_the_project_asks_for() -> None:
    described = project()["project"]
    assert isinstance(described, dict)
    versions = locked("requirements.lock")
    for text in described["dependencies"]:
        wanted = Requirement(text)
        name = wanted.name.lower().replace("_", "-")
        assert name in versions, f"{name} is missing: run `make lock`"
        assert wanted.specifier.contains(versions[name], prereleases=True), f"{text}, but {versions[name]} is locked"


def test_both_locks_agree() -> None:
    everything = locked("requirements-dev.lock")
    assert {name: everything.get(name) for name in locked("requirements.lock")} == locked("requirements.lock")


def test_torch_stays_out() -> None:
    assert {"torch", "sentence-transformers", "transformers"} & set(locked("requirements-dev.lock")) == set()


def test_the_commands_of_the_readme_are_in_the_makefile() -> None:
    promised = set(re.findall(r"\bmake ([a-z][a-z-]*)", (ROOT / "README.md").read_text()))
    offered = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"run", "test"} <= promised
    assert promised <= offered


def test_every_sql_and_data_file_is_part_of_the_package() -> None:
    setuptools = project()["tool"]
    assert isinstance(setuptools, dict)
    patterns = {pattern.removeprefix("*") for pattern in setuptools["setuptools"]["package-data"]["*"]}
    packages = ("db/", "nodes/", "flows/", "webhook_server/", "ui/")
    kinds = {path.suffix for path in committed() if path.relative_to(ROOT).as_posix().startswith(packages)}
    assert kinds - {".py"} <= patterns


def _is_documentation(name: str, path: str) -> bool:
    """A guide or a container file may name folders of the machine it describes."""
    return name.startswith(("docs/", "deployments/")) and not name.endswith((".py", ".lock")) and "work" not in path
