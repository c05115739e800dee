"""Vectors of many numbers as points of a plane: the two directions in which they differ most (principal components)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HEAD_BYTES = 4  # of a vector as Postgres sends it: its length and an unused number, 16 bits each
EXTRA_DIRECTIONS, ROUNDS = 6, 12  # enough that the first two directions stand still in the second digit


def points(vectors: Sequence[bytes]) -> list[tuple[float, float]]:
    """A point per vector, each coordinate between -1 and 1. The same vectors give the same points."""
    if len(vectors) < 2:
        return [(0.0, 0.0)] * len(vectors)
    matrix = np.stack([np.frombuffer(vector, dtype=">f4", offset=HEAD_BYTES) for vector in vectors]).astype(np.float32)
    matrix = matrix[:, matrix.any(axis=0)]  # short vectors are padded with zeros
    if not matrix.size:
        return [(0.0, 0.0)] * len(vectors)
    centred = matrix - matrix.mean(axis=0)
    flat = centred @ _directions(centred)
    largest = np.abs(flat).max(axis=0)
    return [(float(x), float(y)) for x, y in flat / np.where(largest > 0, largest, 1)]


def _directions(centred: NDArray[np.float32]) -> NDArray[np.float32]:
    """The two directions of largest variance, by repeated multiplication: a whole decomposition takes seconds."""
    width = centred.shape[1]
    basis = np.random.default_rng(0).standard_normal((width, min(2 + EXTRA_DIRECTIONS, width))).astype(np.float32)
    for _ in range(ROUNDS):
        basis, _upper = np.linalg.qr(centred.T @ (centred @ basis))
    _left, _sizes, turned = np.linalg.svd(centred @ basis, full_matrices=False)
    chosen = (basis @ turned.T)[:, :2]
    if chosen.shape[1] < 2:  # vectors of one number
        chosen = np.hstack([chosen, np.zeros((width, 2 - chosen.shape[1]), dtype=np.float32)])
    # A direction and its opposite are equally good: the larger part points up, so that the map does not flip.
    signs = np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(2)])
    return np.asarray(chosen * np.where(signs == 0, 1, signs), dtype=np.float32)
