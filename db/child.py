"""A child process that does not outlive whoever started it."""

import ctypes
import signal
import sys
from collections.abc import Callable


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
