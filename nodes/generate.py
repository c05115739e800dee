"""Writes the answer with the AI, from your documents only; without a connected model it quotes the documents."""

from __future__ import annotations

import time
from typing import Any, Literal

from pydantic import Field

from nodes import prompt
from nodes.contract import ChatMessage, Completion, Context, LanguageModel, Result, Settings, Values, node
from nodes.errors import AuthFailed, ClientError, NotSent, OutcomeUnknown, Rejected
from nodes.language import guess
from nodes.material import Line, Passage
from nodes.quote import quote
from nodes.verdict import Verdict, read_verdict


class Config(Settings):
    role: str = Field(
        title="Who the AI is",
        default="",
        description="Who the AI is and what it does, in your words; empty means it answers customers of the business.",
        json_schema_extra={"widget": "textarea"},
    )
    tone: str = Field(default="Friendly, brief and clear.", description="How the AI writes.")
    language: str = Field(
        default="", description="Language of the answers, for example German; empty follows the customer."
    )
    ask_for_person: bool = Field(
        title="Ask for a person when the documents do not know",
        default=True,
        description="Ask for a person when the documents do not hold the answer, instead of only saying so.",
    )
    when_model_fails: Literal["hand_over", "quote"] = Field(
        title="When the model does not work",
        default="hand_over",
        description="When the model refuses to work (key, credit, settings): ask for a person, or quote the documents.",
        json_schema_extra={"labels": {"hand_over": "Ask for a person", "quote": "Quote the documents"}},
    )
    temperature: float | None = Field(
        title="Freedom of the wording",
        default=None,
        ge=0,
        le=2,
        description="Freedom of the wording, 0 is strict; empty means the setting of the model.",
    )
    max_tokens: int | None = Field(
        title="Longest answer, in tokens",
        default=None,
        ge=50,
        le=8000,
        description="Longest answer in tokens; empty means the setting of the model.",
    )


class Input(Values):
    message: str = Field(default="", description="What the customer wrote.")
    history: list[Line] = Field(default_factory=list, description="The conversation so far.")
    passages: list[Passage] = Field(default_factory=list, description="Passages that the answer may rest on.")
    facts: str = Field(default="", description="What is known about the customer.")
    memory: str = Field(default="", description="What was noted about this conversation.")


class Output(Values):
    text: str = Field(description="The answer.")
    answered: bool = Field(description="Whether the answer can be sent: there is one, and no person is needed.")
    needs_person: bool = Field(description="Whether a person is needed.")
    reason: str = Field(description="Why a person is needed, in words.")
    used_model: str = Field(description="The model that wrote the answer; empty when the documents were quoted.")
    quoted: bool = Field(description="Whether the answer quotes the documents instead of coming from a model.")
    used_passages: list[Passage] = Field(description="The passages that the answer rests on.")


@node(
    "generate",
    title="AI answer",
    group="ai",
    icon="auto_awesome",
    sample=Input(
        message="When do you open on Saturday?",
        passages=[
            Passage(id="1", source="Opening hours", text="On Saturday we are open from 10:00 to 14:00.", score=0.8)
        ],
    ),
    costly=True,
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    message = input.message.strip() or ctx.turn.text.strip()
    if not message:
        return Result(_no_answer("The message has no text that can be answered."))
    if ctx.llm is None:
        return _quoted(message, config, input, ctx)
    asked = _prompt(message, config, input, ctx)
    try:
        return _generated(ctx.llm, asked, config, input)
    except OutcomeUnknown as error:  # asking a model twice does no harm, so the engine may try again
        raise NotSent(error.reason) from error
    except (AuthFailed, Rejected) as error:  # waiting cures the others, so they go on to the engine
        return _model_failed(error, message, config, input, ctx)


def _generated(llm: LanguageModel, asked: list[ChatMessage], config: Config, input: Input) -> Result[Output]:
    began = time.perf_counter()
    completion = llm.complete(
        asked, temperature=config.temperature, max_tokens=config.max_tokens, json_schema=prompt.ANSWER_SCHEMA
    )
    verdict = read_verdict(completion.text)
    detail = _detail(asked, completion, (time.perf_counter() - began) * 1000)
    if not verdict.reply:
        return Result(_no_answer("The model gave no usable answer.", completion.model), detail=detail)
    return Result(_answer(verdict, completion.model, input.passages), detail=detail)


def _answer(verdict: Verdict, model: str, passages: list[Passage]) -> Output:
    used = [passages[number - 1] for number in sorted(set(verdict.used)) if 0 < number <= len(passages)]
    return Output(
        text=verdict.reply,
        answered=not verdict.needs_person,
        needs_person=verdict.needs_person,
        reason=(verdict.reason or "The model asks for a person.") if verdict.needs_person else "",
        used_model=model,
        quoted=False,
        used_passages=used,
    )


def _no_answer(reason: str, model: str = "") -> Output:
    return Output(
        text="", answered=False, needs_person=True, reason=reason, used_model=model, quoted=False, used_passages=[]
    )


def _quoted(message: str, config: Config, input: Input, ctx: Context, **detail: Any) -> Result[Output]:
    found = quote(message, input.passages, _language(message, config, ctx), ctx.embedder)
    needs_person = config.ask_for_person and not found.found
    output = Output(
        text=found.text,
        answered=not needs_person,
        needs_person=needs_person,
        reason="The documents do not hold the answer." if needs_person else "",
        used_model="",
        quoted=True,
        used_passages=list(found.passages),
    )
    return Result(output, detail={"answered_by": "quotes of the documents, no language model", **detail})


def _model_failed(error: ClientError, message: str, config: Config, input: Input, ctx: Context) -> Result[Output]:
    if config.when_model_fails == "quote":
        return _quoted(message, config, input, ctx, model_error=error.reason)
    return Result(_no_answer(f"The model does not work: {error.reason}"), detail={"model_error": error.reason})


def _prompt(message: str, config: Config, input: Input, ctx: Context) -> list[ChatMessage]:
    facts = "\n".join(text for text in (input.facts.strip(), input.memory.strip()) if text)
    return prompt.messages(
        role=config.role,
        tone=config.tone,
        language=config.language,
        ask_for_person=config.ask_for_person,
        business=ctx.business,
        facts=facts,
        passages=input.passages,
        history=input.history,
        message=message,
    )


def _detail(asked: list[ChatMessage], completion: Completion, duration_ms: float) -> dict[str, Any]:
    return {
        "messages": [{"role": line.role, "content": line.content} for line in asked],
        "answer": completion.text,
        "model": completion.model,
        "tokens_in": completion.tokens_in,
        "tokens_out": completion.tokens_out,
        "cost_usd": completion.cost_usd,
        "duration_ms": round(duration_ms, 1),
    }


def _language(message: str, config: Config, ctx: Context) -> str:
    """A code for the frame of a quotation; the setting may hold a name ("German") or a code."""
    names = {"english": "en", "spanish": "es", "german": "de", "french": "fr", "portuguese": "pt"}
    chosen = config.language.strip().lower()
    return names.get(chosen, chosen) or guess(message) or (ctx.contact.language if ctx.contact else "")
