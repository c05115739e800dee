"""Finds the passages of your documents that fit the message best."""

from __future__ import annotations

from pydantic import Field

from nodes.contract import Context, Result, Settings, Values, node
from nodes.material import Line, Passage
from nodes.search import Hit, SearchSettings, ask, find

SHORT_MESSAGE_WORDS = 5


class Config(Settings):
    passages: int = Field(default=5, ge=1, le=20, description="At most so many passages.")
    minimum_score: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Passages that fit less than this are left out; 1 is the same text, about 0.1 is chance.",
    )
    use_previous: bool = Field(
        default=True,
        description="When the message is very short ('and on Sunday?'), look also for what the customer wrote before.",
    )


class Input(Values):
    message: str = Field(default="", description="What to look for; usually the text of the message.")
    history: list[Line] = Field(default_factory=list, description="The conversation so far, for very short messages.")


class Output(Values):
    passages: list[Passage] = Field(description="The passages, best first.")
    found: bool = Field(description="Whether there is at least one passage.")
    best_score: float = Field(description="Score of the best passage, 0 where there is none.")


@node(
    "retrieve",
    title="Search documents",
    group="ai",
    icon="search",
    sample=Input(message="When do you open on Saturday?"),
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    query = _query(config, input)
    if not query:
        return Result(Output(passages=[], found=False, best_score=0.0), detail={"query": ""})
    settings = SearchSettings(limit=config.passages, minimum_score=0.0)
    question = ask(ctx.embedder, query, settings)
    with ctx.read() as tx:
        hits = find(tx, question, settings)
    passages = [_passage(hit) for hit in hits if hit.score >= config.minimum_score]
    output = Output(passages=passages, found=bool(passages), best_score=passages[0].score if passages else 0.0)
    return Result(output, detail={"query": query, "model": ctx.embedder.model, "scores": [_score(hit) for hit in hits]})


def _query(config: Config, input: Input) -> str:
    message = input.message.strip()
    if not (config.use_previous and message and len(message.split()) < SHORT_MESSAGE_WORDS):
        return message
    before = next((line.content for line in reversed(input.history) if line.role == "user"), "")
    return f"{before}\n{message}".strip()


def _passage(hit: Hit) -> Passage:
    source = hit.source_name if hit.document in ("", hit.source_name) else f"{hit.source_name}: {hit.document}"
    return Passage(id=str(hit.id), source=source, heading=hit.heading, text=hit.text, score=round(hit.score, 4))


def _score(hit: Hit) -> dict[str, object]:
    return {"id": str(hit.id), "source": hit.source_name, "heading": hit.heading, "score": round(hit.score, 4)}
