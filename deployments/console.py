"""What a person sees while everything runs: a line with the name of its process before it. The logs hold all of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection

COLOURS = (36, 32, 33, 35, 34, 31)


class Console:
    """Prints what the processes say. On a terminal as sentences, elsewhere as it came, for whatever collects it.

    `quiet` processes, which greet with a page of text, are heard on a terminal only where they warn.
    """

    def __init__(
        self,
        names: list[str],
        write: Callable[[str], object] = sys.stdout.write,
        *,
        quiet: Collection[str] = (),
        terminal: bool | None = None,
    ) -> None:
        self._width = max(len(name) for name in names)
        self._colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
        self._terminal = sys.stdout.isatty() if terminal is None else terminal
        self._quiet = quiet
        self._write = write

    def __call__(self, name: str, line: str) -> None:
        text = self._sentence(name, line) if self._terminal else line
        if not text:
            return
        label = f"{name:<{self._width}} |"
        if self._terminal and "NO_COLOR" not in os.environ:
            label = f"\x1b[{self._colours[name]}m{label}\x1b[0m"
        self._write(f"{label} {text}\n")
        sys.stdout.flush()

    def _sentence(self, name: str, line: str) -> str:
        """A record as what it says, with its level where that is more than usual; '' = nothing that a person needs."""
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or "message" not in record:
            heard = any(word in line.lower() for word in ("error", "warn", "traceback", "exception"))
            return line if heard or name not in self._quiet else ""
        level = str(record.get("level", "INFO"))
        before = "" if level in ("INFO", "DEBUG") else f"{level}: "
        after = f" ({str(record['error']).strip().splitlines()[-1]})" if record.get("error") else ""
        return f"{before}{record['message']}{after}"
