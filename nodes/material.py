"""What a model reads besides the message: passages of documents, and lines of the conversation so far."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nodes.contract import Values


class Passage(Values):
    """A piece of a document of the business."""

    id: str = Field(description="Identifier of the passage.")
    source: str = Field(
        default="", description="Name of the training source, with the document where there are several."
    )
    heading: str = Field(default="", description="Headings that the text stands under.")
    text: str = Field(description="Text of the passage.")
    score: float = Field(default=0.0, description="Closeness to the question, 1 is the same.")


class Line(Values):
    """One line of the conversation."""

    role: Literal["system", "user", "assistant"] = Field(description="Who it is from: the customer is the user.")
    content: str = Field(description="What was written.")
