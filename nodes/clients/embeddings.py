"""Texts as vectors whose closeness is closeness of meaning, by a connected provider or by the built-in model.

Every vector has 1536 numbers whatever the model, so that one column and one index hold them all. Vectors of different
models cannot be compared: keep `model` with each row and search within one model. Both classes are an `Embedder` of
nodes.contract, keep the order of the texts, and may be used by several threads at once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import openai
from pydantic import BaseModel, ValidationError

from nodes.clients import minilm
from nodes.clients.openai_errors import translated
from nodes.errors import Rejected

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

    from nodes.clients.minilm import Vector

DIMENSIONS = 1536
QUESTION_TEXTS = 2  # a search embeds its question, and once more with what it is about


def padded(vector: Sequence[float]) -> list[float]:
    """The vector with zeros up to 1536 numbers, which changes no cosine. A longer one raises Rejected."""
    if len(vector) > DIMENSIONS:
        reason = f"The embedding model gives {len(vector)} numbers per text; Frontdesk keeps at most {DIMENSIONS}."
        raise Rejected("too_many_dimensions", reason + " Choose a smaller embedding model.")
    return [*vector, *[0.0] * (DIMENSIONS - len(vector))]


class BuiltinEmbedder:
    """all-MiniLM-L6-v2 on this machine's processor: no key, no network. Nothing is loaded before the first `embed`.

    Reads the first 256 tokens of a text (about 1,000 characters of English). `cache` is the folder that keeps the graph.
    `threads` batches are computed at once, each by one thread: threads that share a batch wait for each other at every operation.
    """

    model = "all-MiniLM-L6-v2"

    def __init__(self, cache: Path, *, threads: int = 2) -> None:
        self._cache = cache
        self._loading = threading.Lock()
        self._loaded: tuple[InferenceSession, Tokenizer] | None = None
        self._pool = ThreadPoolExecutor(threads, "embedding")  # its threads begin with the first use
        self._question = lru_cache(maxsize=256)(self._many)  # customers ask the same things, and retries the same one

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        rows = self._question(tuple(texts)) if len(texts) <= QUESTION_TEXTS else self._many(texts)
        return [padded(row.tolist()) for row in rows]

    def _many(self, texts: Sequence[str]) -> list[Vector]:
        session, tokenizer = self._load()
        tokens = [encoding.ids for encoding in tokenizer.encode_batch([_writable(text) for text in texts])]
        batches = _batches([len(ids) for ids in tokens])
        run = map if len(batches) == 1 else self._pool.map
        made = run(partial(_run, session), [[tokens[place] for place in places] for places in batches])
        rows = {
            place: row
            for places, vectors in zip(batches, made, strict=True)
            for place, row in zip(places, vectors, strict=True)
        }
        return [rows[place] for place in range(len(texts))]

    def _load(self) -> tuple[InferenceSession, Tokenizer]:
        with self._loading:
            if self._loaded is None:
                self._loaded = _session(minilm.graph_file(self._cache)), _tokenizer()
            return self._loaded


def _session(graph: Path) -> InferenceSession:
    import onnxruntime  # 20 MB, for those who embed with it only

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
    options.enable_cpu_mem_arena = False  # the arena would keep the memory of the largest batch for ever
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(minilm.tokenizer_file()))
    tokenizer.enable_truncation(minilm.MAX_TOKENS)
    tokenizer.no_padding()  # the file asks for 128 always
    return tokenizer


def _writable(text: str) -> str:
    """The text without lone surrogates, which a broken client can send and the tokenizer does not take."""
    return text.encode("utf-8", "replace").decode("utf-8")


BATCH_TOKENS = 192  # larger batches leave the processor's cache, cost memory and gain nothing


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Places of texts of the same length, so that nothing is padded. Long ones first: at the end no thread waits long for another."""
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        length = lengths[place]
        if not batches or lengths[batches[-1][0]] != length or length * (len(batches[-1]) + 1) > BATCH_TOKENS:
            batches.append([])
        batches[-1].append(place)
    return batches


def _run(session: InferenceSession, batch: Sequence[Sequence[int]]) -> Vector:
    vectors: Vector = session.run(["vectors"], {"ids": np.array(batch, np.int64)})[0]
    return vectors


MAX_BATCH = 128  # texts per request; with passages of 900 characters far below the 300,000 tokens that OpenAI allows
MAX_CHARACTERS = 8000  # a text has at most 8192 tokens at OpenAI, and some scripts need a token per character


class OpenAIEmbedder:
    """An embedding model of OpenAI, or of any server that speaks its interface. An empty text is the caller's mistake."""

    def __init__(self, base_url: str, api_key: str, model: str, timeout_seconds: float = 30.0) -> None:
        self.model = model
        # Retrying is the runtime's: it alone knows the budget of the step.
        self._client = openai.OpenAI(base_url=base_url, api_key=api_key, timeout=timeout_seconds, max_retries=0)
        self._server = f"The embedding server {self._client.base_url.host}"
        # Only this family takes the parameter; other models refuse the request because of it.
        self._dimensions = DIMENSIONS if "text-embedding-3" in model else openai.omit

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        batches = [texts[start : start + MAX_BATCH] for start in range(0, len(texts), MAX_BATCH)]
        return [vector for batch in batches for vector in self._request(batch)]

    def _request(self, batch: Sequence[str]) -> list[list[float]]:
        cut = [text[:MAX_CHARACTERS] for text in batch]
        with translated(self._server):
            # The package does not look at what it got: a login page would come back as if it were vectors.
            answer = self._client.embeddings.with_raw_response.create(
                model=self.model, input=cut, dimensions=self._dimensions, encoding_format="float"
            )
        return [padded(vector) for vector in self._vectors(answer.content, len(batch))]

    def _vectors(self, answer: bytes, count: int) -> list[list[float]]:
        try:
            items = _Answer.model_validate_json(answer).data
        except ValidationError as error:
            raise Rejected(
                "unreadable", f"{self._server} gave an answer without vectors. Check its address."
            ) from error
        if len(items) != count:
            raise Rejected("wrong_count", f"{self._server} gave {len(items)} vectors for {count} texts.")
        return [item.embedding for item in sorted(items, key=lambda item: item.index)]


class _Item(BaseModel):
    index: int
    embedding: list[float]


class _Answer(BaseModel):
    data: list[_Item]
