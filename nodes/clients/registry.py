"""Every channel that Frontdesk speaks, by the kind of its connection."""

from __future__ import annotations

from nodes.clients.channel import ChannelClient
from nodes.clients.twilio import TwilioChannel
from nodes.clients.webchat import WebChat

CHANNELS: dict[str, ChannelClient] = {channel.kind: channel for channel in (WebChat(), TwilioChannel())}


def client(kind: str) -> ChannelClient:
    """The client of a connection's kind. Raises KeyError with the known kinds."""
    try:
        return CHANNELS[kind]
    except KeyError:
        raise KeyError(f"'{kind}' is no channel (known: {', '.join(sorted(CHANNELS))}).") from None
