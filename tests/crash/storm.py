"""`frontdesk bench crash`: kill -9 at random moments and at named places under load, then count what customers got.

Every message that a webhook call was answered 200 for must have exactly one reply at Twilio; where nobody can know, the
message is `unknown` in the database.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from db.engine import DatabaseUnreachable, rows, system
from flows.crash_points import CRASH_POINTS
from tests.bench.desk import Desk
from tests.bench.load import Connections, Replies
from tests.crash.crew import WORKERS, Crew
from tests.fakes.twilio_twin import Webhook, signed_sms

PER_SECOND = 10.0
TWICE = 0.2  # share of the webhook calls that Twilio makes twice
TRY_AGAIN_SECONDS = 0.3
REPLIES_BETWEEN_KILLS = 3
LONGEST_PAUSE_SECONDS = 6.0
SETTLE_SECONDS = 120.0


@dataclass
class Verdict:
    """How a storm ended. `lost` and `doubled` hold the keys of messages."""

    kills: Counter[str]
    posted: int
    answered: int
    lost: list[str]
    doubled: list[str]
    unknown: list[str]
    troubles: list[str] = field(default_factory=list)  # rows that did not come to a good end, for the reader

    def text(self) -> str:
        kills = ", ".join(f"{name} {number}" for name, number in sorted(self.kills.items()))
        lines = [
            f"kills      {self.kills.total()}: {kills}",
            f"messages   {self.posted}, of which {self.answered} have exactly one reply",
            f"lost       {len(self.lost)} {' '.join(self.lost[:10])}",
            f"doubled    {len(self.doubled)} {' '.join(self.doubled[:10])}",
            f"unknown    {len(self.unknown)} {' '.join(self.unknown[:10])}",
        ]
        return "\n".join(lines + self.troubles)


class Storm:
    """Load and kills against one crew."""

    def __init__(self, crew: Crew, desk: Desk, kills: int, seconds: float, seed: int) -> None:
        self._crew, self._desk = crew, desk
        self._kills, self._pause = kills, seconds / kills
        self._random = random.Random(seed)
        self._door = Connections(crew.public_url)
        self._replies = Replies(Connections(crew.twilio.base_url))
        self._armed = dict.fromkeys(range(WORKERS), "")
        self._over = asyncio.Event()
        self.done: Counter[str] = Counter()
        self.acknowledged: set[str] = set()

    async def rage(self) -> None:
        """Kill until the number is reached, with messages coming in all the time; then let everything settle."""
        load = asyncio.create_task(self._load())
        while self.done.total() < self._kills:
            await asyncio.sleep(self._random.uniform(0.2, 1.8) * self._pause)
            await self._until_work_goes_on()
            await self._strike()
            self._count_self_killed()
        self._over.set()
        await load
        for place in range(WORKERS):
            if self._crew.worker_has_ended(place):
                self._crew.start_worker(place)
        await self._settle()

    async def _until_work_goes_on(self) -> None:
        """A kill is worth the more, the more was under way; on a slow machine the storm slows down with it."""
        enough, deadline = self._replies.seen + REPLIES_BETWEEN_KILLS, time.monotonic() + LONGEST_PAUSE_SECONDS
        while self._replies.seen < enough and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
            await self._replies.look()

    async def _load(self) -> None:
        calls, number = set[asyncio.Task[None]](), 0
        while not self._over.is_set():
            number += 1
            key = f"key{number:06d}"
            call = signed_sms(
                self._desk.webhook, f"Are you open on Saturday? {key} ", sender=f"+1415{2_000_000 + number}"
            )
            calls.add(asyncio.create_task(self._deliver(call, key)))
            await asyncio.sleep(1 / PER_SECOND)
        await asyncio.gather(*calls)

    async def _deliver(self, call: Webhook, key: str) -> None:
        """As Twilio does: again until it is accepted, and sometimes again although it was."""
        times = 2 if self._random.random() < TWICE else 1
        while times:
            try:
                status = await asyncio.wait_for(self._door.post(call), 10)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                status = 0
            if status == 200:
                self.acknowledged.add(key)
                times -= 1
            else:
                await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def _strike(self) -> None:
        """One kill, and the victim's return."""
        victim = self._random.choices(("worker", "place", "webhook", "postgres", "prefect"), (45, 30, 15, 7, 3))[0]
        worker = self._random.randrange(WORKERS)
        match victim:
            case "worker":
                self._crew.kill_worker(worker)
                self._start_again(worker)
            case "place":  # it will kill itself there; counted when it is gone
                self._crew.kill_worker(worker)
                self._start_again(worker, f"{self._random.choice(CRASH_POINTS)}:{self._random.randint(1, 4)}")
            case "webhook":
                self._crew.replace_webhook()
            case "postgres":
                await asyncio.to_thread(self._crew.replace_postgres)
            case "prefect":
                victim = "prefect" if self._crew.replace_prefect() else "none"
        if victim not in ("none", "place"):
            self.done[victim] += 1

    def _start_again(self, worker: int, crash_at: str = "") -> None:
        if crash_at:
            self.done["worker"] += 1
        self._armed[worker] = crash_at
        self._crew.start_worker(worker, crash_at)

    def _count_self_killed(self) -> None:
        for worker, crash_at in self._armed.items():
            if crash_at and self._crew.worker_has_ended(worker):
                self.done[f"at {crash_at.partition(':')[0]}"] += 1
                self._start_again(worker)

    async def _settle(self) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            await self._replies.look()
            if not await asyncio.to_thread(_open_work):
                break
        await asyncio.sleep(1)
        await self._replies.look()

    def verdict(self) -> Verdict:
        arrived = self._replies.arrived
        unknown = [key for key in _unknown_keys() if key in self.acknowledged]
        return Verdict(
            self.done,
            len(self.acknowledged),
            sum(len(arrived.get(key, ())) == 1 for key in self.acknowledged),
            sorted(key for key in self.acknowledged if key not in arrived and key not in unknown),
            sorted(key for key in self.acknowledged if len(arrived.get(key, ())) > 1),
            unknown,
            _troubles(),
        )

    def close(self) -> None:
        self._door.close()
        self._replies.twin.close()


