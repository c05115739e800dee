"""Effects: values that say "do this to the world". Nodes return them; only `flows.delivery` and `flows.commit` perform them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

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


class Template(BaseModel):
    """A message that WhatsApp approved beforehand, its blanks filled: it may leave when free text may not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(description="The template's id at Twilio.")
    name: str = Field(description="The template's name.")
    language: str = Field(default="", description="Language of the template, for example en.")
    text: str = Field(description="The text as the customer reads it.")
    variables: dict[str, str] = Field(default_factory=dict, description="Blank -> what was filled in.")


class SendMessage(Effect):
    """Send a message to the contact of the run's conversation."""

    kind: Literal["send_message"] = "send_message"
    text: str = Field(description="Text of the message.")
    media: tuple[Media, ...] = Field(default=(), description="Files that go along.")
    template: Template | None = Field(
        default=None,
        description="Leaves instead of the text on WhatsApp, 24 hours after the customer's last message and later.",
    )
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
    """Tell colleagues, by e-mail, by SMS, on the page, or in a team chat by its webhook."""

    kind: Literal["notify_people"] = "notify_people"
    via: Literal["email", "sms", "page", "webhook"] = Field(description="The way the notice takes.")
    to: tuple[str, ...] = Field(
        default=(),
        description="Mail addresses, phone numbers or the webhook's address; empty means every agent and admin of the workspace.",
    )
    subject: str = Field(description="Subject line.")
    text: str = Field(description="Text of the notice.")


class UpdateContact(Effect):
    """Change fields of the contact, in the CRM where one is connected and here."""

    kind: Literal["update_contact"] = "update_contact"
    fields: dict[str, JsonValue] = Field(
        description="Field -> new value: name, first_name, last_name, email, phone, company, ... or custom.<field id>."
    )


class ChangeTags(Effect):
    """Add tags to the contact and take others away."""

    kind: Literal["change_tags"] = "change_tags"
    add: tuple[str, ...] = Field(default=(), description="Tags that the contact gets.")
    remove: tuple[str, ...] = Field(default=(), description="Tags that the contact loses.")


class CreateTask(Effect):
    """Write a task on the contact for a colleague."""

    kind: Literal["create_task"] = "create_task"
    title: str = Field(description="What is to be done.")
    body: str = Field(default="", description="More about it.")
    due_at: AwareDatetime = Field(description="When it is due.")
    assigned_to: str = Field(default="", description="User of the CRM who has it; empty means nobody yet.")


class AddNote(Effect):
    """Write a note on the contact."""

    kind: Literal["add_note"] = "add_note"
    body: str = Field(description="Text of the note.")


class MoveOpportunity(Effect):
    """Put the contact's opportunity of a pipeline into a stage; made where the contact has none."""

    kind: Literal["move_opportunity"] = "move_opportunity"
    pipeline_id: str = Field(description="The pipeline.")
    stage_id: str = Field(default="", description="The stage; empty leaves it where it is.")
    status: Literal["", "open", "won", "lost", "abandoned"] = Field(
        default="", description="New status; empty leaves it."
    )
    name: str = Field(default="", description="Name of a new opportunity; empty means the contact's name.")
    value: float | None = Field(default=None, description="Money at stake, in the currency of the location.")


class BookAppointment(Effect):
    """Book a slot of a calendar. What is said to the customer follows from how that ends."""

    kind: Literal["book_appointment"] = "book_appointment"
    calendar_id: str = Field(description="The calendar.")
    start: AwareDatetime = Field(description="Beginning of the slot.")
    end: datetime | None = Field(default=None, description="End of the slot; empty means the calendar's slot length.")
    title: str = Field(default="", description="Title in the calendar.")
    timezone: str = Field(default="", description="Time zone of the customer, for example Europe/Zurich.")
    assigned_to: str = Field(default="", description="User of the CRM; empty lets the calendar choose.")
    when_booked: str = Field(default="", description="Message to the customer after it was booked; empty means none.")
    when_taken: str = Field(default="", description="Message where the slot was taken meanwhile; empty means none.")


class SendRequest(Effect):
    """Call an address of another system, once."""

    kind: Literal["send_request"] = "send_request"
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = Field(description="The method.")
    url: str = Field(description="The address; its host must be on the workspace's list of allowed hosts.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers that go along.")
    body: JsonValue = Field(default=None, description="What is sent, as JSON.")


class StartAutomation(Effect):
    """Start another automation for the same contact and conversation."""

    kind: Literal["start_automation"] = "start_automation"
    automation_id: str = Field(description="The automation.")
    data: dict[str, JsonValue] = Field(default_factory=dict, description="Values that its first step gets.")


AnyEffect = Annotated[
    SendMessage
    | OpenHandoff
    | NotifyPeople
    | UpdateContact
    | ChangeTags
    | CreateTask
    | AddNote
    | MoveOpportunity
    | BookAppointment
    | SendRequest
    | StartAutomation,
    Field(discriminator="kind"),
]
EFFECT_KINDS: dict[str, type[Effect]] = {
    kind.model_fields["kind"].default: kind
    for kind in (
        SendMessage,
        OpenHandoff,
        NotifyPeople,
        UpdateContact,
        ChangeTags,
        CreateTask,
        AddNote,
        MoveOpportunity,
        BookAppointment,
        SendRequest,
        StartAutomation,
    )
}
# Those that change the CRM: they wait in a line of their own, so that a message never waits for the CRM.
CRM_KINDS = frozenset(
    {"update_contact", "change_tags", "create_task", "add_note", "move_opportunity", "book_appointment"}
)
# May be performed again when nobody knows whether the first try worked.
REPEATABLE = frozenset({"open_handoff", "notify_people", "update_contact", "change_tags", "move_opportunity"})
