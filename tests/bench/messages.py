"""`frontdesk bench messages`: how fast a customer's SMS becomes a reply, with the whole product on this machine.

The model and Twilio are played by loopback servers that answer at once, so that only our own time is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from db.engine import one, system
from tests.bench.desk import Desk
from tests.bench.load import Connections, Posted, Replies, percentile, post
from tests.bench.machine import cpu_seconds, memory_mb
from tests.bench.stack import Stack
from tests.fakes.twilio_twin import Webhook, signed_sms

QUESTION = "Are you open on Saturday?"
SETTLE_SECONDS = 60.0


@dataclass
class Totals:
    """What must be 0 at the end."""

    posted: list[Posted]
    lost: int = 0
    doubled: int = 0
    refused: int = 0


class Bench:
    """One run of the phases against one stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._door = Connections(stack.public_url)
        self._replies = Replies(Connections(stack.twilio.base_url))
        self._number = 0
        self.posted: list[Posted] = []

    def call(self, desk: Desk) -> tuple[Webhook, str]:
        """The next message: a new customer each time, and a key that comes back in the reply."""
        self._number += 1
        key = f"key{self._number:06d}"
        sender = f"+1{415 + self._number // 1_000_000}{2_000_000 + self._number}"
        return signed_sms(desk.webhook, f"{QUESTION} {key} ", sender=sender), key

    async def send(self, call: Webhook, key: str) -> Posted:
        posted = await post(self._door, call, key)
        self.posted.append(posted)
        return posted

    async def one_at_a_time(self, desk: Desk, number: int) -> list[float]:
        """Seconds from the first byte of the webhook call to the reply's arrival at Twilio."""
        took = []
        for _ in range(number):
            posted = await self.send(*self.call(desk))
            if await self._replies.wait_for([posted], SETTLE_SECONDS, 0.01):
                took.append(self._replies.arrived[posted.key][0] - posted.began)
        return took

    async def open_loop(self, desk: Desk, per_second: float, seconds: float) -> list[Posted]:
        """Calls at a steady pace, whatever the answers do."""
        calls = [self.call(desk) for _ in range(int(per_second * seconds))]
        began, tasks = time.monotonic(), []
        for place, (call, key) in enumerate(calls):
            await asyncio.sleep(max(0.0, began + place / per_second - time.monotonic()))
            tasks.append(asyncio.create_task(self.send(call, key)))
        posted = list(await asyncio.gather(*tasks))
        await self._replies.wait_for(posted, SETTLE_SECONDS, 0.1)
        return posted

    async def many_at_once(self, desk: Desk, number: int, at_once: int) -> tuple[list[Posted], float]:
        """`at_once` customers wait for their reply at any time; returns the calls and the replies per second."""
        calls = [self.call(desk) for _ in range(number)]
        began, calls_left, waiting, done = time.monotonic(), iter(calls), set[str](), list[Posted]()
        running = set[asyncio.Task[Posted]]()
        deadline = began + number / 5 + SETTLE_SECONDS
        while len(done) < number or waiting or running:
            while len(waiting) + len(running) < at_once and (following := next(calls_left, None)):
                running.add(asyncio.create_task(self.send(*following)))
            await asyncio.sleep(0.02)
            await self._replies.look()
            for task in [task for task in running if task.done()]:
                running.discard(task)
                done.append(task.result())
                waiting.add(task.result().key)
            waiting = {key for key in waiting if key not in self._replies.arrived}
            if time.monotonic() > deadline:
                break
        last = max(
            (self._replies.arrived[each.key][0] for each in done if each.key in self._replies.arrived), default=0.0
        )
        return done, len([each for each in done if each.key in self._replies.arrived]) / max(last - began, 1e-9)

    async def totals(self) -> Totals:
        await self._replies.wait_for([each for each in self.posted if each.status < 300], SETTLE_SECONDS, 0.2)
        arrived = self._replies.arrived
        return Totals(
            self.posted,
            lost=sum(each.key not in arrived for each in self.posted),
            doubled=sum(len(arrived.get(each.key, ())) > 1 for each in self.posted),
            refused=sum(each.status >= 300 for each in self.posted),
        )

    def close(self) -> None:
        self._door.close()
        self._replies.twin.close()


