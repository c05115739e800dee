"""The conversations of a twin of GoHighLevel: sending, logging, status, files, and what the conversation provider gets."""

from __future__ import annotations

from typing import Any

from tests.fakes.ghl_world import Call, Refused, Thing, World, new_id, now

SENDS = {"SMS", "RCS", "Email", "WhatsApp", "IG", "FB", "Custom", "Live_Chat", "TIKTOK", "InternalComment"}
LOGS = {
    "SMS", "RCS", "Email", "WhatsApp", "GMB", "IG", "FB", "Custom", "WebChat", "Live_Chat", "Call", "IVR_Call",
    "Campaign_Call", "Campaign_VoiceMail", "TIKTOK", "ALL_IN_ONE_CHAT", "FORM_SUBMISSION",
}  # fmt: skip
STATUSES = {"delivered", "failed", "pending", "read"}
TAKEN_FILES = {"jpg", "jpeg", "png", "mp4", "mpeg", "zip", "rar", "pdf", "doc", "docx", "txt", "mp3", "wav"}
# Names and numbers of the kinds when read and in webhooks; the numbers beyond 22 are inferred in the fact sheet.
_READ = {"SMS": ("TYPE_SMS", 2), "Email": ("TYPE_EMAIL", 3), "WhatsApp": ("TYPE_WHATSAPP", 19),
         "Custom": ("TYPE_CUSTOM_PROVIDER_SMS", 22), "InternalComment": ("TYPE_INTERNAL_COMMENT", 35),
         "FB": ("TYPE_FACEBOOK", 11), "IG": ("TYPE_INSTAGRAM", 18), "Live_Chat": ("TYPE_LIVE_CHAT", 29)}  # fmt: skip
_DND_OF = {
    "SMS": "SMS",
    "Custom": "SMS",
    "RCS": "SMS",
    "WhatsApp": "WhatsApp",
    "Email": "Email",
    "FB": "FB",
    "GMB": "GMB",
}


