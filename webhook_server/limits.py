"""How often somebody may call; counted in the database, so that several server processes count together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from db import limits
from db.engine import system
from db.settings import get_settings
from nodes.clients.channel import Account
from webhook_server.errors import too_many

MINUTE, HOUR = 60.0, 3600.0
CHAT_PER_MINUTE = 30  # messages of one visitor, and of one address; `messages_per_minute` of the connection changes it
CHAT_READS_PER_MINUTE = 120  # history and streams of one visitor: a browser that reconnects stays well below


def count_address(address: str) -> None:
    """One call of REST or of the web chat from an address. Raises Refusal 429 above FRONTDESK_LIMIT_ADDRESS_PER_HOUR."""
    if wait := _take(f"api-address:{address}", get_settings().limit_address_per_hour, HOUR):
        raise too_many(wait, "Too many calls came from your address in this hour.")


def count_endpoint(key: object, endpoint: str) -> None:
    """One API call with a key. Raises Refusal 429 above FRONTDESK_LIMIT_API_PER_MINUTE of one endpoint."""
    if wait := _take(f"api-key:{key}:{endpoint}", get_settings().limit_api_per_minute, MINUTE):
        raise too_many(wait, "Too many calls of this endpoint were made with this key.")


def count_hook(account: Account) -> None:
    """One call of an address that starts automations. Raises Refusal 429 above FRONTDESK_LIMIT_HOOK_PER_MINUTE."""
    if wait := _take(f"hook:{account.id}", get_settings().limit_hook_per_minute, MINUTE):
        raise too_many(wait, "Too many calls of this address were made.")


def count_question(account: Account) -> None:
    """One question to such an address. Raises Refusal 429 above FRONTDESK_LIMIT_QUESTION_PER_MINUTE."""
    if wait := _take(f"question:{account.id}", get_settings().limit_question_per_minute, MINUTE):
        raise too_many(wait, "Too many questions were asked at this address.")


def count_chat_message(account: Account, visitor: str, address: str) -> None:
    """One message of a visitor. Raises Refusal 429."""
    most = _chat_limit(account.config.get("messages_per_minute"))
    for key in (f"chat:{account.id}:{visitor}", f"chat-address:{address}"):
        if wait := _take(key, most, MINUTE):
            raise too_many(wait, "That was a lot of messages at once.")


def count_chat_visitor(account: Account, address: str) -> None:
    """One new visitor. Raises Refusal 429: nobody becomes thirty people a minute."""
    most = _chat_limit(account.config.get("messages_per_minute"))
    if wait := _take(f"chat-visitors:{address}", most, MINUTE):
        raise too_many(wait, "Too many chats were opened from your address.")


def count_chat_read(account: Account, visitor: str) -> None:
    """One look at the history, or one stream opened. Raises Refusal 429."""
    if wait := _take(f"chat-read:{account.id}:{visitor}", CHAT_READS_PER_MINUTE, MINUTE):
        raise too_many(wait, "The chat was opened too often.")


def _take(key: str, per_window: int, window_seconds: float) -> float:
    if per_window == 0:
        return 0.0
    with system() as tx:
        return limits.take(tx, key, per_window, window_seconds, datetime.now(UTC))


def _chat_limit(setting: Any) -> int:
    return setting if isinstance(setting, int) and setting >= 0 else CHAT_PER_MINUTE
