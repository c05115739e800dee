"""The supervisor over tiny process tables of real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deployments import state
from deployments.program import Spec
from deployments.state import CannotStart
from deployments.supervisor import Supervisor
from tests.ports import until

WAITS = "import time; print('up', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


class Screen:
    """Remembers what was shown."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, name: str, line: str) -> None:
        self.lines.append((name, line))

    def shows(self, name: str, text: str) -> bool:
        return any(who == name and text in line for who, line in self.lines)


Supervise = Callable[..., tuple[Supervisor, Screen]]


@pytest.fixture
def folder(home: Path) -> Path:
    for name in ("logs", "run"):
        (home / name).mkdir(parents=True)
    return home


@pytest.fixture
def made() -> Iterator[list[Supervisor]]:
    supervisors: list[Supervisor] = []
    yield supervisors
    for supervisor in supervisors:
        supervisor.stop()


@pytest.fixture
def supervise(folder: Path, made: list[Supervisor]) -> Supervise:
    def build(*specs: Spec) -> tuple[Supervisor, Screen]:
        screen = Screen()
        made.append(Supervisor(specs, folder, screen))
        return made[-1], screen

    return build


def python(name: str, code: str, **options: object) -> Spec:
    return Spec(name, (sys.executable, "-c", code), dict(os.environ), **options)  # type: ignore[arg-type]


def turn_until(supervisor: Supervisor, condition: Callable[[], object], seconds: float = 10) -> None:
    def step() -> object:
        supervisor.turn()
        supervisor.pause()
        return condition()

    until(step, seconds)


def pid_of(folder: Path, name: str) -> int | None:
    known = state.read(folder)
    assert known is not None
    return next(item.pid for item in known.processes if item.name == name)


def restarts_of(folder: Path, name: str) -> int:
    known = state.read(folder)
    assert known is not None
    return next(item.restarts for item in known.processes if item.name == name)


def test_output_goes_to_the_console_and_to_the_log_of_its_process(supervise: Supervise, folder: Path) -> None:
    supervisor, screen = supervise(python("talker", "print('\\x1b[31mhello\\x1b[0m', flush=True);" + WAITS))
    turn_until(supervisor, lambda: screen.shows("talker", "hello"))
    first = json.loads((folder / "logs" / "talker.log").read_text().splitlines()[0])
    assert (first["process"], first["message"]) == ("talker", "hello")


def test_a_crashed_process_is_started_again_and_counted(supervise: Supervise, folder: Path) -> None:
    supervisor, screen = supervise(python("steady", WAITS))
    turn_until(supervisor, supervisor.everything_is_ready)
    first = pid_of(folder, "steady")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    turn_until(supervisor, lambda: pid_of(folder, "steady") not in (None, first))
    assert restarts_of(folder, "steady") == 1
    assert screen.shows("steady", "ended with signal SIGKILL")


def test_each_crash_in_a_row_doubles_the_pause(supervise: Supervise) -> None:
    supervisor, screen = supervise(python("broken", "raise SystemExit(3)"))
    turn_until(supervisor, lambda: screen.shows("broken", "starting again in 1.0 s"))
    said = [line for _, line in screen.lines]
    assert said[0].startswith("ended with exit code 3")
    assert said[0].endswith("starting again in 0.5 s")


def test_a_process_waits_until_those_before_it_are_ready(supervise: Supervise, folder: Path, tmp_path: Path) -> None:
    gate = tmp_path / "open"
    supervisor, screen = supervise(python("first", WAITS, ready=gate.exists), python("second", WAITS, after=("first",)))
    turn_until(supervisor, lambda: screen.shows("first", "up"))
    assert pid_of(folder, "second") is None
    gate.touch()
    turn_until(supervisor, lambda: screen.shows("second", "up"))


def test_a_step_runs_once_and_lets_the_next_one_start(supervise: Supervise) -> None:
    supervisor, screen = supervise(python("step", "print('done')", once=True), python("next", WAITS, after=("step",)))
    turn_until(supervisor, lambda: screen.shows("next", "up"))
    assert screen.lines.count(("step", "done")) == 1


