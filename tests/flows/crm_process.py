"""A process of its own that calls GoHighLevel: `tags <n>` writes n times, `read <n>` reads in n threads at once.

Arguments: database, workspace, connection, what, how often. It says `ready` when it could begin, and begins at the next line of
its input, so that several of them begin together. It ends with the number of calls that did not work.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from db.engine import configure
from flows.crm import account_of, client_of
from nodes.clients.ghl import Ghl
from nodes.errors import ClientError


def main(url: str, workspace: str, connection: str, what: str, times: str) -> int:
    configure(url)
    client = client_of(account_of(UUID(workspace), UUID(connection)), patience_seconds=120)
    print("ready", flush=True)
    contact = sys.stdin.readline().strip()
    with ThreadPoolExecutor(10 if what == "read" else 4) as threads:
        worked = list(threads.map(lambda number: _try(client, what, contact, number), range(int(times))))
    print(worked.count(False), flush=True)
    return 0


def _try(client: Ghl, what: str, contact: str, number: int) -> bool:
    try:
        if what == "read":
            client.location()
        else:
            client.add_tags(contact, [f"tag {number}"])
    except ClientError as error:
        print(repr(error), file=sys.stderr, flush=True)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
