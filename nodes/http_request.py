"""Calls an address of another system; what a GET answers can be used by later steps."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import Field, JsonValue

from nodes.contract import Context, NodeFailed, Result, Settings, Values, node
from nodes.effects import SendRequest
from nodes.errors import NotSent, OutcomeUnknown

LONGEST_TEXT = 20_000  # characters of an answer that later steps get
WRITING: JsonValue = {"method": ["POST", "PUT", "PATCH", "DELETE"]}


class Pair(Settings):
    name: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="Its name.")
    value: str = Field(default="", description="Its value; may hold {{step.output}}.")


class Config(Settings):
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        default="GET",
        description="GET reads now; the others change something and are carried out once, after the step.",
        json_schema_extra={"labels": {name: f"{name} ({said})" for name, said in (("GET", "read"), ("POST", "send"))}},
    )
    url: str = Field(
        title="Address",
        default="",
        description="The address, beginning with https://; its host must be on the list of allowed hosts.",
    )
    query: list[Pair] = Field(
        title="Behind the '?' of the address",
        default_factory=list,
        max_length=20,
        description="What goes behind the '?' of the address.",
    )
    headers: list[Pair] = Field(default_factory=list, max_length=20, description="Headers that go along.")
    fields: list[Pair] = Field(
        title="What is sent",
        default_factory=list,
        max_length=40,
        description="What is sent, as names and values.",
        json_schema_extra={"only_if": WRITING},
    )
    body: str = Field(
        title="What is sent, as JSON",
        default="",
        description="What is sent, as JSON written by hand; instead of the names and values.",
        json_schema_extra={"widget": "textarea", "only_if": WRITING},
    )


class Input(Values):
    """Everything stands in the settings."""


class Output(Values):
    ok: bool = Field(description="Whether a GET was answered well (status 200 to 299), or the call is on its way.")
    status: int = Field(description="Status of the answer to a GET, for example 200; 0 where there is none yet.")
    text: str = Field(description="The answer to a GET as text.")
    data: Any = Field(description="The answer to a GET when it is JSON: use {{step.data.name}} for one value of it.")


@node(
    "http_request",
    title="HTTP request",
    group="logic",
    icon="http",
    sample=Input(),
    effects=("send_request",),
    costly=True,
)
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    if not config.url.strip():
        return Result(_nothing(), detail={"reason": "No address is set."})
    url, headers = _address(config), {pair.name: pair.value for pair in config.headers}
    if config.method == "GET":
        return Result(_read(url, headers, ctx), detail={"address": url})
    body = _body(config)
    request = SendRequest(method=config.method, url=url, headers=headers, body=body)
    return Result(Output(ok=True, status=0, text="", data=None), (request,))


def _read(url: str, headers: dict[str, str], ctx: Context) -> Output:
    if ctx.web is None:
        raise NodeFailed("Other systems cannot be reached here. Try it in a real run.")
    try:
        got = ctx.web.get(url, headers)
    except OutcomeUnknown as error:  # reading twice does no harm
        raise NotSent(error.reason) from error
    return Output(ok=200 <= got.status < 300, status=got.status, text=got.text[:LONGEST_TEXT], data=got.data)


def _nothing() -> Output:
    return Output(ok=False, status=0, text="", data=None)


def _address(config: Config) -> str:
    """The address with its query; values of the query are encoded, so what a customer wrote stays a value."""
    url = config.url.strip()
    if not config.query:
        return url
    pairs = "&".join(f"{quote(pair.name, safe='')}={quote(pair.value, safe='')}" for pair in config.query)
    return f"{url}{'&' if '?' in url else '?'}{pairs}"


def _body(config: Config) -> JsonValue:
    if not config.body.strip():
        return {pair.name: pair.value for pair in config.fields} if config.fields else None
    try:
        made: JsonValue = json.loads(config.body)
    except ValueError as error:
        raise NodeFailed(
            f"What is sent is no JSON: {error}. A text with quotes or line breaks belongs into the names and values."
        ) from error
    return made