async def measure(stack: Stack, options: argparse.Namespace) -> bool:
    """Run the phases and print the table; whether nothing was lost, doubled or refused."""
    await asyncio.sleep(options.idle_seconds)
    rows: list[tuple[str, str]] = []
    idle = memory_mb(stack.processes())
    bench, desk = Bench(stack), stack.desk()
    await bench.one_at_a_time(desk, 10)
    took = await bench.one_at_a_time(desk, options.single)
    rows.append((f"one at a time x {options.single}, post to send", _times(took)))
    before = cpu_seconds(stack.processes())
    posted = await bench.open_loop(desk, 50, options.open_seconds)
    rows.append((f"50/s for {options.open_seconds:g} s, webhook answer", _times([each.seconds for each in posted])))
    posted, rate = await bench.many_at_once(desk, options.messages, options.at_once)
    after = cpu_seconds(stack.processes())
    rows.append((f"{options.messages} messages, {options.at_once} at once", f"{rate:.1f} replies/s"))
    rows.append(("  webhook answer meanwhile", _times([each.seconds for each in posted])))
    rows.append(("  processor per message", _cost(before, after, options.messages + int(50 * options.open_seconds))))
    if options.documents:
        await bench.one_at_a_time(stack.demo_desk(), 5)
        took = await bench.one_at_a_time(stack.demo_desk(), options.documents)
        rows.append((f"from documents, one at a time x {options.documents}", _times(took)))
    totals = await bench.totals()
    rows.append(
        (
            "posted / lost / doubled / refused",
            f"{len(totals.posted)} / {totals.lost} / {totals.doubled} / {totals.refused}",
        )
    )
    rows.append(("messages in state unknown", str(_unknown())))
    bench.close()
    _print(rows, idle, memory_mb(stack.processes()))
    return not (totals.lost or totals.doubled or totals.refused)


def _times(seconds: Sequence[float]) -> str:
    if not seconds:
        return "no answers"
    shown = [f"p{share * 100:g} {percentile(seconds, share) * 1000:.0f} ms" for share in (0.5, 0.95, 0.99)]
    return "  ".join([*shown, f"max {max(seconds) * 1000:.0f} ms"])


def _cost(before: dict[str, float], after: dict[str, float], number: int) -> str:
    spent = {name: (after[name] - before.get(name, 0.0)) * 1000 / number for name in after}
    shown = sorted(spent.items(), key=lambda item: -item[1])
    return f"{sum(spent.values()):.1f} ms: " + ", ".join(f"{name} {each:.1f}" for name, each in shown if each >= 0.1)


def _unknown() -> int:
    with system() as tx:
        found = one(tx, "SELECT count(*) AS n FROM messages WHERE state = 'unknown'")
    assert found is not None
    return int(found["n"])


def _print(rows: Sequence[tuple[str, str]], idle: dict[str, float], after: dict[str, float]) -> None:
    print(f"\nPython {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    print(f"\n{'memory (MB, proportional)':<28}{'idle':>8}{'after':>8}")
    for name in sorted(after, key=lambda each: -after[each]):
        print(f"  {name:<26}{idle.get(name, 0.0):>8.0f}{after[name]:>8.0f}")
    print(f"  {'all':<26}{sum(idle.values()):>8.0f}{sum(after.values()):>8.0f}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="frontdesk bench messages", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--single", type=int, default=100, help="messages one at a time")
    parser.add_argument("--open-seconds", type=float, default=20, help="how long 50 messages per second arrive")
    parser.add_argument("--messages", type=int, default=5000, help="messages of the load phase")
    parser.add_argument("--at-once", type=int, default=100, help="customers who wait at the same time")
    parser.add_argument("--documents", type=int, default=50, help="messages answered from documents; 0 = none")
    parser.add_argument("--idle-seconds", type=float, default=15, help="rest before the memory is measured")
    options = parser.parse_args(argv)
    with Stack(with_demo=bool(options.documents)) as stack:
        return 0 if asyncio.run(measure(stack, options)) else 1


if __name__ == "__main__":
    sys.exit(main())
