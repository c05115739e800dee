from uuid import UUID

import pytest

from db import heading_vectors
from db.engine import read_only, transaction
from db.heading_vectors import last_heading


def _vector(*start: float) -> list[float]:
    return [*start, *[0.0] * (1536 - len(start))]


@pytest.mark.parametrize("model", ["all-MiniLM-L6-v2", "another-model"])
def test_a_heading_is_kept_once_and_compared_with_a_question(
    workspace: UUID, other_workspace: UUID, model: str
) -> None:
    with transaction(workspace) as tx:
        assert heading_vectors.missing(tx, model, ["Prices", "Hours", ""]) == ["Prices", "Hours"]
        heading_vectors.keep(tx, workspace, model, {"Prices": _vector(1), "Hours": _vector(0, 1)})
        heading_vectors.keep(tx, workspace, model, {"Prices": _vector(0.5, 0.5)})
        assert heading_vectors.missing(tx, model, ["Prices", "Dogs"]) == ["Dogs"]
        assert heading_vectors.missing(tx, "third-model", ["Prices"]) == ["Prices"]
        found = heading_vectors.cosines(tx, _vector(0.6, 0.8), model, ["Prices", "Hours", "Dogs"])
    assert found == {"Prices": pytest.approx(0.6, abs=1e-6), "Hours": pytest.approx(0.8, abs=1e-6)}
    with read_only(other_workspace) as tx:
        assert heading_vectors.cosines(tx, _vector(1), model, ["Prices"]) == {}


def test_the_last_heading_is_the_one_right_above_a_passage() -> None:
    assert [last_heading(path) for path in ("Prices > Wash ", "Prices", "")] == ["Wash", "Prices", ""]
