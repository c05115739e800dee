"""A workspace that is trained in one test process: the real jobs, with an embedder that remembers what it was asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from db import connections, documents, indexing, sources, training_jobs
from db.documents import DocumentLine
from db.engine import one, rows, system, transaction
from db.indexing import PassageLine
from db.training_jobs import Job
from flows import job
from flows.job import Tools
from flows.pulse import Pulse
from nodes.clients.network import Resolver, resolve
from tests.db.builders import a_user, a_workspace
from tests.fakes.openai_twin import API_KEY


@dataclass
class CountingEmbedder:
    """A vector per text that depends on the text alone; every text it was asked for is in `asked`."""

    model: str = "counting-1"
    asked: list[str] = field(default_factory=list)
    raises: list[Exception] = field(default_factory=list)
    meanwhile: list[Callable[[], object]] = field(default_factory=list)  # what happens while it works

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self.meanwhile:
            self.meanwhile.pop(0)()
        if self.raises:
            raise self.raises.pop(0)
        self.asked += texts
        return [vector(text) for text in texts]


def vector(text: str) -> list[float]:
    digest = hashlib.sha256(text.encode()).digest()
    return [byte / 255 for byte in digest] + [0.0] * (1536 - len(digest))


class TrainingRig:
    """`work` does every open job; the rest looks at what came of it."""

    def __init__(self, resolver: Resolver = resolve) -> None:
        with system() as tx:
            self.workspace = a_workspace(tx)
            self.user = a_user(tx, self.workspace, "builder")
        self.actor = f"user:{self.user}"
        self.embedder = CountingEmbedder()
        self.tools = Tools(lambda workspace: self.embedder, resolver, lease_seconds=5.0)
        self.owner = f"rig-{uuid4().hex[:6]}"

    def work(self, on_pulse: Callable[[Pulse], object] = lambda pulse: None) -> list[tuple[str, str]]:
        """Do every job that waits; (state, sentence) of each."""
        done: list[tuple[str, str]] = []
        while True:
            with system() as tx:
                claimed = training_jobs.claim(tx, self.owner, self.tools.lease_seconds)
            if claimed is None:
                return done
            done.append(job.do(claimed, self.owner, self.tools, on_pulse))

    def connect_embeddings(self, base_url: str, model: str = "counting-1") -> None:
        """From now on the workspace's own embedding model is one of this server."""
        with transaction(self.workspace) as tx:
            connections.create(
                tx,
                self.workspace,
                "embeddings",
                f"Server {model}",
                {"base_url": base_url, "model": model},
                {"api_key": API_KEY},
                True,
            )

    def job(self, source: UUID) -> Job:
        with transaction(self.workspace) as tx:
            return training_jobs.recent(tx, source, limit=1)[0]

    def line(self, source: UUID) -> sources.SourceLine:
        with transaction(self.workspace) as tx:
            found = sources.line(tx, source)
        assert found is not None
        return found

    def documents(self, source: UUID) -> dict[str, DocumentLine]:
        with transaction(self.workspace) as tx:
            return {line.address: line for line in documents.listing(tx, source, limit=1000)}

    def passages(self, source: UUID, document: str | None = None) -> list[PassageLine]:
        with transaction(self.workspace) as tx:
            return indexing.listing(tx, source, document, limit=1000)

    def configure(self, source: UUID, **changes: Any) -> None:
        with transaction(self.workspace) as tx:
            sources.configure(tx, source, **changes)

    def query(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        with transaction(self.workspace) as tx:
            return [dict(row) for row in rows(tx, sql, **params)]

    def count(self, table: str) -> int:
        with transaction(self.workspace) as tx:
            row = one(tx, f"SELECT count(*) AS n FROM {table}")
        assert row is not None
        return int(row["n"])
