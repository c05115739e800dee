"""Conversations and messages of a location: one conversation per contact. Source: S:conversations.json, D:ConversationProviders.md."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from nodes.clients.ghl_http import File, GhlPart, path_id
from nodes.errors import NotSent, OutcomeUnknown, Rejected

READ, WRITE = "conversations.readonly", "conversations.write"
MESSAGES_READ, MESSAGES_WRITE = "conversations/message.readonly", "conversations/message.write"
STATUSES = ("pending", "delivered", "read", "failed")  # there is no `sent`
# For some seconds after a message GHL does not know whose it is and refuses its status: try again after these seconds (I#4).
STATUS_PAUSES = (2.0, 4.0, 8.0, 16.0)
EXPORTED_AT_ONCE, MOST_EXPORTED = 100, 2000
UPLOADABLE = frozenset(["jpg", "jpeg", "png", "mp4", "mpeg", "zip", "rar", "pdf", "doc", "docx", "txt", "mp3", "wav"])


class Conversations(GhlPart):
    def conversation_of(self, contact_id: str) -> str:
        """The id of the contact's conversation; made where there is none."""
        if found := self._search(contact_id):
            return found
        body = {"locationId": self.location_id, "contactId": contact_id}
        try:
            made = self._http.call("POST", "/conversations/", scope=WRITE, body=body)
        except Rejected:
            if found := self._search(contact_id):  # somebody made it in the same moment
                return found
            raise
        return str((made.get("conversation") or made).get("id") or "")

    def messages(self, conversation_id: str, limit: int = 20) -> list[dict[str, Any]]:
        """The newest messages, as GHL orders them. Some accounts see the list one level deeper: both are read."""
        found: Any = self._http.get(
            f"/conversations/{path_id(conversation_id)}/messages", MESSAGES_READ, limit=limit
        ).get("messages")
        if isinstance(found, dict):
            found = found.get("messages")
        return [each for each in found or () if isinstance(each, dict)]

    def message(self, id: str) -> dict[str, Any] | None:
        try:
            found = self._http.get(f"/conversations/messages/{path_id(id)}", MESSAGES_READ)
        except Rejected as error:
            if error.code == "not_found":
                return None
            raise
        return found.get("message") if isinstance(found.get("message"), dict) else found

    def exported(self, most: int = MOST_EXPORTED) -> Iterator[dict[str, Any]]:
        """The messages of the whole location, newest first. How its dates are to be written is not documented, so none are
        sent: whoever reads stops where it has read enough."""
        query = {"locationId": self.location_id, "limit": EXPORTED_AT_ONCE, "sortBy": "createdAt", "sortOrder": "desc"}
        cursor, left = "", most
        while left > 0:
            answer = self._http.get("/conversations/messages/export", MESSAGES_READ, **query, cursor=cursor)
            page = [each for each in answer.get("messages") or () if isinstance(each, dict)]
            yield from page[:left]
            left -= len(page)
            cursor = str(answer.get("nextCursor") or "")
            if not cursor or not page:
                return

    def add_inbound(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Write a message into the conversation without sending it: one that came in, or, with direction `outbound`, one
        that left elsewhere. Needs type, contactId or conversationId, message or attachments.

        The direction is always sent: GHL's own default is `outbound`. An answer without an id means that nothing was
        stored, whatever its status (I#70): Rejected("not_stored").
        """
        body = {"direction": "inbound", **fields}
        made = self._http.call("POST", "/conversations/messages/inbound", scope=MESSAGES_WRITE, body=body)
        if not made.get("messageId"):
            raise Rejected(
                "not_stored",
                "GoHighLevel stored nothing. A message of this type needs the id of a conversation provider.",
            )
        return made

    def send_message(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Let GHL send. Needs type, contactId and message; an e-mail is sent from `html`, which is made from `message`."""
        body = dict(fields)
        if body.get("type") == "Email" and "html" not in body and body.get("message"):
            body["html"] = html.escape(body.pop("message")).replace("\n", "<br>")
        made = self._http.call("POST", "/conversations/messages", scope=MESSAGES_WRITE, body=body)
        if not made.get("messageId"):
            raise OutcomeUnknown("GoHighLevel took the message and gave no id for it.")
        return made

    def set_status(self, message_id: str, status: str, error: str = "") -> None:
        """Say what became of a message of our provider: pending, delivered, read or failed; `sent` is no news to GHL.

        Raises NotSent while GHL does not know yet whose message it is: try again after STATUS_PAUSES. For good it says
        the same to a token that is not of the app which owns the provider.
        """
        if status == "sent":
            return
        if status not in STATUSES:
            raise Rejected("status", f"GoHighLevel has no status '{status}' (known: {', '.join(STATUSES)}).")
        body: dict[str, Any] = {"status": status}
        if status == "failed":
            body["error"] = {"code": "1", "type": "saas", "message": error or "The message could not be delivered."}
        try:
            self._http.call(
                "PUT", f"/conversations/messages/{path_id(message_id)}/status", scope=MESSAGES_WRITE, body=body
            )
        except Rejected as refused:
            if refused.code == "provider":
                raise NotSent(refused.reason) from refused
            raise

    def upload(self, conversation_id: str, contact_id: str, files: Sequence[File]) -> dict[str, str]:
        """name -> address of each file (name, content, content type). Voice notes (ogg) and stickers (webp) are not taken."""
        for name, _, _ in files:
            if PurePath(name).suffix.lower().lstrip(".") not in UPLOADABLE:
                raise Rejected(
                    "file_type", f"GoHighLevel does not take the file {name}. Convert it, or send its address."
                )
        form = {"conversationId": conversation_id, "contactId": contact_id, "locationId": self.location_id}
        made = self._http.call(
            "POST", "/conversations/messages/upload", scope=MESSAGES_WRITE, form=form, files=list(files)
        )
        return {str(name): str(address) for name, address in (made.get("uploadedFiles") or {}).items()}

    def _search(self, contact_id: str) -> str:
        found = self._http.get(
            "/conversations/search", READ, locationId=self.location_id, contactId=contact_id, limit=1
        ).get("conversations")
        return str(found[0]["id"]) if found else ""
