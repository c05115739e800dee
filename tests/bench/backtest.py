"""How long a comparison of 200 conversations takes with a model that answers at once.

    python -m tests.bench.backtest [conversations]

A cluster of its own on this machine, the front desk of the demo with its documents, two turns in each conversation, and a draft
with another prompt, so that the model is asked for both sides. The bar is 60 s.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet

from db import backtests, engine
from db.embedded import EmbeddedPostgres
from db.engine import one, run, system, transaction
from db.migrate import migrate
from flows import backtest, demo, drafts
from flows.editing import set_config
from flows.models import builtin_embedder
from nodes.contract import ChatMessage, Completion, Embedder, LanguageModel

BAR_SECONDS = 60.0
QUESTIONS = (
    "What does a repair cost?", "When are you open on Saturday?", "Do you sell children's bikes?", "Can I rent a bike?",
    "My brakes squeak, can I come by today?", "Is there a guarantee?", "Can I speak to a person?", "Do you take old bikes?",
)  # fmt: skip


class AtOnce:
    """A model that answers at 0 ms."""

    name = "at-once"
    asked = 0

    def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        json_schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        self.asked += 1
        return Completion(
            '{"reply": "Gladly.", "needs_person": false, "reason": "", "used": [1]}', self.name, 900, 40, 0.0002
        )


class OneModel:
    def __init__(self, llm: LanguageModel, embedder: Embedder) -> None:
        self._both = llm, embedder

    def of(self, workspace: UUID) -> tuple[LanguageModel | None, Embedder]:
        return self._both

    def warm(self) -> None: ...


def main() -> None:
    conversations = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        postgres = EmbeddedPostgres(folder / "postgres", for_tests=True)
        postgres.start()
        try:
            migrate(postgres.url())
            engine.configure(postgres.url())
            measure(conversations)
        finally:
            engine.dispose()
            postgres.stop()


def measure(conversations: int) -> None:
    embedder = builtin_embedder()
    demo.seed(embedder)
    with system() as tx:
        found = one(
            tx,
            "SELECT w.id AS workspace, a.id AS automation FROM workspaces w JOIN automations a ON a.workspace_id = w.id",
        )
    assert found is not None
    workspace, automation = found["workspace"], found["automation"]
    write(workspace, conversations)
    draft = drafts.load(workspace, automation)
    drafts.save(workspace, None, automation, set_config(draft.document, "reply", "tone", "Stern."), draft.revision)
    model = AtOnce()
    id = backtest.start(workspace, None, automation, conversations=conversations)
    began = time.perf_counter()
    ended = backtest.work(id, models=OneModel(model, embedder))
    took = time.perf_counter() - began
    with transaction(workspace) as tx:
        figures = backtests.figures(tx, id)
    print(f"{'conversations':<28}{figures.talks:>10}")
    print(f"{'turns':<28}{figures.turns:>10}")
    print(f"{'questions to the model':<28}{model.asked:>10}")
    print(f"{'seconds':<28}{took:>10.1f}   bar {BAR_SECONDS:.0f}")
    print(f"{'turns per second':<28}{figures.turns / took:>10.1f}")
    print(ended)
    sys.exit(0 if took < BAR_SECONDS else 1)


def write(workspace: UUID, conversations: int) -> None:
    """Conversations of two turns each: a question, an answer, another question, another answer."""
    with transaction(workspace) as tx:
        run(
            tx,
            """WITH account AS (SELECT id FROM connections WHERE kind = 'webchat' LIMIT 1),
               people AS (INSERT INTO contacts (workspace_id, name) SELECT %(w)s, 'Customer ' || n FROM generate_series(1, %(n)s) n RETURNING id),
               talks AS (INSERT INTO conversations (workspace_id, contact_id, connection_id, channel, address, last_inbound_at)
                         SELECT %(w)s, p.id, account.id, 'webchat', p.id::text, now() FROM people p, account RETURNING id, connection_id)
               INSERT INTO messages (workspace_id, conversation_id, connection_id, direction, author, content, state, created_at)
               SELECT %(w)s, t.id, t.connection_id, l.direction, l.author,
                      CASE WHEN l.direction = 'in' THEN (%(texts)s::text[])[1 + (row_number() OVER () %% %(count)s)::integer] ELSE 'An answer.' END,
                      l.state, now() - (5 - l.number) * interval '1 minute'
               FROM talks t, (VALUES (1, 'in', 'contact', 'received'), (2, 'out', 'ai', 'sent'), (3, 'in', 'contact', 'received'),
                                     (4, 'out', 'ai', 'sent')) AS l(number, direction, author, state)
               ORDER BY l.number""",
            w=workspace,
            n=conversations,
            texts=list(QUESTIONS),
            count=len(QUESTIONS),
        )


if __name__ == "__main__":
    import os

    os.environ.setdefault("FRONTDESK_SECRET_KEY", Fernet.generate_key().decode())
    main()
