"""Named places where the crash tests let a process die, as kill -9 would. Nothing happens unless FRONTDESK_CRASH_AT is set.

`FRONTDESK_CRASH_AT=commit` dies the first time `crash_point("commit")` is passed, `FRONTDESK_CRASH_AT=commit:7` the seventh time.
The places, in the order of a message's way: claim, generate, commit, perform, settle.
"""

from __future__ import annotations

import os
import signal
from itertools import count

CRASH_POINTS = ("claim", "generate", "commit", "perform", "settle")

_chosen, _, _nth = os.environ.get("FRONTDESK_CRASH_AT", "").partition(":")
_fatal_pass = int(_nth or 1)
_passes = count(1)


def crash_point(name: str) -> None:
    """Die here, at once and without any clean-up, where the environment asks for it."""
    if name == _chosen and next(_passes) == _fatal_pass:
        os.kill(os.getpid(), signal.SIGKILL)
