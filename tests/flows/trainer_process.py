"""A trainer in a process of its own, for tests that kill it: writes to a file every text that it embeds.

    python -m tests.flows.trainer_process <file> <call>

It dies, as kill -9 would have it, when it is to embed for the <call>th time; 0 = never.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence

from flows.job import Tools
from flows.trainer import Trainer
from tests.flows.training_rig import vector


class MortalEmbedder:
    model = "counting-1"

    def __init__(self, path: str, last_call: int) -> None:
        self._path, self._left = path, last_call

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        with open(self._path, "a") as kept:
            kept.write("".join(f"{os.getpid()} {text!r}\n" for text in texts))
        return [vector(text) for text in texts]


def main(path: str, last_call: int) -> None:
    embedder = MortalEmbedder(path, last_call)
    Trainer(lambda: Tools(lambda workspace: embedder, lease_seconds=2.0), show=False).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
