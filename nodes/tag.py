"""Gives the contact tags and takes others away."""

from __future__ import annotations

import re

from pydantic import Field

from nodes.contract import Context, NodeFailed, Result, Settings, Values, node
from nodes.effects import ChangeTags


class Config(Settings):
    add: list[str] = Field(
        title="Tags to give",
        default_factory=list,
        description="Tags that the contact gets.",
        json_schema_extra={"widget": "tags"},
    )
    remove: list[str] = Field(
        title="Tags to take away",
        default_factory=list,
        description="Tags that the contact loses.",
        json_schema_extra={"widget": "tags"},
    )


class Input(Values):
    add: str = Field(
        title="More tags to give",
        default="",
        description="More tags to give, separated by commas, from an earlier step.",
    )
    remove: str = Field(
        title="More tags to take away",
        default="",
        description="More tags to take away, separated by commas, from an earlier step.",
    )


class Output(Values):
    changed: bool = Field(description="Whether there was a tag to give or to take away.")
    added: list[str] = Field(description="Tags that are given.")
    removed: list[str] = Field(description="Tags that are taken away.")


@node("tag", title="Tag contact", group="people", icon="sell", sample=Input(add="vip"), effects=("change_tags",))
def run(config: Config, input: Input, ctx: Context) -> Result[Output]:
    if ctx.contact is None:
        raise NodeFailed("This run has no contact to tag. Start it from a message or from an event of the CRM.")
    remove = named([*config.remove, *split(input.remove)])
    lost = {tag.lower() for tag in remove}
    add = [tag for tag in named([*config.add, *split(input.add)]) if tag.lower() not in lost]
    if not add and not remove:
        return Result(Output(changed=False, added=[], removed=[]), detail={"reason": "No tag is named."})
    return Result(Output(changed=True, added=add, removed=remove), (ChangeTags(add=tuple(add), remove=tuple(remove)),))


def split(text: str) -> list[str]:
    return re.split(r"[,\n]", text)


def named(tags: list[str]) -> list[str]:
    """Each tag once; case does not count, because the CRM writes them in lower case."""
    tidy = {tag.strip().lower(): tag.strip() for tag in reversed(tags) if tag.strip()}
    return [tidy[key] for key in dict.fromkeys(tag.strip().lower() for tag in tags if tag.strip())]