class Talk(World):
    """Conversations and messages: one conversation per contact."""

    def search_conversations(self, call: Call) -> tuple[int, Thing]:
        self._here(call.query["locationId"])
        contact = call.query.get("contactId")
        found = [each for each in self.conversations.values() if contact in (None, each["contactId"])]
        return 200, {"conversations": found[: int(call.query.get("limit", 20))], "total": len(found)}

    def create_conversation(self, call: Call) -> tuple[int, Thing]:
        self._here(call.body["locationId"])
        contact = self._known(self.contacts, call.body["contactId"], "Contact")
        if any(each["contactId"] == contact["id"] for each in self.conversations.values()):
            raise Refused(400, "Conversation already exists")
        return 201, {"success": True, "conversation": self._conversation(contact["id"])}

    def get_conversation(self, call: Call) -> tuple[int, Thing]:
        return 200, self._known(self.conversations, call.ids["id"], "Conversation")

    def update_conversation(self, call: Call) -> tuple[int, Thing]:
        found = self._known(self.conversations, call.ids["id"], "Conversation")
        found.update(call.body)
        return 200, {"success": True, "conversation": found}

    def messages(self, call: Call) -> tuple[int, Thing]:
        self._known(self.conversations, call.ids["id"], "Conversation")
        found = [each for each in reversed(self.message_list) if each["conversationId"] == call.ids["id"]]
        page = found[: int(call.query.get("limit", 20))]
        inner = {"lastMessageId": page[-1]["id"] if page else "", "nextPage": len(found) > len(page), "messages": page}
        return 200, {"messages": inner} if self.nested_messages else inner

    def get_message(self, call: Call) -> tuple[int, Thing]:
        return 200, self._known({each["id"]: each for each in self.message_list}, call.ids["id"], "Message")

    def export_messages(self, call: Call) -> tuple[int, Thing]:
        """Every message of the location, by the moment it was made; the cursor is where the next page begins."""
        self._here(call.query["locationId"])
        limit, begin = int(call.query.get("limit", 100)), int(call.query.get("cursor", 0))
        if limit > 500:
            raise Refused(400, "limit must not be greater than 500")
        newest_first = call.query.get("sortOrder", "desc") == "desc"
        found = sorted(self.message_list, key=lambda each: str(each["dateAdded"]))  # of the same moment, as they came
        found = found[::-1] if newest_first else found
        found = [each for each in found if call.query.get("contactId") in (None, each["contactId"])]
        answer: Thing = {"messages": found[begin : begin + limit], "total": len(found)}
        return 200, answer | ({"nextCursor": str(begin + limit)} if begin + limit < len(found) else {})

    def send_message(self, call: Call) -> tuple[int, Thing]:
        body = call.body
        contact = self._known(self.contacts, body["contactId"], "Contact")
        self._check_send(body, contact)
        message = self._store(body, contact["id"], "outbound", source="api")
        self._tell(message)
        if provider := body.get("conversationProviderId"):
            self._use(provider, call)
            self._hand_over(message, contact)
        return 201, {"conversationId": message["conversationId"], "messageId": message["id"], "msg": "Message queued"}

    def add_inbound(self, call: Call) -> tuple[int, Thing]:
        body = call.body
        if body["type"] not in LOGS:
            raise Refused(400, "type is not valid")
        if provider := body.get("conversationProviderId"):
            self._use(provider, call)
        elif body["type"] == "Custom":
            return 201, {}  # nothing is stored, and nothing says so
        contact_id = body.get("contactId") or self._whose(body.get("conversationId"))
        self._known(self.contacts, contact_id, "Contact")
        if not any(body.get(name) for name in ("message", "html", "attachments", "call")):
            raise Refused(400, "There is no message or attachments for this message.")
        direction = body.get("direction", "outbound")  # the documented default
        message = self._store(body, contact_id, direction, source="api")
        self._tell(message)
        answer = {"success": True, "conversationId": message["conversationId"], "messageId": message["id"]}
        return 201, {**answer, "message": message["body"], "contactId": contact_id, "dateAdded": message["dateAdded"]}

    def set_status(self, call: Call) -> tuple[int, Thing]:
        found = {each["id"]: each for each in self.message_list}
        message = self._known(found, call.ids["id"], "Message")
        provider, left = message.get("conversationProviderId"), self._races.get(message["id"], self.status_race)
        self._races[message["id"]] = left - 1
        if left > 0 or not call.grant.app_id or self.providers.get(provider or "") != call.grant.app_id:
            raise Refused(403, "No conversation provider found for this message")
        if call.body["status"] not in STATUSES:
            raise Refused(400, "status must be one of delivered, failed, pending, read")
        if set(call.body.get("error", {})) - {"code", "type", "message"}:
            raise Refused(400, "error takes code, type and message")
        message["status"] = call.body["status"]
        self.status_reports.append((message["id"], call.body))
        return 200, {"conversationId": message["conversationId"], "messageId": message["id"]}

    def upload(self, call: Call) -> tuple[int, Thing]:
        self._here(call.body["locationId"])
        if not call.files:
            raise Refused(400, "No file was uploaded")
        for name, size in call.files:
            if name.rpartition(".")[2].lower() not in TAKEN_FILES:
                raise Refused(415, "File type not supported")
            if size > 5_000_000:
                raise Refused(413, "File too large")
        self.uploads += call.files
        return 200, {"uploadedFiles": {name: f"https://files.example.com/{new_id()}/{name}" for name, _ in call.files}}

    # --- what a person does in the inbox -----------------------------------------------------------------------------------

    def type_message(self, contact_id: str, text: str, *, provider: str = "", user: str = "", **more: Any) -> Thing:
        """A person writes in GoHighLevel's inbox: the app hears of it, and the provider gets it to send. Returns the message."""
        body = {"type": "SMS", "message": text, "userId": user or self.user_list[0]["id"], **more}
        body |= {"conversationProviderId": provider} if provider else {}
        message = self._store(body, contact_id, "outbound", source="app")
        self._tell(message)
        if provider:
            self._hand_over(message, self.contacts[contact_id])
        return message

    def _check_send(self, body: Thing, contact: Thing) -> None:
        kind = body["type"]
        if kind not in SENDS:
            raise Refused(400, "type is not valid")
        has_text = body.get("html") if kind == "Email" else body.get("message") or body.get("templateId")
        if not has_text and not body.get("attachments"):
            raise Refused(422, "There is no message or attachments for this message. Skip sending.", named="status")
        if body.get("scheduledTimestamp", 0) > 10**11:
            raise Refused(400, "scheduledTimestamp is in seconds")
        channel = _DND_OF.get(kind, "")
        state = (contact["dndSettings"].get(channel) or {}).get("status")
        if kind != "InternalComment" and (contact["dnd"] or state in ("active", "permanent")):
            raise Refused(400, f"Cannot send message as DND is active for {channel or kind}.")
        if channel in ("SMS", "WhatsApp") and not contact.get("phone"):
            raise Refused(400, "Missing phone number")

    def _use(self, provider: str, call: Call) -> None:
        if provider not in self.providers:
            raise Refused(400, "Invalid conversationProviderId")
        if not call.grant.app_id or self.providers[provider] != call.grant.app_id:
            raise Refused(400, f"You don't have access to the conversationProvider with id {provider}")

    def _whose(self, conversation: str | None) -> str:
        if not conversation:
            raise Refused(400, "Either conversationId or contactId is required")
        return str(self._known(self.conversations, conversation, "Conversation")["contactId"])

    def _conversation(self, contact_id: str) -> Thing:
        for each in self.conversations.values():
            if each["contactId"] == contact_id:
                return each
        contact = self.contacts[contact_id]
        made = {
            "id": new_id(), "contactId": contact_id, "locationId": self.location_id, "deleted": False, "type": "TYPE_PHONE",
            "dateAdded": now(), "dateUpdated": now(), "lastMessageBody": "", "lastMessageType": "TYPE_SMS", "unreadCount": 0,
            "fullName": contact.get("name", ""), "contactName": contact.get("name", ""),
            "email": contact.get("email"), "phone": contact.get("phone"),
        }  # fmt: skip
        self.conversations[made["id"]] = made
        return made

    def _store(self, body: Thing, contact_id: str, direction: str, source: str) -> Thing:
        conversation = self._conversation(contact_id)
        name, number = _READ.get(body["type"], ("TYPE_CUSTOM_SMS", 20))
        message: Thing = {
            "id": new_id(), "type": number, "messageType": name, "locationId": self.location_id, "contactId": contact_id,
            "conversationId": conversation["id"], "dateAdded": body.get("date") or now(), "direction": direction,
            "body": body.get("message") or body.get("html") or "", "contentType": "text/plain", "source": source,
            "status": "delivered" if direction == "inbound" else "pending", "attachments": body.get("attachments") or [],
            "_kind": body["type"],
        }  # fmt: skip
        message |= {name: body[name] for name in ("userId", "conversationProviderId", "altId") if name in body}
        self.message_list.append(message)
        conversation.update(lastMessageBody=message["body"], lastMessageType=message["messageType"])
        return message

    def _tell(self, message: Thing) -> None:
        """The app's webhook hears of every message, its own among them."""
        event = "InboundMessage" if message["direction"] == "inbound" else "OutboundMessage"
        names = (
            "attachments",
            "body",
            "contactId",
            "contentType",
            "conversationId",
            "dateAdded",
            "direction",
            "status",
        )
        payload = {name: message[name] for name in names}
        payload |= {"messageType": message["_kind"], "messageId": message["id"], "source": message["source"]}
        payload |= {"messageTypeId": message["type"], "messageTypeString": message["messageType"]}
        payload |= {name: message[name] for name in ("userId", "conversationProviderId") if name in message}
        self.fire(event, payload)

    def _hand_over(self, message: Thing, contact: Thing) -> None:
        """What the provider's delivery address gets: another form than the events."""
        payload = {
            "contactId": contact["id"], "locationId": self.location_id, "messageId": message["id"],
            "type": message["_kind"], "phone": contact.get("phone"), "message": message["body"],
            "attachments": message["attachments"],
        }  # fmt: skip
        self.deliver(payload | ({"userId": message["userId"]} if "userId" in message else {}))
