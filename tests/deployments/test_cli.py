"""The command line as a person uses it: each command in a process of its own, on a data folder of its own."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree

import pytest
from cryptography.fernet import Fernet

from db import engine
from db.connections import create
from db.embedded import EmbeddedPostgres
from db.engine import one, run, system
from db.settings import Settings
from db.workspaces import create as create_workspace
from deployments import state, status
from deployments.backup import without_password
from deployments.environment import read_dotenv
from deployments.keys import put_new_key_first
from deployments.state import CannotStart
from deployments.up import check_ports, prepare_home
from tests.ports import free_port

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="frontdesk-cli-"))
    made.chmod(0o711)  # when root runs the tests, the server's own user passes through here
    yield made / "home"
    EmbeddedPostgres(made / "home" / "postgres").stop()
    rmtree(made, ignore_errors=True)


@pytest.fixture
def cli(folder: Path) -> Cli:
    def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"FRONTDESK_HOME": str(folder)} | variables
        command = [sys.executable, "-m", "deployments.cli", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    return call


def test_a_wrong_setting_is_one_sentence_and_exit_code_2(cli: Cli) -> None:
    done = cli("status", FRONTDESK_UI_PORT="many")
    assert done.returncode == 2
    assert done.stderr.startswith("frontdesk: FRONTDESK_UI_PORT cannot be used")
    assert "Traceback" not in done.stderr


def test_status_says_how_to_start_when_nothing_runs(cli: Cli) -> None:
    done = cli("status")
    assert done.returncode == 1
    assert "`frontdesk up` starts everything" in done.stdout


def test_down_is_content_when_nothing_runs(cli: Cli) -> None:
    assert cli("down").returncode == 0


def test_up_refuses_a_database_that_does_not_answer(cli: Cli) -> None:
    done = cli("up", DATABASE_URL=f"postgresql://nobody:x@127.0.0.1:{free_port()}/none")
    assert done.returncode == 2
    assert "does not answer" in done.stderr
    assert "unset DATABASE_URL" in done.stderr


def test_up_refuses_a_taken_port_and_names_its_variable(cli: Cli) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        done = cli("up", FRONTDESK_UI_PORT=str(port), FRONTDESK_WEBHOOK_PORT=str(free_port()))
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "FRONTDESK_UI_PORT=" in done.stderr


def test_up_refuses_a_folder_that_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = cli("up", FRONTDESK_HOME=str(tmp_path / "file" / "home"))
    assert done.returncode == 2
    assert "Set FRONTDESK_HOME" in done.stderr


def test_doctor_names_each_thing_and_exits_1_on_a_problem(cli: Cli) -> None:
    well = cli("doctor")
    assert well.returncode == 0, well.stdout
    for about in ("Python", "Data folder", "Secret key", "Postgres", "Ports", "Language model"):
        assert about in well.stdout
    ill = cli("doctor", FRONTDESK_SECRET_KEY="short")
    assert ill.returncode == 1
    assert "PROBLEM Secret key" in ill.stdout


def test_the_embedded_database_is_borrowed_for_a_command_and_given_back(cli: Cli, folder: Path) -> None:
    assert "migrations" in cli("migrate").stdout
    assert cli("migrate").stdout.strip() == "The database is up to date."
    assert EmbeddedPostgres(folder / "postgres").pid is None


def test_a_backup_brings_back_what_was_lost(cli: Cli, database_url: str, tmp_path: Path) -> None:
    with system() as tx:
        create_workspace(tx, "Kept", "kept", "UTC", {})
    file = tmp_path / "desk.backup"
    made = cli("backup", str(file), DATABASE_URL=database_url)
    assert made.returncode == 0, made.stderr
    assert file.stat().st_mode & 0o077 == 0
    with system() as tx:
        run(tx, "DELETE FROM workspaces")
        create_workspace(tx, "Later", "later", "UTC", {})
    engine.dispose()
    restored = cli("restore", str(file), DATABASE_URL=database_url)
    assert restored.returncode == 0, restored.stderr
    with system() as tx:
        found = one(tx, "SELECT array_agg(slug) AS slugs FROM workspaces")
    assert found is not None
    assert found["slugs"] == ["kept"]


def test_a_restore_of_something_else_changes_nothing(cli: Cli, database_url: str, tmp_path: Path) -> None:
    with system() as tx:
        create_workspace(tx, "Kept", "kept", "UTC", {})
    engine.dispose()
    (tmp_path / "letter").write_text("Dear Sir")
    done = cli("restore", str(tmp_path / "letter"), DATABASE_URL=database_url)
    assert done.returncode == 2
    assert "nothing was changed" in done.stderr
    with system() as tx:
        assert one(tx, "SELECT 1 FROM workspaces WHERE slug = 'kept'")


def test_rotating_demands_the_old_key_beside_the_new_one_and_then_old_secrets_stay_readable(
    cli: Cli, database_url: str
) -> None:
    old = os.environ["FRONTDESK_SECRET_KEY"]
    with system() as tx:
        workspace = create_workspace(tx, "Kept", "kept", "UTC", {})
        create(tx, workspace.id, "llm", "Model", {}, {"api_key": "abc"}, is_default=True)
    refused = cli("rotate-key", DATABASE_URL=database_url)
    assert refused.returncode == 2
    assert "NEW,OLD" in refused.stderr
    new = Fernet.generate_key().decode()
    done = cli("rotate-key", DATABASE_URL=database_url, FRONTDESK_SECRET_KEY=f"{new},{old}")
    assert done.stdout.startswith("Encrypted the secrets of 1 connections")
    again = cli("rotate-key", DATABASE_URL=database_url, FRONTDESK_SECRET_KEY=f"{new},{Fernet.generate_key().decode()}")
    assert again.returncode == 0, "the old key is not needed any more"


def test_a_key_file_keeps_the_former_key_behind_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    put_new_key_first(path)
    first = path.read_text()
    put_new_key_first(path)
    put_new_key_first(path)
    newest, former = path.read_text().split(",")
    assert first not in (newest, former)
    assert path.stat().st_mode & 0o077 == 0


def test_status_shows_a_line_per_process_and_the_sum_of_the_memory() -> None:
    lines = [
        status.Line("webhook", 12, 3785.0, 0, 80 * 1024**2, True),
        status.Line("worker-1", None, None, 3, 0, False),
    ]
    shown = status.render(lines).splitlines()
    assert shown[0].split() == ["PROCESS", "PID", "UP", "RESTARTS", "MEMORY", "READY"]
    assert shown[1].split() == ["webhook", "12", "1", "h", "3", "min", "0", "80", "MB", "yes"]
    assert shown[2].split() == ["worker-1", "-", "-", "3", "0", "MB", "no"]
    assert shown[3].split() == ["together", "80", "MB"]


def test_status_reads_what_a_supervisor_wrote(home: Path) -> None:
    prepare_home(home)
    state.write(home, {}, [state.ProcessState("this", os.getpid(), 1.0, 0, True)])
    assert status.lines(home) == []
    with state.held(home):
        assert [line.name for line in status.lines(home)] == ["supervisor", "this"]


def test_each_port_is_checked_with_the_variable_that_changes_it() -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        for field, variable in (("webhook_port", "FRONTDESK_WEBHOOK_PORT"), ("prefect_port", "FRONTDESK_PREFECT_PORT")):
            ports = {"ui_port": free_port(), "webhook_port": free_port(), "prefect_port": free_port(), field: taken}
            with pytest.raises(CannotStart, match=variable):
                check_ports(Settings.model_validate(ports))


def test_a_password_leaves_the_address_before_it_becomes_an_argument() -> None:
    assert without_password("postgresql://me:p%40ss@db:5/x?sslmode=require") == (
        "postgresql://me@db:5/x?sslmode=require",
        "p@ss",
    )
    assert without_password("postgresql://db/x") == ("postgresql://db/x", "")


def test_a_dotenv_file_fills_in_what_the_environment_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_MODEL", "from-outside")
    monkeypatch.delenv("TWILIO_FROM", raising=False)
    (tmp_path / ".env").write_text('# keys\nexport OPENAI_MODEL=from-file\nTWILIO_FROM="+15005550006"\n\n')
    read_dotenv(tmp_path / ".env")
    assert os.environ.pop("TWILIO_FROM") == "+15005550006"
    assert os.environ["OPENAI_MODEL"] == "from-outside"
