"""The built-in embedder is compared with the same arithmetic in plain numpy, the other one talks to a real server."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from nodes.clients import minilm
from nodes.clients.embeddings import DIMENSIONS, BuiltinEmbedder, OpenAIEmbedder, _batches, padded
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected, Throttled
from tests.nodes.clients.embedding_server import EmbeddingServer
from tests.nodes.clients.plain_minilm import embed_plainly

TEXTS = [
    "When do you open on Saturday?",
    "Prices > Tune-up\nA full tune-up costs $119 and takes two working days.",
    "",
    "¿Cuánto cuesta un cambio de cámara? 自転車 🚲",
    "The quick brown fox jumps over the lazy dog. " * 40,
]


@pytest.fixture(scope="module")
def builtin(tmp_path_factory: pytest.TempPathFactory) -> BuiltinEmbedder:
    return BuiltinEmbedder(tmp_path_factory.mktemp("embeddings"))


def cosine(one: list[float], other: list[float]) -> float:
    a, b = np.array(one), np.array(other)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_graph_computes_what_the_published_model_computes(builtin: BuiltinEmbedder) -> None:
    for text, vector in zip(TEXTS, builtin.embed(TEXTS), strict=True):
        assert np.abs(np.array(vector[:384]) - embed_plainly(text)).max() < 1e-5, text


def test_vectors_stored_before_the_graph_was_made_faster_stay_valid(builtin: BuiltinEmbedder) -> None:
    stored = np.load(Path(__file__).parent / "vectors_of_format_1.npy")
    for before, now in zip(stored, builtin.embed(TEXTS), strict=True):
        assert cosine(before.tolist(), now[:384]) > 0.9999


def test_texts_of_one_length_are_computed_together_and_nothing_is_padded() -> None:
    lengths = [5, 100, 5, 80, 100, 5, 250, 250]
    batches = _batches(lengths)
    assert sorted(place for batch in batches for place in batch) == list(range(8))
    assert [[lengths[place] for place in batch] for batch in batches] == [[250], [250], [100], [100], [80], [5, 5, 5]]
    assert _batches([]) == []


def test_every_vector_has_length_one_and_zeros_up_to_1536(builtin: BuiltinEmbedder) -> None:
    for vector in builtin.embed(TEXTS):
        assert len(vector) == DIMENSIONS
        assert set(vector[384:]) == {0.0}
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_padding_changes_no_cosine() -> None:
    one, other = [0.3, -0.2, 0.9], [0.1, 0.8, 0.4]
    assert cosine(padded(one), padded(other)) == pytest.approx(cosine(one, other))


def test_a_vector_that_does_not_fit_is_refused() -> None:
    with pytest.raises(Rejected, match="3072 numbers"):
        padded([0.1] * 3072)


def test_a_question_is_closer_to_its_answer_than_to_another_subject(builtin: BuiltinEmbedder) -> None:
    question, answer, other = builtin.embed(
        [
            "what time do you close?",
            "Opening hours: we are open until 6 p.m.",
            "Electric bikes have a two year warranty.",
        ]
    )
    assert cosine(question, answer) > 0.4 + cosine(question, other)


def test_a_text_has_the_same_vector_alone_and_among_others(builtin: BuiltinEmbedder) -> None:
    together = builtin.embed(TEXTS * 20)
    for place, vector in enumerate(together):
        assert cosine(vector, builtin.embed([TEXTS[place % len(TEXTS)]])[0]) > 0.99999


def test_no_texts_are_no_vectors(builtin: BuiltinEmbedder) -> None:
    assert builtin.embed([]) == []


def test_a_broken_character_is_embedded_all_the_same(builtin: BuiltinEmbedder) -> None:
    assert cosine(*builtin.embed(["opening hours\ud83d", "opening hours?"])) > 0.9


def test_a_caller_cannot_change_the_remembered_vector(builtin: BuiltinEmbedder) -> None:
    first = builtin.embed(["do you rent bikes?"])[0]
    kept = list(first)
    first[0] = 99.0
    assert builtin.embed(["do you rent bikes?"])[0] == kept


def test_a_question_and_its_second_form_are_remembered_together(builtin: BuiltinEmbedder) -> None:
    pair = ["do you rent bikes?", "bikes\ndo you rent bikes?"]
    first = builtin.embed(pair)
    first[1][0] = 99.0
    assert builtin.embed(pair)[1][0] != 99.0
    assert cosine(builtin.embed(pair)[0], builtin.embed(pair[:1])[0]) > 0.99999


def test_threads_that_embed_at_once_get_their_own_vectors(tmp_path: Path) -> None:
    embedder, found = BuiltinEmbedder(tmp_path), dict[str, list[float]]()
    texts = [f"bicycle number {n}" for n in range(8)]

    def work(text: str) -> None:
        found[text] = embedder.embed([text])[0]

    threads = [threading.Thread(target=work, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for text, vector in zip(texts, embedder.embed(texts), strict=True):
        assert cosine(found[text], vector) > 0.99999


FIRST_USE = """
import sys, pathlib
from nodes.clients.embeddings import BuiltinEmbedder
embedder = BuiltinEmbedder(pathlib.Path(sys.argv[1]), threads=1)
assert "onnxruntime" not in sys.modules, "loaded before the first use"
sys.stdin.readline()
print(embedder.embed(["hello"])[0][0], "onnx" in sys.modules)
"""


def test_two_processes_may_build_the_graph_at_once(tmp_path: Path) -> None:
    (tmp_path / f"minilm-{minilm.WEIGHTS_SHA256[:16]}-format{minilm.FORMAT}.unfinished").mkdir()  # of a killed builder
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_USE, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [starter.communicate("go\n", timeout=60)[0].split() for starter in starters]
    assert said[0][0] == said[1][0]
    assert sorted(path.name.split(".")[0] for path in tmp_path.iterdir()) == [
        "minilm",
        f"minilm-{minilm.WEIGHTS_SHA256[:16]}-format{minilm.FORMAT}",
    ]
    again = subprocess.run(
        [sys.executable, "-c", FIRST_USE, str(tmp_path)],
        input="go\n",
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    assert again.stdout.split() == [said[0][0], "False"], "a built graph needs no onnx package"


def test_other_weights_than_the_published_ones_are_refused_with_the_remedy() -> None:
    with pytest.raises(Rejected, match=r"not the published .* Install it again") as refused:
        minilm.verified("tokenizer.json", "0" * 64)
    assert refused.value.code == "weights_changed"
    with pytest.raises(Rejected, match="needs absent.bin") as missing:
        minilm.verified("absent.bin", "0" * 64)
    assert missing.value.code == "weights_missing"


def test_many_texts_go_in_requests_of_128_and_come_back_in_order() -> None:
    with EmbeddingServer() as server:
        embedder = OpenAIEmbedder(server.url, "key-1", "text-embedding-3-small")
        vectors = embedder.embed([f"text {n}" for n in range(300)])
        assert [vector[0] for vector in vectors] == [float(n) for n in range(300)]
        assert [len(request["input"]) for request in server.requests] == [128, 128, 44]
        assert server.keys == {"Bearer key-1"}


@pytest.mark.parametrize(
    ("model", "asked"),
    [("text-embedding-3-large", 1536), ("openai/text-embedding-3-small", 1536), ("nomic-embed-text", None)],
)
def test_only_models_that_know_dimensions_are_asked_for_1536(model: str, asked: int | None) -> None:
    with EmbeddingServer() as server:
        (vector,) = OpenAIEmbedder(server.url, "k", model).embed(["text 7"])
        assert server.requests[0].get("dimensions") == asked
        assert len(vector) == DIMENSIONS


def test_a_very_long_text_is_cut_to_what_the_provider_takes() -> None:
    with EmbeddingServer() as server:
        OpenAIEmbedder(server.url, "k", "m").embed(["text 1 " + "x" * 100_000])
        assert len(server.requests[0]["input"][0]) == 8000


@pytest.mark.parametrize(
    ("status", "body", "expected", "sentence"),
    [
        (401, {"error": {"message": "Incorrect key sk-secret"}}, AuthFailed, "does not accept the API key"),
        (403, {"error": {"message": "no access"}}, AuthFailed, "does not accept the API key"),
        (400, {"error": {"message": "bad input", "code": "bad_input"}}, Rejected, "answered 400: .*bad input"),
        (404, {"error": {"message": "no such model"}}, Rejected, "no such model"),
        (429, {"error": {"message": "slow down"}}, Throttled, "slow down"),
        (429, {"error": {"message": "no money", "code": "insufficient_quota"}}, Rejected, "no money"),
        (500, {"error": {"message": "oops"}}, NotSent, "answered 500"),
        (503, {}, NotSent, "answered 503"),
        (200, {"object": "list", "data": []}, Rejected, "0 vectors for 1 texts"),
        (200, {"hello": "world"}, Rejected, "answer without vectors"),
        (200, "<html>a login page</html>", Rejected, "answer without vectors"),
    ],
)
def test_what_the_server_answers_becomes_an_error_of_ours(
    status: int, body: object, expected: type[ClientError], sentence: str
) -> None:
    with EmbeddingServer(status=status, body=body) as server:
        with pytest.raises(expected, match=sentence) as raised:
            OpenAIEmbedder(server.url, "sk-secret", "m").embed(["hello"])
        assert len(server.requests) == 1, "retrying is left to the runtime"
        assert "sk-secret" not in str(raised.value)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0.5", 0.5), ("soon", 10.0), (None, 10.0)])
def test_throttled_says_how_long_to_wait(header: str | None, seconds: float) -> None:
    headers = {"retry-after": header} if header else {}
    with EmbeddingServer(status=429, body={}, headers=headers) as server, pytest.raises(Throttled) as raised:
        OpenAIEmbedder(server.url, "k", "m").embed(["hello"])
    assert raised.value.retry_after_seconds == seconds


def test_a_server_that_is_not_there_is_not_sent() -> None:
    with EmbeddingServer() as server:
        closed = server.url
    with pytest.raises(NotSent, match="cannot be reached"):
        OpenAIEmbedder(closed, "k", "m").embed(["hello"])


def test_a_server_that_stays_silent_leaves_the_outcome_unknown() -> None:
    with EmbeddingServer(silent=True) as server, pytest.raises(OutcomeUnknown, match="did not answer"):
        OpenAIEmbedder(server.url, "k", "m", timeout_seconds=0.2).embed(["hello"])


def test_a_server_that_hangs_up_leaves_the_outcome_unknown() -> None:
    with EmbeddingServer(hang_up=True) as server, pytest.raises(OutcomeUnknown, match="did not answer"):
        OpenAIEmbedder(server.url, "k", "m").embed(["hello"])


def test_fewer_vectors_than_texts_are_refused() -> None:
    body = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
    with EmbeddingServer(body=body) as server, pytest.raises(Rejected, match="1 vectors for 2 texts"):
        OpenAIEmbedder(server.url, "k", "m").embed(["one", "two"])