def test_a_step_that_fails_stops_everything(supervise: Supervise) -> None:
    supervisor, screen = supervise(
        python("other", WAITS), python("step", "import sys; sys.exit('the database is too old')", once=True)
    )
    assert supervisor.run() == 1
    assert screen.shows("step", "the database is too old")


def test_processes_stop_in_stages_the_last_started_first(supervise: Supervise, tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n open({path!r}, 'a').write({name!r} + ' '); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(600)"
    )
    specs = [python(name, code.format(path=str(order), name=name), stage=stage) for stage, name in enumerate("abc")]
    supervisor, screen = supervise(*specs)
    turn_until(supervisor, lambda: all(screen.shows(name, "up") for name in "abc"))
    supervisor.stop()
    assert order.read_text().split() == ["c", "b", "a"]


def test_a_deaf_process_is_killed_within_the_limit(supervise: Supervise, folder: Path) -> None:
    supervisor, screen = supervise(python("deaf", DEAF))
    turn_until(supervisor, lambda: screen.shows("deaf", "up"))
    pid = pid_of(folder, "deaf")
    assert pid is not None
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 10
    assert not psutil.pid_exists(pid)


def test_a_second_request_to_stop_does_not_wait(supervise: Supervise) -> None:
    supervisor, screen = supervise(python("deaf", DEAF))
    turn_until(supervisor, lambda: screen.shows("deaf", "up"))
    supervisor.ask_to_stop()
    supervisor.ask_to_stop()
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 2


def test_only_one_supervisor_holds_a_data_folder(folder: Path) -> None:
    with state.held(folder):
        assert state.is_running(folder)
        with (
            pytest.raises(CannotStart, match=r"already running .*frontdesk status.*frontdesk down"),
            state.held(folder),
        ):
            pass
    assert not state.is_running(folder)


SUPERVISED = """
import os, sys
from pathlib import Path
from deployments import state
from deployments.program import Spec
from deployments.supervisor import Supervisor
home = Path(sys.argv[1])
with state.held(home):
    spec = Spec("child", (sys.executable, "-c", sys.argv[2]), dict(os.environ))
    Supervisor([spec], home, lambda name, line: print(line, flush=True)).run()
"""


def in_a_process(folder: Path, code: str) -> subprocess.Popen[bytes]:
    running = subprocess.Popen([sys.executable, "-c", SUPERVISED, str(folder), code], stdout=subprocess.PIPE)
    assert running.stdout is not None
    assert running.stdout.readline() == b"up\n"
    return running


def test_sigterm_stops_the_supervisor_and_its_processes(folder: Path) -> None:
    with in_a_process(folder, WAITS) as running:
        pid = pid_of(folder, "child")
        assert state.stop_running(folder)
        assert running.wait(10) == 0
        assert pid is not None
        assert not psutil.pid_exists(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_processes_end_when_their_supervisor_is_killed(folder: Path) -> None:
    with in_a_process(folder, WAITS) as running:
        pid = pid_of(folder, "child")
        running.kill()
        assert pid is not None
        until(lambda: not psutil.pid_exists(pid))
        assert not state.is_running(folder)


def test_what_a_killed_supervisor_left_is_ended_by_the_next(folder: Path) -> None:
    with in_a_process(folder, DEAF) as running:
        pid = pid_of(folder, "child")
        running.kill()
    assert pid is not None
    assert psutil.pid_exists(pid)
    with state.held(folder):
        assert state.end_leftovers(folder, patience_seconds=0.2) == ["child"]
    until(lambda: not psutil.pid_exists(pid))


def test_a_process_that_got_the_number_of_an_old_one_is_left_alone(folder: Path) -> None:
    old = state.ProcessState("child", os.getpid(), since=1.0, restarts=0, ready=True)
    state.write(folder, {}, [old])
    with state.held(folder):
        assert state.end_leftovers(folder) == []