def _open_work() -> int:
    try:
        with system() as tx:
            found = rows(
                tx,
                """SELECT (SELECT count(*) FROM events_queue WHERE state IN ('pending', 'processing'))
                        + (SELECT count(*) FROM runs WHERE state IN ('pending', 'running', 'waiting'))
                        + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending', 'unknown')) AS n""",
            )
    except DatabaseUnreachable:
        return 1
    return int(found[0]["n"])


def _unknown_keys() -> list[str]:
    with system() as tx:
        found = rows(
            tx,
            "SELECT substring(content FROM 'key[0-9]{6}') AS key FROM messages WHERE state = 'unknown' AND direction = 'out'",
        )
    return [row["key"] for row in found]


def _troubles() -> list[str]:
    """What ended otherwise than well, as lines to read."""
    with system() as tx:
        found = rows(
            tx,
            """SELECT 'event ' || state || ': ' || note AS line, count(*) AS n FROM events_queue WHERE state IN ('parked', 'pending', 'processing') GROUP BY 1
               UNION ALL
               SELECT 'run ' || state || ': ' || outcome, count(*) FROM runs WHERE state NOT IN ('done') GROUP BY 1
               UNION ALL
               SELECT 'outbox ' || state || ': ' || error, count(*) FROM outbox WHERE state NOT IN ('done') GROUP BY 1""",
        )
    return [f"{row['n']:>6} x {row['line']}" for row in found]


def storm(kills: int, seconds: float, seed: int) -> Verdict:
    """One storm of `kills` kills within about `seconds`, and its verdict."""
    with Crew() as crew:
        desk = crew.desk()

        async def run() -> Verdict:
            storm = Storm(crew, desk, kills, seconds, seed)
            await storm.rage()
            verdict = await asyncio.to_thread(storm.verdict)
            storm.close()
            return verdict

        return asyncio.run(run())


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="frontdesk bench crash", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=240, help="how long the kills are spread over")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same storm again")
    options = parser.parse_args(argv)
    print(f"A storm of {options.kills} kills in about {options.seconds:g} s; seed {options.seed}.", flush=True)
    verdict = storm(options.kills, options.seconds, options.seed)
    print(verdict.text())
    return 1 if verdict.lost or verdict.doubled else 0


if __name__ == "__main__":
    sys.exit(main())
