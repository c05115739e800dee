"""Starts real processes of the product quickly: everything is imported once, each process is a fork that runs the usual `main`.

    python -m tests.crash.zygote worker|webhook

Reads one JSON object per line (the variables to set) and answers with the new process's id. A killed process needs two seconds
to import its packages again; with two hundred kills that would be all that a crash test does.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from db.embedded import die_with_parent


def main() -> None:
    run = {"worker": _worker, "webhook": _webhook}[sys.argv[1]]()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system collects the dead
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(run, json.loads(line))
        print(pid, flush=True)


def _become(run: Callable[[], object], variables: dict[str, str]) -> NoReturn:
    os.environ.update(variables)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # the first channel is for process numbers alone
    if ask := die_with_parent(signal.SIGKILL):
        ask()
    importlib.reload(importlib.import_module("flows.crash_points"))  # it reads FRONTDESK_CRASH_AT when it is imported
    try:
        run()
    finally:
        os._exit(1)


def _worker() -> Callable[[], object]:
    worker = importlib.import_module("flows.worker")
    for also in ("flows.mirror", "flows.prefect_client", "openai", "twilio.rest"):
        importlib.import_module(also)
    return lambda: worker.main()


def _webhook() -> Callable[[], object]:
    uvicorn = importlib.import_module("uvicorn")
    app = importlib.import_module("webhook_server.app")
    port = int(os.environ["FRONTDESK_WEBHOOK_PORT"])
    return lambda: uvicorn.run(app.app, host="127.0.0.1", port=port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
