"""Finds the passages of your documents that fit the message best."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from db.passages import sources as all_sources
from nodes.contract import Context, Result, Settings, Values, node
from nodes.material import Line, Passage
from nodes.rerank import reranked
from nodes.search import Hit, Mode, SearchSettings, ask, find, with_subject

SHORT_MESSAGE_WORDS = 5


class Config(Settings):
    passages: int = Field(title="How many passages", default=5, ge=1, le=20, description="At most so many passages.")
    minimum_score: float = Field(
        title="How well a passage must fit",
        default=0.2,
        ge=0,
        le=1,
        description="Passages that fit less than this are left out; 1 is the same text, about 0.1 is chance.",
    )
    use_previous: bool = Field(
        title="Look at the message before, too",
        default=True,
        description="When the message is very short ('and on Sunday?'), look also for what the customer wrote before.",
    )
    about: str = Field(
        title="What your documents are about",
        default="",
        max_length=100,
        description="What your documents are about, in a word or two ('bicycle repair'). Customers seldom say it, and with it their "
        "questions are understood better. Empty: the words of your website's name that its pages use themselves, if there are any.",
    )
    mode: Mode = Field(
        title="How to search",
        default="hybrid",
        description="By meaning and by words together finds most. By meaning alone ignores names and part numbers; by words alone finds "
        "only what is written the same way.",
        json_schema_extra={
            "labels": {"hybrid": "Meaning and words", "vector": "Meaning only", "lexical": "Words only"}
        },
    )
    language: str = Field(
        title="Only in this language",
        default="",
        pattern="^([a-z]{2})?$",
        description="Only documents in this language, as two letters such as 'en' or 'es'; empty is all languages.",
    )
    sources: list[str] = Field(
        title="Only in these sources",
        default_factory=list,
        max_length=50,
        description="Only these sources, by their name; none is all sources.",
        json_schema_extra={"widget": "sources"},
    )
    neighbours: int = Field(
        title="Passages before and after each one",
        default=0,
        ge=0,
        le=3,
        description="So many passages before and after each found one are read along.",
    )
    whole_section: bool = Field(
        title="Read the whole section",
        default=False,
        description="Read the whole section that a passage was cut from, up to 8000 characters.",
    )
    rerank: bool = Field(
        title="Let the model choose the best",
        default=False,
        description="Let the connected model read the first 20 passages and choose. Better for hard questions; costs a model call and a "
        "second or two each time.",
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
    settings = _settings(config, ctx)
    if settings is None:
        return Result(
            Output(passages=[], found=False, best_score=0.0), detail={"query": query, "scores": [], "note": _NO_SOURCE}
        )
    question = ask(ctx.embedder, query, settings)
    with ctx.read() as tx:
        hits = find(tx, question, settings)
    if settings.rerank and ctx.llm is not None:
        hits = reranked(ctx.llm, query, hits)
    hits = hits[: config.passages]
    passages = [_passage(hit) for hit in hits if hit.score >= config.minimum_score]
    best = max((passage.score for passage in passages), default=0.0)
    detail = {"query": query, "model": ctx.embedder.model, "scores": [_score(hit) for hit in hits]}
    if settings.about:
        detail["about"] = settings.about
    return Result(Output(passages=passages, found=bool(passages), best_score=best), detail=detail)


_NO_SOURCE = "None of the sources that this step names exists any more. Choose others, or none for all."


def _settings(config: Config, ctx: Context) -> SearchSettings | None:
    """What to search and how; None where sources are named and none of them is there."""
    named = {name.strip().lower() for name in config.sources if name.strip()}
    settings = SearchSettings(
        mode=config.mode,
        limit=config.passages,
        language=config.language,
        minimum_score=0.0,  # what is left out below is shown in the run
        neighbours=config.neighbours,
        parent=config.whole_section,
        rerank=config.rerank,
        about=config.about,
    )
    with ctx.read() as tx:
        if not named:
            return with_subject(tx, settings)
        sources = tuple(source.id for source in all_sources(tx) if source.name.lower() in named)
        return with_subject(tx, replace(settings, sources=sources)) if sources else None


def _query(config: Config, input: Input) -> str:
    message = input.message.strip()
    if not (config.use_previous and message and len(message.split()) < SHORT_MESSAGE_WORDS):
        return message
    before = next((line.content for line in reversed(input.history) if line.role == "user"), "")
    return f"{before}\n{message}".strip()


def _passage(hit: Hit) -> Passage:
    source = hit.source_name if hit.document in ("", hit.source_name) else f"{hit.source_name}: {hit.document}"
    text = hit.context or hit.text
    return Passage(id=str(hit.id), source=source, heading=hit.heading, text=text, score=round(hit.score, 4))


def _score(hit: Hit) -> dict[str, object]:
    halves = {"meaning": hit.vector_score, "words": hit.lexical_score}
    return {
        "id": str(hit.id),
        "source": hit.source_name,
        "heading": hit.heading,
        "score": round(hit.score, 4),
        **{name: round(score, 4) for name, score in halves.items() if score is not None},
    }
