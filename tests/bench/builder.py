"""How long the data of a builder page with 60 steps takes: python -m tests.bench.builder

Prints the median and the 95th percentile of what a look at the page and a change ask for, without Streamlit's own drawing.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from db import engine, users, views
from db.embedded import EmbeddedPostgres
from db.engine import configure, read_only, system, transaction
from db.migrate import migrate
from flows import drafts, editing
from flows.automation import Automation
from flows.publish import publish
from tests.db.builders import a_run, a_workspace
from ui import builder_steps, canvas, forms

STEPS, ROUNDS, RUNS = 60, 60, 2_000
NODES = ("recall@1", "retrieve@1", "generate@1", "send_message@1", "hand_off@1", "notify@1")


def document() -> Automation:
    """Sixty steps, wired as a new step is, with a text in every message."""
    made = Automation(name="Sixty steps")
    for node in ("message_received@1", "gate@1", *(NODES[number % len(NODES)] for number in range(STEPS - 2))):
        made, step = editing.add_step(made, node, after=None)
        if node.startswith(("send_message", "notify")):
            made = editing.set_config(made, step, "text", "Hello {{message.contact_name}}, about {{message.text}}")
    return made


def measure(what: str, work: Callable[[], object]) -> float:
    """Prints what it takes in milliseconds; returns the 95th percentile."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    p95 = statistics.quantiles(took, n=20)[-1]
    print(f"{what:46} median {statistics.median(took):6.1f} ms   p95 {p95:6.1f} ms")
    return p95


def look(workspace: UUID, automation: UUID, selected: str) -> None:
    """Everything that one drawing of the page reads and works out."""
    draft = drafts.load(workspace, automation)
    builder_steps.cards(draft.document, draft.problems)
    builder_steps.palette()
    canvas.drawing(draft.document, selected=selected, compact=True, wrong={problem.step for problem in draft.problems})
    step = next(step for step in draft.document.steps if step.id == selected)
    spec = builder_steps.spec_of(step.node)
    assert spec is not None
    forms.fields_of(spec.config)
    editing.references(draft.document, selected, kind="text")
    editing.references(draft.document, selected, kind="boolean")
    for name in spec.input.model_fields:
        editing.fitting(draft.document, selected, name)
    with read_only(workspace) as tx:
        views.run_list(tx, automation_id=automation, limit=10)


def change(workspace: UUID, automation: UUID, selected: str, number: int) -> None:
    draft = drafts.load(workspace, automation)
    changed = editing.set_title(draft.document, selected, f"Change {number}")
    drafts.save(workspace, None, automation, changed, draft.revision)


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-bench-"))
    folder.chmod(0o711)  # when root runs this, the database's own user passes through here
    postgres = EmbeddedPostgres(folder / "postgres", for_tests=True)
    postgres.start()
    try:
        migrate(postgres.url())
        configure(postgres.url())
        _measure()
    finally:
        engine.dispose()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _measure() -> None:
    with system() as tx:
        workspace = a_workspace(tx)
        users.create(tx, "ana@example.com", "Ana Silva")
    made = document()
    automation = drafts.create(workspace, None, name=made.name, document=made)
    publish(workspace, automation, None)
    with transaction(workspace) as tx:
        for _ in range(RUNS):
            a_run(tx, workspace, automation)
    last = made.steps[-1].id
    print(f"An automation of {len(made.steps)} steps, {RUNS} runs of it, {ROUNDS} rounds")
    looking = measure("a look at the page, its last step open", lambda: look(workspace, automation, last))
    numbers = iter(range(ROUNDS))
    measure("a change, kept", lambda: change(workspace, automation, last, next(numbers)))
    print(f"p95 of the page's data: {looking:.0f} ms (wanted: under 200 ms)")


if __name__ == "__main__":
    main()
