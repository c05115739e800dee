"""A child that gives way does so among all processes, also where Linux groups them by session."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from db.child import give_way

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sessions are grouped by Linux only")


def test_a_child_gives_way_with_its_whole_group() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as child:
        give_way(child.pid, 7)
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == 7
        group = Path(f"/proc/{child.pid}/autogroup")
        if group.exists():
            assert group.read_text().endswith("nice 7\n")
        child.communicate(b"\n")


def test_a_child_that_has_ended_is_no_trouble() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    child.wait()
    give_way(child.pid, 7)
