"""Effects: values that say "do this to the world". Nodes return them; only `flows.delivery` and `flows.commit` perform them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

ReasonCode = Literal[
    "customer_request",
    "missing_knowledge",
    "unsupported_request",
    "policy_restriction",
    "tool_failure",
    "usage_limit",
    "taken_over",
    "other",
]
Priority = Literal["low", "normal", "high", "urgent"]


class Media(BaseModel):
    """A file that goes along with a message."""

    model_config = ConfigDict(frozen=True)

    url: str = Field(description="Public address of the file.")
    content_type: str = Field(default="", description="Media type, for example image/jpeg.")
    name: str = Field(default="", description="File name shown to the reader.")


class Effect(BaseModel):
    """The root of all effects."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str


class SendMessage(Effect):
    """Send a message to the contact of the run's conversation."""

    kind: Literal["send_message"] = "send_message"
    text: str = Field(description="Text of the message.")
    media: tuple[Media, ...] = Field(default=(), description="Files that go along.")
    explanation: dict[str, object] = Field(
        default_factory=dict, description="Why this answer: passages, model, prompt version; kept with the message."
    )


class OpenHandoff(Effect):
    """Ask for a person: the AI stops in this conversation until it is given back."""

    kind: Literal["open_handoff"] = "open_handoff"
    reason_code: ReasonCode = Field(description="Category of the reason.")
    reason: str = Field(description="The reason in words.")
    summary: str = Field(default="", description="What the person who takes over should know.")
    priority: Priority = Field(default="normal", description="How soon a person should look.")


class NotifyPeople(Effect):
    """Tell colleagues, by e-mail or on the page."""

    kind: Literal["notify_people"] = "notify_people"
    via: Literal["email", "page"] = Field(description="The way the notice takes.")
    to: tuple[str, ...] = Field(
        default=(), description="Mail addresses; empty means every agent and admin of the workspace."
    )
    subject: str = Field(description="Subject line.")
    text: str = Field(description="Text of the notice.")


AnyEffect = Annotated[SendMessage | OpenHandoff | NotifyPeople, Field(discriminator="kind")]
EFFECT_KINDS: dict[str, type[Effect]] = {
    "send_message": SendMessage,
    "open_handoff": OpenHandoff,
    "notify_people": NotifyPeople,
}
# May be performed again when nobody knows whether the first try worked.
REPEATABLE = frozenset({"open_handoff", "notify_people"})
