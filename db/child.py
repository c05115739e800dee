"""A child process: it does not outlive whoever started it, and can be made to give way to others."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

_AUTOGROUP_TRIES = 5


def die_with_parent(order: signal.Signals) -> Callable[[], None] | None:
    """For a child between fork and exec: be sent `order` when the thread that started it ends. None where Linux is absent.

    Must run after the change of user, which forgets the wish; `subprocess` keeps that order.
    """
    if sys.platform != "linux":
        return None
    set_option = ctypes.CDLL(None).prctl
    death_signal = 1  # PR_SET_PDEATHSIG

    def ask() -> None:
        set_option(death_signal, int(order))

    return ask


def give_way(pid: int, niceness: int) -> None:
    """Let others come first on the processor. For a child that has just begun a session of its own; 0 to 19, 0 = nothing.

    Where Linux groups processes by session (autogroup, sched(7)), niceness counts only inside the group. A child with a session of
    its own is alone in its group, so the group gets the niceness as well.
    """
    if not niceness or not hasattr(os, "setpriority"):
        return
    try:
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
        group = Path(f"/proc/{pid}/autogroup")
        for _ in range(_AUTOGROUP_TRIES if group.exists() else 0):
            try:
                group.write_text(str(niceness))
                return
            except BlockingIOError:  # Linux takes one such order per tenth of a second
                time.sleep(0.1)
    except OSError:  # it has ended already, or this machine does not allow it: it only shares the processor more evenly
        return
