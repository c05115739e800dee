from decimal import Decimal
from uuid import UUID

from db import models
from db.engine import system, transaction
from tests.db.builders import a_connection


def test_the_newest_default_of_a_purpose_is_used(workspace: UUID, other_workspace: UUID) -> None:
    with system() as tx:  # also where row-level security does not help, only this workspace is touched
        elsewhere = models.upsert(tx, other_workspace, "chat", "openai", "gpt-x")
        models.upsert(tx, workspace, "chat", "openai", "gpt-a")
        chosen = models.upsert(tx, workspace, "chat", "openai", "gpt-b", price_in_per_million=Decimal("0.15"))
        models.upsert(tx, workspace, "embedding", "builtin", "all-MiniLM-L6-v2")
    with transaction(workspace) as tx:
        assert models.default(tx, "chat") == chosen
        assert (chosen.price_in_per_million, chosen.price_out_per_million) == (Decimal("0.15"), None)
        assert [model.model_name for model in models.all_models(tx)] == ["gpt-a", "gpt-b", "all-MiniLM-L6-v2"]
    with transaction(other_workspace) as tx:
        assert models.default(tx, "chat") == elsewhere


def test_the_same_model_again_is_changed_and_not_doubled(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        connection = a_connection(tx, workspace, "llm")
        made = models.upsert(tx, workspace, "chat", "openai", "gpt-a", connection=connection)
        again = models.upsert(
            tx, workspace, "chat", "openai", "gpt-a", connection=connection, temperature=0.9, max_tokens=50
        )
        assert (again.id, again.max_tokens, again.is_default) == (made.id, 50, True)
        assert len(models.all_models(tx)) == 1


def test_without_a_choice_there_is_no_default(workspace: UUID) -> None:
    with transaction(workspace) as tx:
        models.upsert(tx, workspace, "chat", "openai", "gpt-a", is_default=False)
        assert models.default(tx, "chat") is None
